package chord_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"peerbed/harness/sim"
	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// ToN, section V-B: with several points on every node the keys lie more evenly.
func TestVirtualNodesEvenTheLoad(t *testing.T) {
	const n, keys = 100, 10000
	var most [2]int
	for i, s := range []string{"points=1", "points=20"} {
		cfg, err := p2p.With(chord.Protocol.Config, s)
		if err != nil {
			t.Fatal(err)
		}
		var addrs []p2p.Addr
		for k := range n {
			addrs = append(addrs, sim.Addr(k))
		}
		load := map[p2p.Addr]int{}
		owners := owners(chord.Protocol.Ideal(cfg, addrs))
		for k := range keys {
			load[owners.of(ring.Bits(64).Hash(fmt.Sprint(k)))]++
		}
		for _, l := range load {
			most[i] = max(most[i], l)
		}
	}
	t.Logf("the fullest of %d nodes has %.1f times its share with one point, %.1f times with twenty", n, float64(most[0])*n/keys, float64(most[1])*n/keys)
	if most[0] < 3*keys/n || most[1] > 2*keys/n {
		t.Errorf("of %d keys the fullest of %d nodes has %d with one point and %d with twenty", keys, n, most[0], most[1])
	}
}

// An arc ends at a point of the ring, and belongs to the node that stands there.
type arc struct {
	end  ring.ID
	node p2p.Addr
}

type arcs []arc

// owners are the arcs of a ring, in order.
func owners(states []p2p.State) arcs {
	var list arcs
	for _, s := range states {
		d := s.Detail.(chord.Detail)
		for _, p := range append([]chord.Detail{d}, d.Points...) {
			list = append(list, arc{p.ID, s.Self})
		}
	}
	slices.SortFunc(list, func(a, b arc) int { return cmp.Compare(a.end, b.end) })
	return list
}

func (l arcs) of(key ring.ID) p2p.Addr {
	i, _ := slices.BinarySearchFunc(l, key, func(a arc, k ring.ID) int { return cmp.Compare(a.end, k) })
	return l[i%len(l)].node
}

// Nodes with several points join, store, copy to other nodes, survive crashes
// and leave, like others.
func TestVirtualNodes(t *testing.T) {
	for seed := range uint64(5) {
		w := joining(t, sim.Config{Seed: seed, Strict: true, Poison: true}, 10, "points=4")
		w.closes(time.Minute)
		w.Run(10 * time.Second)
		for i := range 20 {
			r := w.do(w.nodes[i%10], p2p.Publish{Name: fmt.Sprint("song ", i), Size: 1000, Seed: 1})
			if w.must(r.Err); len(r.Found) != 2 || r.Found[0] == r.Found[1] {
				t.Errorf("seed %d: song %d lies at %v, want two nodes", seed, i, r.Found)
			}
		}
		if err := chord.KeysAtOwners(w.states()); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		w.must(w.do(w.nodes[9], p2p.Leave{}).Err)
		for k := 8; k > 3; k-- { // one after the other, with time to repair
			w.nodes = w.nodes[:k]
			w.must(w.Crash(sim.Addr(k + 1)))
			w.closes(time.Minute)
			w.Run(10 * time.Second)
		}
		for i := range 20 {
			name := fmt.Sprint("song ", i)
			r := w.do(w.nodes[i%4], p2p.Fetch{Name: name})
			if r.Err != nil || !w.Holds(w.nodes[i%4], name, 1000, 1) {
				t.Errorf("seed %d: %s: %v", seed, name, r.Err)
			}
		}
	}
}
