package fasttrack_test

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
	"peerbed/protocols/fasttrack"
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

// reversePath watches that every supernode sends hits only where it heard the query
// first, each query over a link once at most, and none to a node that is no
// supernode.
func reversePath() func(e *sim.Event) error {
	type place struct {
		node  int
		flood uint64
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
		case *fasttrack.Query:
			at := place{e.Node, m.Flood}
			if _, again := came[at]; e.What == sim.Hear && !again {
				came[at] = e.Link
			}
			if s := (step{at, e.Link}); e.What == sim.Send && went[s] {
				return fmt.Errorf("node %d sends query %x twice to %v", e.Node, m.Flood, e.Peer)
			} else if e.What == sim.Send {
				went[s] = true
			}
		case *fasttrack.Hits:
			if from, ok := came[place{e.Node, m.Flood}]; e.What == sim.Send && (!ok || from != e.Link) {
				return fmt.Errorf("node %d sends hits of query %x to %v, from where that did not come first", e.Node, m.Flood, e.Peer)
			}
		}
		return nil
	}
}

// sweep is a dozen nodes to which much happens.
func sweep(cuts int) hunt.Sweep {
	return hunt.Sweep{
		Protocol: fasttrack.Protocol, Config: []string{"children=6", "tenure=5s"}, Nodes: 12,
		Seeds: 20, Least: 3, Lead: 10 * time.Second, For: 40 * time.Second, Rest: 3 * time.Minute, Strict: 10,
		Draw: asking{hunt.Mix{Every: 2 * time.Second, Crash: 2, Vanish: 2, Leave: 1, Restart: 6, Cut: cuts, Drop: 1,
			While: 10 * time.Second, Loss: 0.2}},
		Always: []hunt.Invariant{
			{Name: "Single", Holds: fasttrack.Single},
			{Name: "ReversePath", Watch: reversePath},
		},
		Show: func(s p2p.State) string {
			d := s.Detail.(fasttrack.Detail)
			return fmt.Sprintf("%s, parent %v, children %v, links %v", d.Role, d.Parent, d.Children, d.Links)
		},
	}
}

// Whatever happens to nodes and links, no node is two things at once or has two
// sessions with another, and hits go back on the way of their query only. Some
// minutes after nodes have come and gone, or were cut apart, the network is whole,
// and supernodes list what their children share.
func TestRandomPlans(t *testing.T) {
	for name, cuts := range map[string]int{"nodes": 0, "nodes and cuts": 2} {
		t.Run(name, func(t *testing.T) {
			s := sweep(cuts)
			s.Finally = []hunt.Invariant{{Name: "Whole", Holds: fasttrack.Whole}}
			hunt.Run(t, s)
		})
	}
}
