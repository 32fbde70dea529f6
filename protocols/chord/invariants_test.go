package chord_test

import (
	"slices"
	"testing"

	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// A lists is the successor lists of a ring of 2^7 points, by node.
type lists map[ring.ID][]ring.ID

// states makes them of the lists; nobody stores anything.
func (l lists) states() []p2p.State {
	addr := func(id ring.ID) p2p.Addr {
		port, _ := ring.Bits(7).Port(1, id)
		return p2p.MakeAddr(1, port)
	}
	var states []p2p.State
	for id, succs := range l {
		d := chord.Detail{ID: id, M: 7}
		for _, s := range succs {
			d.Successors = append(d.Successors, addr(s))
		}
		states = append(states, p2p.State{Self: addr(id), Detail: d})
	}
	return states
}

// Each invariant is broken by what it is there for, and by what breaks it too.
func TestInvariants(t *testing.T) {
	for _, c := range []struct {
		name   string
		lists  lists
		broken []string // of the seven
	}{
		{"an ideal ring", lists{16: {32, 45}, 32: {45, 80}, 45: {80, 16}, 80: {16, 32}}, nil},
		{"a node alone", lists{16: {16}}, nil},
		{"a newcomer", lists{16: {32, 45}, 32: {45, 80}, 45: {80, 16}, 80: {16, 32}, 40: {45, 80}}, nil},
		{"the successor is dead, the next lives", lists{16: {32, 45}, 45: {80, 16}, 80: {16, 32}}, nil},
		{"a gap: both successors of 16 are dead", lists{16: {20, 24}, 45: {80, 16}, 80: {16, 45}},
			[]string{"AtLeastOneRing", "ConnectedAppendages"}},
		{"two rings", lists{16: {45}, 45: {16}, 32: {80}, 80: {32}}, []string{"AtMostOneRing", "OrderedRing"}},
		{"two rings side by side", lists{16: {32}, 32: {16}, 45: {80}, 80: {45}}, []string{"AtMostOneRing", "OrderedRing"}},
		{"a loopy ring", lists{16: {45}, 45: {80}, 80: {32}, 32: {64}, 64: {16}}, []string{"OrderedRing"}},
		{"an appendage that leads nowhere", lists{16: {32}, 32: {16}, 45: {50}}, []string{"ConnectedAppendages"}},
		{"an appendage that joins too late", lists{16: {32, 45}, 32: {45, 80}, 45: {80, 16}, 80: {16, 32}, 20: {45, 80}},
			[]string{"OrderedMerges"}},
		{"an appendage against the order", lists{16: {32, 45}, 32: {45, 16}, 45: {16, 32}, 40: {36}, 36: {45}},
			[]string{"OrderedAppendages"}},
		{"a list that skips whom the one before knows", lists{16: {32, 45}, 32: {80, 16}, 45: {80, 16}, 80: {16, 32}}, nil},
		{"a list with a hole", lists{16: {32, 45}, 32: {40, 80}, 40: {45, 80}, 45: {80, 16}, 80: {16, 32}},
			[]string{"ValidSuccessorList"}},
	} {
		var broken []string
		permanent := false
		for _, i := range chord.Claimed {
			if i.Check(c.lists.states()) != nil {
				broken = append(broken, i.Name)
				permanent = permanent || i.Permanent
			}
		}
		if !slices.Equal(broken, c.broken) {
			t.Errorf("%s breaks %v, want %v", c.name, broken, c.broken)
		}
		if (chord.Ordered(c.lists.states()) != nil) != permanent {
			t.Errorf("%s: Ordered says %v, but what is broken is %v", c.name, chord.Ordered(c.lists.states()), broken)
		}
	}
}

func TestInvariantsOfLists(t *testing.T) {
	for _, c := range []struct {
		name       string
		lists      lists
		live       bool
		ordered    bool
		twice      bool
		principals int
	}{
		{"an ideal ring", lists{16: {32, 45}, 32: {45, 80}, 45: {80, 16}, 80: {16, 32}}, true, true, false, 4},
		{"a newcomer", lists{16: {32, 45}, 32: {45, 80}, 45: {80, 16}, 80: {16, 32}, 40: {45, 80}}, true, true, false, 4},
		{"nobody in the list lives", lists{16: {20, 24}, 32: {16}}, false, true, false, 2},
		{"out of order", lists{16: {45, 32}, 32: {45}, 45: {16}}, true, false, false, 1},
		{"one twice", lists{16: {45, 45}, 45: {16}}, true, false, true, 1},
	} {
		s := c.lists.states()
		if got := chord.OneLiveSuccessor(s) == nil; got != c.live {
			t.Errorf("%s: OneLiveSuccessor %v", c.name, chord.OneLiveSuccessor(s))
		}
		if got := chord.OrderedSuccessorLists(s) == nil; got != c.ordered {
			t.Errorf("%s: OrderedSuccessorLists %v", c.name, chord.OrderedSuccessorLists(s))
		}
		if got := chord.NoDuplicates(s) != nil; got != c.twice {
			t.Errorf("%s: NoDuplicates %v", c.name, chord.NoDuplicates(s))
		}
		if got := chord.Principals(s); got != c.principals {
			t.Errorf("%s: %d principals, want %d", c.name, got, c.principals)
		}
		if (chord.SufficientPrincipals(c.principals+1)(s) == nil) || chord.SufficientPrincipals(c.principals)(s) != nil {
			t.Errorf("%s: SufficientPrincipals is not the same as Principals", c.name)
		}
	}
}

// A key that lies at the wrong node only is missed.
func TestKeysAtOwners(t *testing.T) {
	s := lists{16: {80}, 80: {16}}.states()
	slices.SortFunc(s, func(a, b p2p.State) int { return int(a.Detail.(chord.Detail).ID) - int(b.Detail.(chord.Detail).ID) })
	s[0].Stored = []string{k42}
	if chord.KeysAtOwners(s) == nil {
		t.Error("K42 lies at N16 and not at N80, and nothing is said")
	}
	s[1].Stored = []string{k42}
	if err := chord.KeysAtOwners(s); err != nil {
		t.Error(err)
	}
}
