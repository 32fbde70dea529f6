package chord_test

import (
	"flag"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"peerbed/harness/hunt"
	"peerbed/harness/plan"
	"peerbed/harness/sim"
	"peerbed/protocols/chord"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

func init() { hunt.Flags(flag.CommandLine) }

// A node says cheaply whether its state has changed, or random plans are slow.
func TestMarked(t *testing.T) {
	if _, ok := chord.New(p2p.Default[chord.Config](), nil).(hunt.Marked); !ok {
		t.Errorf("%T does not implement hunt.Marked", chord.New(p2p.Default[chord.Config](), nil))
	}
}

// r is the length of successor lists, as Zave's models have it.
const r = 3

// slowest is a link slower than which none is, but not so slow that an answer
// comes after the time-out of 500 ms.
var slowest = linkmodel.Link{Delay: 100 * time.Millisecond, Jitter: 140 * time.Millisecond}

// sweep is 16 places for nodes that join, leave, crash and vanish.
func sweep(changes ...string) hunt.Sweep {
	return hunt.Sweep{
		Protocol: chord.Protocol, Config: append([]string{fmt.Sprint("successors=", r)}, changes...), Nodes: 16,
		Seeds: 500, Ideal: true, Least: r + 1, Lead: 5 * time.Second, For: time.Minute, Rest: 30 * time.Second,
		Draw: hunt.Mix{Every: time.Second, Least: r + 2, Crash: 2, Vanish: 2, Leave: 2, Restart: 6,
			Shape: 1, While: 10 * time.Second, Slowest: slowest},
		May: may, Memory: 3 * (slowest.Delay + slowest.Jitter),
		Show: func(s p2p.State) string {
			d := s.Detail.(chord.Detail)
			return fmt.Sprintf("predecessor %v, successors %v", d.Predecessor, d.Successors)
		},
	}
}

// The corrected operations, as long as failures keep to Zave's condition, break
// none of what she proves at any event. With loss and partitions too, and with
// merging, the ring is the ideal one half a minute after the last of them.
func TestRandomPlans(t *testing.T) {
	t.Run("corrected", func(t *testing.T) {
		s := sweep()
		s.Always = []hunt.Invariant{{Name: "Proved", Holds: chord.Proved(r + 1)}}
		s.Finally = []hunt.Invariant{{Name: "Ideal", Holds: ideal(s.Config...)}}
		hunt.Run(t, s)
	})
	t.Run("cuts", func(t *testing.T) { hunt.Run(t, cuts("merge=2s")) })
}

// cuts is a sweep with partitions and loss.
func cuts(changes ...string) hunt.Sweep {
	s := sweep(changes...)
	s.Draw = hunt.Mix{Every: time.Second, Least: r + 2, Crash: 4, Vanish: 4, Leave: 4, Restart: 8, Cut: 1, Drop: 1,
		While: 5 * time.Second, Loss: 0.3}
	s.Finally = []hunt.Invariant{{Name: "Ideal", Holds: ideal(s.Config...)}}
	s.May = mayWhileWhole
	return s
}

// Without merging the halves stay apart, so that the sweep above can fail.
func TestRandomCutsWithoutMerging(t *testing.T) {
	s := cuts()
	s.Raw = true
	if hunt.Find(t, s) == nil {
		t.Error("every ring is one again, though nothing merges rings: do the plans still cut?")
	}
}

// What Zave found wrong with the operations of 2001 happens within a few plans,
// to each of the invariants that nothing repairs, under the very conditions that
// the corrected ones stand.
func TestPublishedBreaks(t *testing.T) {
	for _, i := range chord.Claimed {
		if !i.Permanent {
			continue
		}
		t.Run(i.Name, func(t *testing.T) {
			s := sweep("operations=published")
			s.Always = []hunt.Invariant{{Name: i.Name, Holds: i.Check}}
			hunt.Golden(t, s, "testdata/published/"+i.Name+".json")
		})
	}
}

// may is what Zave's proof asks of failures, leaving among them: all other
// members keep a live successor, and r+1 principals are left. In her model a node
// reads another's list and adopts it in one step. Here the answer travels, and a
// newcomer asks twice, once for its successor and then that one: so the lists of up
// to three messages ago count as well, even if their owner has a better one now,
// or fails before it arrives. And who has failed may come back once
// nobody knows it any more, because the verdict that it is dead takes time too.
func may(e plan.Event, now hunt.Now) bool {
	switch e.Do {
	case plan.Crash, plan.Vanish, plan.Leave:
		return chord.OneLiveSuccessor(now.Rest) == nil && leads(now) && principals(now) > r
	case plan.Restart:
		return !slices.ContainsFunc(now.Rest, func(s p2p.State) bool {
			return slices.ContainsFunc(s.Neighbours, func(a p2p.Addr) bool { return a.IP() == sim.IP(e.Nodes[0]) })
		})
	}
	return true
}

// mayWhileWhole lets nodes fail only while there is one ring, and never all that
// a newcomer could know: else the last who knows of the other side of a cut may
// fail behind it, and nobody can merge what is left.
func mayWhileWhole(e plan.Event, now hunt.Now) bool {
	switch e.Do {
	case plan.Crash, plan.Vanish, plan.Leave:
		return len(now.Rest) > r && chord.Closed(now.Live) == nil
	}
	return true
}

func detail(s p2p.State) chord.Detail { return s.Detail.(chord.Detail) }

// leads reports whether every list that may be on its way has a live member in what
// its receiver makes of it.
func leads(now hunt.Now) bool {
	for _, s := range now.Recent {
		d := detail(s)
		if len(d.Successors) == 0 {
			continue
		}
		adopted := append([]p2p.Addr{s.Self}, d.Successors[:min(r-1, len(d.Successors))]...)
		lives := func(n p2p.State) bool { return len(detail(n).Successors) > 0 && slices.Contains(adopted, n.Self) }
		if !slices.ContainsFunc(now.Rest, lives) {
			return false
		}
	}
	return true
}

// principals counts the members that no list skips, those on their way included.
func principals(now hunt.Now) int {
	var lists [][]ring.ID // with the node itself before it
	for _, s := range slices.Concat(now.Rest, now.Recent) {
		d := detail(s)
		list := append(make([]ring.ID, 0, r+1), d.ID)
		for _, a := range d.Successors {
			list = append(list, d.M.Addr(a))
		}
		lists = append(lists, list)
	}
	n := 0
	for _, m := range now.Rest {
		d := detail(m)
		skips := func(list []ring.ID) bool {
			for k := range len(list) - 1 {
				if d.M.Between(d.ID, list[k], list[k+1]) {
					return true
				}
			}
			return false
		}
		if len(d.Successors) > 0 && !slices.ContainsFunc(lists, skips) {
			n++
		}
	}
	return n
}

// ideal returns the invariant that every table is as Protocol.Ideal has it.
func ideal(changes ...string) func([]p2p.State) error {
	cfg, err := p2p.With(chord.Protocol.Config, changes...)
	if err != nil {
		panic(err)
	}
	return func(states []p2p.State) error {
		if err := chord.Closed(states); err != nil {
			return err
		}
		addrs := make([]p2p.Addr, len(states))
		for i, s := range states {
			addrs[i] = s.Self
		}
		for i, want := range chord.Protocol.Ideal(cfg, addrs) {
			if got := detail(states[i]); !reflect.DeepEqual(got, want.Detail) {
				return fmt.Errorf("%v has %+v, want %+v", want.Self, got, want.Detail)
			}
		}
		return nil
	}
}
