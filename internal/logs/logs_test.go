package logs_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/flow-mcp/flow-mcp/internal/logs"
)

func TestFormats(t *testing.T) {
	for name, o := range map[string]logs.Options{
		"plain":  {},
		"colour": {Color: true},
		"json":   {JSON: true},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			log, queue := logs.New(&out, o)
			log.Debug("hidden")
			log.Info("backend started", "generation", 3)
			queue.Close()
			text := out.String()
			if strings.Contains(text, "hidden") {
				t.Errorf("a debug line was written at level info: %q", text)
			}
			if got := strings.Contains(text, "\x1b["); got != o.Color {
				t.Errorf("colour codes: got %v, want %v in %q", got, o.Color, text)
			}
			if got := json.Valid([]byte(text)); got != o.JSON {
				t.Errorf("JSON: got %v, want %v in %q", got, o.JSON, text)
			}
		})
	}
}

// TestNobodyReads logs far more than a pipe holds to a stream that is never read, then
// reads it.
func TestNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		log, queue := logs.New(w, logs.Options{Level: slog.LevelInfo})
		for range 10_000 {
			log.Info("line")
		}
		read := make(chan string)
		go func() {
			text, _ := io.ReadAll(r)
			read <- string(text)
		}()
		queue.Close()
		w.Close()
		text := <-read
		if !strings.Contains(text, "log lines were dropped") {
			t.Errorf("the loss is not told: %d bytes", len(text))
		}
	})
}

func TestCloseDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		log, queue := logs.New(w, logs.Options{})
		log.Info("line")
		queue.Close() // nobody reads: must return all the same
		r.Close()     // ends the goroutine that the bubble waits for
		log.Info("after the end")
	})
}
