package flow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// busy is a backend on a busy disk: it takes a while to stop a download.
type busy struct {
	polls   int
	stopped bool
}

func (b *busy) Call(ctx context.Context, method string, _ json.RawMessage) (json.RawMessage, error) {
	switch method {
	case "EnumerateEvents":
		b.polls++
		switch {
		case b.polls == 1: // the end of the log
			return json.RawMessage(`{"events":[],"next":1}`), nil
		case b.polls == 2:
			return fmt.Appendf(nil, `{"events":[{"type":%q,"data":{"attachmentId":"A","total":1001}}],"next":2}`, flow.DownloadStartEvent.Type()), nil
		case b.stopped:
			return fmt.Appendf(nil, `{"events":[{"type":%q,"data":{"attachmentId":"A"}}],"next":3}`, flow.DownloadCancelEvent.Type()), nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	case "CancelAttachmentDownload":
		select {
		case <-time.After(3 * time.Second):
			b.stopped = true
			return json.RawMessage("null"), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return json.RawMessage(`""`), nil
}

// TestTooLargeDownloadsAreStopped: nobody is told that a file is too large before its
// download is stopped, also when that takes a while.
func TestTooLargeDownloadsAreStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &busy{}
		_, _, err := flow.FetchFile(t.Context(), b, flow.StartAttachmentDownloadInput{AttachmentID: "A"}, 1000, nil)
		if !errors.Is(err, flow.Invalid) || !b.stopped {
			t.Errorf("the fetch ended with %v, and the download was stopped: %t", err, b.stopped)
		}
	})
}
