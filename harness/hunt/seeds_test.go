package hunt_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/harness/hunt"
	"peerbed/harness/plan"
	"peerbed/protocols/chord"
)

// An hour is what happens to 16 nodes in an hour: half of them leave, crash or
// vanish, and come back; and each may look up a name every 10 seconds.
type hour struct{ lookups bool }

func (h hour) Events(f plan.Facts) ([]plan.Event, error) {
	churn := fault.Turnover(50)
	churn.Exit = fault.Exit{Vanish: 1. / 3, Leave: 1. / 3}
	events, err := churn.Events(f)
	if h.lookups {
		events = append(events, lookups(f)...)
	}
	return events, err
}

func lookups(f plan.Facts) []plan.Event {
	r := f.Rand()
	events := make([]plan.Event, 0, f.Nodes*int(f.For/(10*time.Second)))
	for i := range f.Nodes {
		nodes := []int{i}
		for at := time.Duration(r.IntN(10_000)) * time.Millisecond; at < f.For; at += 10 * time.Second {
			events = append(events, plan.Event{At: at, Do: plan.Find, Nodes: nodes, Name: names[r.IntN(len(names))]})
		}
	}
	return events
}

var names = func() (list [256]string) {
	for i := range list {
		list[i] = fmt.Sprint("song ", i)
	}
	return list
}()

// BenchmarkSeeds plays an hour of 16 nodes of Chord, with the periods that the
// simulators were compared at (stabilise 20 s, fix a finger 2 min, check the
// predecessor 2 min; with lookups one by each node every 10 s), on all cores, and
// asks after every event that changed a state whether the ring is one.
func BenchmarkSeeds(b *testing.B) {
	b.Run("upkeep", func(b *testing.B) { seeds(b, hour{}) })
	b.Run("lookups", func(b *testing.B) { seeds(b, hour{lookups: true}) })
}

func seeds(b *testing.B, draw plan.Plan) {
	s := hunt.Sweep{
		Protocol: chord.Protocol, Nodes: 16, Ideal: true, For: time.Hour, Draw: draw,
		Config: []string{"stabilize=20s", "fix-fingers=2m", "check-predecessor=2m"},
		Always: []hunt.Invariant{{Name: "Ordered", Holds: chord.Ordered}},
		Strict: math.MaxUint64, // none
	}
	b.ReportAllocs()
	began := cpu()
	events, err := s.PlayAll(b.N)
	if err != nil {
		b.Fatal(err)
	}
	spent := cpu() - began
	b.ReportMetric(float64(events)/float64(b.N), "events/seed")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "seeds/s")
	if spent > 0 {
		b.ReportMetric(float64(b.N)/spent.Seconds(), "seeds/cpu-s")
		b.ReportMetric(float64(spent.Nanoseconds())/float64(events), "cpu-ns/event")
	}
}
