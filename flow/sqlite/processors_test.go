package sqlite

import (
	"runtime"
	"testing"
)

func TestProcessors(t *testing.T) {
	now := runtime.GOMAXPROCS(0)
	for _, c := range []struct {
		said string
		want int
	}{
		{"", now + 1},
		{"3", now}, // Go has done what was said
	} {
		t.Setenv("GOMAXPROCS", c.said)
		if got := Processors(); got != c.want {
			t.Errorf("with GOMAXPROCS=%q it is %d, want %d", c.said, got, c.want)
		}
	}
}
