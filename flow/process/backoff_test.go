package process

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	type run struct {
		healthy, pause time.Duration
		hopeless       bool
	}
	const ms, s = time.Millisecond, time.Second
	tests := []struct {
		name string
		runs []run
	}{
		{"never starts", []run{{0, 0, false}, {0, 50 * ms, false}, {0, 100 * ms, true}, {0, 200 * ms, true}}},
		{"one crash", []run{{time.Hour, 0, false}, {time.Hour, 0, false}, {time.Hour, 0, false}}},
		{"crashes soon after its start", []run{
			{ms, 0, false}, {ms, 50 * ms, false}, {ms, 100 * ms, false}, {ms, 200 * ms, false},
			{ms, 400 * ms, false}, {ms, 800 * ms, true}, {ms, 1600 * ms, true}, {ms, 3200 * ms, true},
			{ms, 6400 * ms, true}, {ms, 10 * s, true}, {ms, 10 * s, true}}},
		{"recovers by and by", []run{
			{ms, 0, false}, {ms, 50 * ms, false}, {ms, 100 * ms, false}, {5 * s, 100 * ms, false},
			{10 * s, 50 * ms, false}, {12 * s, 0, false}}},
		{"starts again after failed starts", []run{
			{0, 0, false}, {0, 50 * ms, false}, {0, 100 * ms, true}, {ms, 200 * ms, false}, {0, 400 * ms, false}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b backoff
			for i, want := range tt.runs {
				got := run{want.healthy, b.after(want.healthy), b.hopeless()}
				if got != want {
					t.Errorf("after failure %d: %+v, want %+v", i+1, got, want)
				}
			}
		})
	}
}
