package tail

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// A line that is being written when everything has to end is finished, if somebody reads.
func TestWriterEnds(t *testing.T) {
	tests := map[string]struct {
		read  time.Duration // when somebody reads, after the end
		wrote error
	}{
		"read in time":  {grace / 2, nil},
		"read too late": {2 * grace, context.Canceled},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				reader, out := io.Pipe()
				wrote := make(chan error, 1)
				go func() {
					_, err := writer{ctx, out}.Write([]byte("line\n"))
					wrote <- err
				}()
				synctest.Wait()
				cancel()
				time.Sleep(test.read)
				if _, err := io.ReadFull(reader, make([]byte, 5)); err != nil {
					t.Errorf("read: %v", err)
				}
				if err := <-wrote; err != test.wrote {
					t.Errorf("the write ended with %v, want %v", err, test.wrote)
				}
			})
		})
	}
}
