package loop

import "time"

// A clock rings when the loop's next alarm is due.
type clock struct {
	C     chan struct{} // holds a token when it has rung
	at    time.Duration // what it is set to; 0: it has rung
	timer timer
}

func newClock() (*clock, error) {
	c := &clock{C: make(chan struct{}, 1)}
	var err error
	c.timer, err = newTimer(func() {
		select {
		case c.C <- struct{}{}:
		default:
		}
	})
	return c, err
}

// set has it ring at another time than it was set to.
func (c *clock) set(at, now time.Duration) {
	if at != c.at {
		c.at = at
		c.timer.set(max(at-now, 1))
	}
}

// rung is called by whoever has taken the token.
func (c *clock) rung() { c.at = 0 }
