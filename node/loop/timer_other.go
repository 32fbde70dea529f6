//go:build !linux

package loop

import "time"

// A timer is Go's.
type timer struct{ *time.Timer }

func newTimer(ring func()) (timer, error) {
	t := time.AfterFunc(time.Hour, ring)
	t.Stop()
	return timer{t}, nil
}

func (t timer) set(d time.Duration) { t.Reset(d) }
func (t timer) stop()               { t.Stop() }
