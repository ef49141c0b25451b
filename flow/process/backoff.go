package process

import "time"

const (
	firstPause   = 50 * time.Millisecond
	longestPause = 10 * time.Second
	// forgiveness is the time of running well that makes up for one failure.
	forgiveness = 5 * time.Second
	// deepest is the level at which the pause is the longest.
	deepest = 10
	// Callers are not made to wait after this many failed starts in a row, or at this
	// level, which a backend reaches that starts and crashes, starts and crashes.
	hopelessStarts = 3
	hopelessLevel  = 6
)

// backoff says how long to wait before the next start.
type backoff struct {
	level  int // failures that are not made up for yet
	barren int // failures in a row that never were ready
}

// after returns the pause after a backend failed that had been ready for so long.
func (b *backoff) after(healthy time.Duration) time.Duration {
	b.barren++
	if healthy > 0 {
		b.barren = 0
	}
	b.level = max(b.level-int(healthy/forgiveness), 0)
	b.level = min(b.level+1, deepest)
	if b.level == 1 {
		return 0
	}
	return min(firstPause<<(b.level-2), longestPause)
}

// hopeless reports whether waiting for the next start is not worth a caller's time.
func (b *backoff) hopeless() bool {
	return b.barren >= hopelessStarts || b.level >= hopelessLevel
}
