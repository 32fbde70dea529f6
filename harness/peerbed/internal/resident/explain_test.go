package resident

import (
	"strings"
	"testing"

	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
)

// A table that has changed since the lookup is found out, and so is a node that
// cannot be asked any more.
func TestExplainCanDisagree(t *testing.T) {
	path := []p2p.Hop{{Addr: 1}, {Addr: 2, By: "successor"}, {Addr: 3, By: "finger 9"}, {Addr: 4, By: "successor 2"}, {Addr: 5, By: "link"}}
	states := []p2p.State{
		{Self: 1, ID: "one", Detail: chord.Detail{Successors: []p2p.Addr{2}}},
		{Self: 2, Detail: chord.Detail{Fingers: []chord.Finger{{Row: 9, Node: 7}}}},
		{Self: 3, Detail: chord.Detail{}},
	}
	hops := make([]Hop, len(path))
	for i, h := range path {
		hops[i].By = h.By
	}
	explain(hops, path, states, func(a p2p.Addr) string { return "N" + string(rune('0'+a)) })
	if hops[0].ID != "one" || !hops[1].Agrees {
		t.Errorf("the first hops are %+v", hops[:2])
	}
	for i, want := range map[int]string{2: "finger 9 is N7 by now", 3: "successor 2 is empty by now", 4: "N4 cannot be asked any more"} {
		if hops[i].Agrees || !strings.Contains(hops[i].Inspect, want) {
			t.Errorf("hop %d: %+v, want %q", i, hops[i], want)
		}
	}
	if ok, why := compare(p2p.State{Neighbours: []p2p.Addr{8}}, path[4], nil); ok || why == "" {
		t.Errorf("of a graph: %v, %q", ok, why)
	}
}
