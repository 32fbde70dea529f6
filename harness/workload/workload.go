// Package workload holds what users do, as plain values: how often they ask,
// who asks, and for what. A value becomes a schedule before the run begins,
// from the seed alone, and the same one on every machine.
package workload

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"peerbed/harness/plan"
	"peerbed/protocols/linkmodel"
)

// Lookups has random nodes ask for published files, at times that are
// independent of the answers (an open load).
type Lookups struct {
	Rate  float64 // a second, on average, of all nodes together
	Keys  Keys    // nil: Uniform
	Fetch bool    // also bring the file to the asker's disk
	// Steady asks at equal gaps. Otherwise times are independent of one
	// another too: a Poisson process, as many users together make it.
	Steady bool
	// From and For say when, within the run; 0 and 0: always.
	From, For time.Duration
}

// Events draws when, who and what.
func (l Lookups) Events(f plan.Facts) ([]plan.Event, error) {
	if len(f.Files) == 0 {
		return nil, errors.New("Lookups before anything was published")
	}
	times := arrivals{l.Rate, l.Steady, l.From, l.For}
	keys, err := chosen(l.Keys)
	if err = errors.Join(times.check(), err); err != nil {
		return nil, err
	}
	verb := plan.Find
	if l.Fetch {
		verb = plan.Fetch
	}
	r, choose := f.Rand(), keys.Chooser(len(f.Files))
	var events []plan.Event
	for at := range times.all(f, r) {
		events = append(events, plan.Event{At: at, Do: verb, Nodes: []int{r.IntN(f.Nodes)}, Name: f.Files[choose(r)]})
	}
	return events, nil
}

// arrivals are the times at which something is asked.
type arrivals struct {
	rate      float64
	steady    bool
	from, len time.Duration
}

func (a arrivals) check() error {
	switch {
	case !(a.rate > 0 && a.rate <= 1e6): // also NaN
		return fmt.Errorf("a Rate of %v: want a number a second, above 0 and at most 1e6", a.rate)
	case a.from < 0 || a.len < 0:
		return fmt.Errorf("a workload From %v For %v: want 0 or more", a.from, a.len)
	}
	return nil
}

// all yields the times within the run. The caller may draw from r between them.
func (a arrivals) all(f plan.Facts, r *rand.Rand) func(yield func(time.Duration) bool) {
	gap := time.Duration(math.Round(float64(time.Second) / a.rate))
	next := func() time.Duration { return gap }
	if !a.steady {
		next = func() time.Duration { return linkmodel.Exp(gap, r) }
	}
	end := f.For
	if a.len > 0 {
		end = min(end, a.from+a.len)
	}
	return func(yield func(time.Duration) bool) {
		for at := a.from + next(); at <= end && yield(at); {
			at += next()
		}
	}
}
