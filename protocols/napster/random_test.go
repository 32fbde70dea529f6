package napster_test

import (
	"cmp"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"peerbed/harness/hunt"
	"peerbed/harness/plan"
	"peerbed/harness/sim"
	"peerbed/protocols/napster"
	"peerbed/protocols/p2p"
)

func init() { hunt.Flags(flag.CommandLine) }

// asking is a random plan during which all publish, look for things and fetch them.
type asking struct{ hunt.Mix }

func (a asking) Events(f plan.Facts) ([]plan.Event, error) {
	events, err := a.Mix.Events(f)
	r := f.Rand()
	for i := range f.Nodes {
		events = append(events, plan.Event{Do: plan.Publish, Nodes: []int{i}, Name: fmt.Sprint("song ", i%3), Size: 1})
	}
	for at := time.Second; at < f.For; at += time.Second {
		e := plan.Event{At: at, Do: plan.Find, Nodes: []int{r.IntN(f.Nodes)}, Name: fmt.Sprint("song ", r.IntN(4))}
		if r.IntN(3) == 0 {
			e.Do = plan.Fetch
		}
		events = append(events, e)
	}
	slices.SortStableFunc(events, func(a, b plan.Event) int { return cmp.Compare(a.At, b.At) })
	return events, err
}

// conversation watches that nothing is sent but on streams (N6), that a client asks
// one thing at a time, and that servers answer only what they were asked.
func conversation() func(e *sim.Event) error {
	type stream struct {
		node int
		link p2p.Link
	}
	open := map[stream]int{} // questions without an answer, at the asker and at the server
	return func(e *sim.Event) error {
		if e.What == sim.Send && e.Link == 0 {
			return fmt.Errorf("node %d sends a datagram, %T", e.Node, e.Msg)
		}
		if e.What == sim.Restart { // its links are numbered anew
			for s := range open { // any order
				if s.node == e.Node {
					delete(open, s)
				}
			}
		}
		if e.What != sim.Send && e.What != sim.Hear {
			return nil
		}
		at := stream{e.Node, e.Link}
		switch m := e.Msg.(type) {
		case *napster.Search:
			if open[at]++; e.What == sim.Send && open[at] > 1 {
				return fmt.Errorf("node %d asks %v before the last question is answered", e.Node, e.Peer)
			}
		case *napster.Results:
			if open[at] == 0 {
				return fmt.Errorf("node %d and %v exchange results that nobody has asked for", e.Node, e.Peer)
			}
			if m.End {
				open[at]--
			}
		}
		return nil
	}
}

// sweep is a dozen nodes, some of them servers, to which much happens.
func sweep(servers, cuts int) hunt.Sweep {
	p := *napster.Protocol
	p.Cast = napster.Servers(servers)
	return hunt.Sweep{
		Protocol: &p, Config: []string{"patience=2s", "stats=5s"}, Nodes: 12,
		Seeds: 10, Least: 3, Lead: 10 * time.Second, For: 40 * time.Second, Rest: 3 * time.Minute, Strict: 10,
		Draw: asking{hunt.Mix{Every: 2 * time.Second, Crash: 2, Vanish: 2, Leave: 1, Restart: 6, Cut: cuts, Drop: 1,
			While: 10 * time.Second, Loss: 0.2}},
		Always: []hunt.Invariant{
			{Name: "Counted", Holds: napster.Counted},
			{Name: "Conversation", Watch: conversation},
		},
		Finally: []hunt.Invariant{{Name: "Whole", Holds: whole}},
		Show:    func(s p2p.State) string { return fmt.Sprintf("%+v", s.Detail.(napster.Detail)) },
	}
}

// whole is Whole where a server is left.
func whole(states []p2p.State) error {
	if !slices.ContainsFunc(states, func(s p2p.State) bool { return s.Detail.(napster.Detail).Role == "server" }) {
		return nil
	}
	return napster.Whole(states)
}

// Whatever happens to nodes and links, a directory holds exactly what its users
// share, and no answer is given that was not asked for. Some minutes after nodes have
// come and gone, and cuts are healed, all are logged in and all that they share is
// known.
func TestRandomPlans(t *testing.T) {
	for _, servers := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d servers", servers), func(t *testing.T) { hunt.Run(t, sweep(servers, 0)) })
		t.Run(fmt.Sprintf("%d servers and cuts", servers), func(t *testing.T) { hunt.Run(t, sweep(servers, 2)) })
	}
}
