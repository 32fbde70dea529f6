package pastry_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"peerbed/harness/hunt"
	"peerbed/harness/plan"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
	"peerbed/protocols/pastry"
)

func init() { hunt.Flags(flag.CommandLine) }

// A node says cheaply whether its state has changed, or random plans are slow.
func TestMarked(t *testing.T) {
	if _, ok := p2p.Node(pastry.New(p2p.Default[pastry.Config](), nil)).(hunt.Marked); !ok {
		t.Error("a node does not implement hunt.Marked")
	}
}

// slowest is a link slower than which none is, but not so slow that an answer
// comes after the time-out of 500 ms.
var slowest = linkmodel.Link{Delay: 100 * time.Millisecond, Jitter: 140 * time.Millisecond}

// rush is a sweep in which a few nodes are there, and up to twelve more join.
func rush(changes ...string) hunt.Sweep {
	return hunt.Sweep{
		Protocol: pastry.Protocol, Config: append([]string{"leaves=8", "near=4", "keep-alive=2s", "maintain=5s"}, changes...), Nodes: 12,
		Seeds: 500, Ideal: true, Least: 2, Lead: time.Second, For: 8 * time.Second, Rest: 12 * time.Second,
		Draw: hunt.Mix{Every: time.Second / 2, Least: 2, Restart: 6, Shape: 1, While: 10 * time.Second, Slowest: slowest},
		Show: show,
	}
}

// faults is a sweep with everything that can go wrong.
func faults(changes ...string) hunt.Sweep {
	s := rush(changes...)
	s.Seeds, s.Least, s.For, s.Rest = 60, 4, 30*time.Second, time.Minute
	s.Draw = hunt.Mix{Every: time.Second, Least: 4, Crash: 3, Vanish: 3, Leave: 3, Restart: 8, Cut: 1, Drop: 1,
		While: 5 * time.Second, Loss: 0.3}
	s.Finally = []hunt.Invariant{{Name: "Exact", Holds: pastry.Exact}}
	s.May = mayWhileExact
	return s
}

// mayWhileExact lets nodes fail only while leaf sets are exact, and never the last
// ones: else all who know of the other side of a cut may fail behind it.
func mayWhileExact(e plan.Event, now hunt.Now) bool {
	switch e.Do {
	case plan.Crash, plan.Vanish, plan.Leave:
		return len(now.Rest) > 2 && pastry.Exact(now.Live) == nil
	}
	return true
}

func show(s p2p.State) string {
	d := s.Detail.(pastry.Detail)
	return fmt.Sprintf("ready %v, leaves %v %v", d.Ready, d.Smaller, d.Larger)
}

// As long as nodes only join, at most one answers a key at any event, and it is the
// closest. Whatever has gone wrong, leaf sets are exact a minute after the last of it.
func TestRandomPlans(t *testing.T) {
	t.Run("joins", func(t *testing.T) {
		s := rush()
		s.Always = []hunt.Invariant{{Name: "OneAnswer", Holds: pastry.OneAnswer}}
		s.Finally = []hunt.Invariant{{Name: "Exact", Holds: pastry.Exact}}
		hunt.Run(t, s)
	})
	t.Run("faults", func(t *testing.T) { hunt.Run(t, faults()) })
}

// Without merging the halves stay apart, so that the sweep above can fail.
func TestRandomCutsWithoutMerging(t *testing.T) {
	s := faults("merge=0s")
	s.Raw = true
	if hunt.Find(t, s) == nil {
		t.Error("every network is one again, though nothing merges them: do the plans still cut?")
	}
}

// With the join of 2001 two nodes answer for one key within a few plans, though
// nobody fails.
func TestPublishedBreaks(t *testing.T) {
	s := rush("operations=published")
	s.Always = []hunt.Invariant{{Name: "OneAnswer", Holds: pastry.OneAnswer}}
	hunt.Golden(t, s, "testdata/published/OneAnswer.json")
}
