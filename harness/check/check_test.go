package check_test

import (
	"strings"
	"testing"

	"peerbed/harness/check"
	"peerbed/protocols/p2p"
)

// at is the address of the i-th node.
func at(i uint32) p2p.Addr { return p2p.MakeAddr(10<<24|i, 7000) }

// states makes one state a line of neighbours.
func states(neighbours ...[]uint32) []p2p.State {
	all := make([]p2p.State, len(neighbours))
	for i, list := range neighbours {
		all[i].Self = at(uint32(i))
		for _, n := range list {
			all[i].Neighbours = append(all[i].Neighbours, at(n))
		}
	}
	return all
}

func TestChecks(t *testing.T) {
	for _, test := range []struct {
		name   string
		check  check.Check
		states []p2p.State
		want   string // in the error; "" for none
	}{
		{"sane", check.Sane, states([]uint32{1}, []uint32{0}), ""},
		{"twice", check.Sane, states([]uint32{1, 1}), "10.0.0.0:7000 has 10.0.0.1:7000"},
		{"itself", check.Sane, states([]uint32{0}), "10.0.0.0:7000 has 10.0.0.0:7000"},
		{"same place", check.Sane, append(states(nil), states(nil)...), "two nodes"},
		{"joined", check.Joined, states([]uint32{1}, []uint32{0}), ""},
		{"alone", check.Joined, states(nil), ""},
		{"lost", check.Joined, states([]uint32{1}, nil), "10.0.0.1:7000 has no neighbour"},
		{"one piece, links in one direction", check.Together, states([]uint32{1}, nil, []uint32{1}), ""},
		{"two pieces", check.Together, states([]uint32{1}, nil, []uint32{3}, nil), "2 of 4 nodes hang together"},
		{"a dead node joins nothing", check.Together, states([]uint32{9}, []uint32{9}), "in pieces"},
		{"nobody", check.Together, nil, ""},
		{"forgotten", check.Forgotten, states([]uint32{1}, nil), ""},
		{"remembered", check.Forgotten, states([]uint32{9}), "10.0.0.9:7000 as a neighbour"},
		{"all", check.All(check.Joined, check.Together), states([]uint32{1}, []uint32{0}), ""},
		{"not all", check.All(check.Joined, check.Together), states([]uint32{1}, []uint32{0}, []uint32{3}, []uint32{2}), "in pieces"},
	} {
		err := test.check(test.states)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
	}
}
