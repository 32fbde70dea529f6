package chord_test

import (
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/harness/sim"
	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
)

// loopy starts n nodes, an even number, in a ring that goes round the circle
// twice: every second node first, and then the others.
func loopy(t *testing.T, seed uint64, n int, changes ...string) *world {
	t.Helper()
	w := &world{World: sim.New(sim.Config{Seed: seed}), t: t}
	cfg, err := p2p.With(chord.Protocol.Config, changes...)
	w.must(err)
	for i := range n {
		w.nodes = append(w.nodes, sim.Addr(i))
	}
	states := chord.Protocol.Ideal(cfg, w.nodes)
	order := byID(w.nodes)
	var wound []p2p.Addr
	for i := range n {
		wound = append(wound, order[(2*i+2*i/n)%n])
	}
	at := map[p2p.Addr]int{}
	for i, a := range wound {
		at[a] = i
	}
	for i, s := range states {
		k := at[s.Self]
		d := s.Detail.(chord.Detail)
		d.Fingers, d.Successors, d.Predecessor = nil, []p2p.Addr{wound[(k+1)%n]}, wound[(k+n-1)%n]
		s.Detail = d
		w.must(w.Spawn(harness.Spec{Index: i, Protocol: chord.Protocol, Config: cfg, State: &s}))
	}
	return w
}

// PODC 2002, on strong stabilisation: a loopy ring is stable for the weak
// stabiliser, and never becomes the ring that it ought to be; the strong one
// makes it so.
func TestLoopyRing(t *testing.T) {
	for _, n := range []int{16, 64} {
		w := loopy(t, 1, n, "stabilizer=weak", "fix-fingers=10m")
		if chord.OrderedRing(w.states()) == nil || chord.AtMostOneRing(w.states()) != nil {
			t.Fatalf("%d nodes: the ring is not loopy to begin with", n)
		}
		w.Run(2 * time.Minute)
		if chord.OrderedRing(w.states()) == nil {
			t.Errorf("%d nodes: the weak stabiliser made an ordered ring of a loopy one", n)
		}
		w = loopy(t, 1, n, "stabilizer=strong", "fix-fingers=10m")
		t.Logf("%d nodes: the strong stabiliser took %v, with rounds of 0.5 s", n, w.closes(2*time.Minute))
	}
}

// A partition that lasts until the halves have forgotten each other leaves two
// rings; with merge they become one, whoever remembered whom.
func TestMerge(t *testing.T) {
	for seed := range uint64(10) {
		w := joining(t, sim.Config{Seed: seed, Strict: seed%2 == 0, Poison: seed%2 == 0}, 16, "merge=2s")
		w.closes(20 * time.Second)
		half := 8 - int(seed%3)*3
		w.must(w.Apply(fault.Net{Cuts: fault.Split(w.nodes[:half], w.nodes[half:])}))
		w.Run(time.Minute)
		if chord.AtMostOneRing(w.states()) == nil {
			t.Fatalf("seed %d: the cut does not make two rings", seed)
		}
		w.must(w.Apply(fault.Net{}))
		t.Logf("seed %d: one ring again %v after the cut", seed, w.closes(time.Minute))
	}
}
