package hunt

import (
	"context"
	"fmt"
	"time"

	"peerbed/harness/plan"
)

// Load reads a file as -plan does.
func (s *Sweep) Load(file string) (*Case, error) { return s.load(file) }

// Play plays one seed, and returns what went wrong with the hunt itself.
func (s *Sweep) Play(seed uint64) error {
	c, err := s.outset(seed)
	if err != nil {
		return err
	}
	return s.play(c).err
}

// PlayAll plays seeds 1 to n on all cores, and returns how many events they had.
func (s *Sweep) PlayAll(n int) (events int64, err error) {
	y := &tally{began: time.Now(), seeds: n, played: map[plan.Verb]int{}}
	y.sweep(context.Background(), s, "bench")
	if y.first != nil {
		return 0, fmt.Errorf("seed %d: %+v", y.first.Seed, y.first.Violation)
	}
	return y.events.Load(), y.err
}
