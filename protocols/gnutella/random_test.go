package gnutella_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"peerbed/harness/hunt"
	"peerbed/harness/plan"
	"peerbed/harness/sim"
	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
)

func init() { hunt.Flags(flag.CommandLine) }

// asking is a random plan during which all publish and look for things.
type asking struct{ hunt.Mix }

func (a asking) Events(f plan.Facts) ([]plan.Event, error) {
	events, err := a.Mix.Events(f)
	r := f.Rand()
	for i := range f.Nodes {
		events = append(events, plan.Event{Do: plan.Publish, Nodes: []int{i}, Name: fmt.Sprint("song ", i%3), Size: 1})
	}
	for at := time.Second; at < f.For; at += time.Second {
		events = append(events, plan.Event{At: at, Do: plan.Find, Nodes: []int{r.IntN(f.Nodes)}, Name: fmt.Sprint("song ", r.IntN(4))})
	}
	slices.SortStableFunc(events, func(a, b plan.Event) int { return cmp.Compare(a.At, b.At) })
	return events, err
}

// reversePath watches that every servent sends hits only where it heard the
// query first (GN5), and each query over a link once at most (GN3).
func reversePath() func(e *sim.Event) error {
	type place struct {
		node int
		id   gnutella.GUID
	}
	type step struct {
		place
		link p2p.Link
	}
	came, went := map[place]p2p.Link{}, map[step]bool{}
	return func(e *sim.Event) error {
		if e.What == sim.Restart { // a new life knows nothing of the old one, and numbers its links anew
			maps.DeleteFunc(came, func(p place, _ p2p.Link) bool { return p.node == e.Node })
			maps.DeleteFunc(went, func(s step, _ bool) bool { return s.node == e.Node })
		}
		switch m := e.Msg.(type) {
		case *gnutella.Query:
			at := place{e.Node, m.ID}
			if _, again := came[at]; e.What == sim.Hear && !again {
				came[at] = e.Link
			}
			if s := (step{at, e.Link}); e.What == sim.Send && went[s] {
				return fmt.Errorf("node %d sends query %v twice to %v", e.Node, m.ID, e.Peer)
			} else if e.What == sim.Send {
				went[s] = true
			}
		case *gnutella.Hit:
			if from, ok := came[place{e.Node, m.ID}]; e.What == sim.Send && (!ok || from != e.Link) {
				return fmt.Errorf("node %d sends a hit of query %v to %v, from where that did not come first", e.Node, m.ID, e.Peer)
			}
		}
		return nil
	}
}

// A servent says cheaply whether its state has changed, or random plans are slow.
func TestMarked(t *testing.T) {
	if n := gnutella.Protocol.New(config(t), nil); !marked(n) {
		t.Errorf("%T does not implement hunt.Marked", n)
	}
}

func marked(n p2p.Node) bool { _, ok := n.(hunt.Marked); return ok }

// sweep is a dozen servents to which much happens.
func sweep(role string, cuts int) hunt.Sweep {
	return hunt.Sweep{
		Protocol: gnutella.Protocol, Config: []string{"role=" + role, "leaves=3"}, Nodes: 12,
		Seeds: 25, Least: 3, Lead: 10 * time.Second, For: 40 * time.Second, Rest: 3 * time.Minute, Strict: 10,
		Draw: asking{hunt.Mix{Every: 2 * time.Second, Crash: 2, Vanish: 2, Leave: 1, Restart: 6, Cut: cuts, Drop: 1,
			While: 10 * time.Second, Loss: 0.2}},
		Always: []hunt.Invariant{
			{Name: "Single", Holds: gnutella.Single},
			{Name: "ReversePath", Watch: reversePath},
		},
		Finally: []hunt.Invariant{{Name: "Connected", Holds: gnutella.Connected}},
		Show:    func(s p2p.State) string { return fmt.Sprintf("%+v", s.Detail.(gnutella.Detail).Links) },
	}
}

// Whatever happens to nodes and links, no servent has two links to another, and
// hits go back on the way of their query only. Some minutes after nodes have
// come and gone, and after cuts have healed, the network is one.
func TestRandomPlans(t *testing.T) {
	for _, role := range []string{"peer", "able"} {
		t.Run(role, func(t *testing.T) { hunt.Run(t, sweep(role, 0)) })
		t.Run(role+" and cuts", func(t *testing.T) { hunt.Run(t, sweep(role, 2)) })
	}
}
