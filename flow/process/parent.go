package process

import (
	"context"
	"time"
)

// parentPause is how often a process looks whether its parent is still there.
const parentPause = time.Second

// Parent is the process that started this one. It is for programs whose parent may end
// without a word and leaves them no pipe to notice it by.
type Parent struct{ gone func() bool }

// FindParent returns the parent. It has to be called before the parent is told anything:
// one that ends after that may have ended already when somebody looks, and whom it left
// us to would be taken for it.
func FindParent() Parent { return Parent{gone: parentEnd()} }

// Wait returns when the parent has ended, or ctx does.
func (p Parent) Wait(ctx context.Context) {
	tick := time.NewTicker(parentPause)
	defer tick.Stop()
	for !p.gone() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
