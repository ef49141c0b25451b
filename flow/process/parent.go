package process

import (
	"context"
	"time"
)

// parentPause is how often a process looks whether its parent is still there.
const parentPause = time.Second

// WaitForParent returns when the process that started this one has ended, or ctx does.
// It is for programs whose parent may end without a word and leaves them no pipe to
// notice it by.
func WaitForParent(ctx context.Context) {
	gone := parentEnd()
	tick := time.NewTicker(parentPause)
	defer tick.Stop()
	for !gone() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
