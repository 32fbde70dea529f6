package pastry_test

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/p2p"
	"peerbed/protocols/pastry"
	"peerbed/protocols/ring"
)

var large = flag.Int("large", 300, "TestLarge: how many nodes")

// perfect starts n nodes with full tables.
func perfect(t testing.TB, c sim.Config, n int, changes ...string) *world {
	t.Helper()
	w := &world{World: sim.New(c), t: t}
	cfg, err := p2p.With(pastry.Protocol.Config, changes...)
	w.must(err)
	for i := range n {
		w.nodes = append(w.nodes, sim.Addr(i))
	}
	for i, s := range pastry.Protocol.Ideal(cfg, w.nodes) {
		w.must(w.Spawn(harness.Spec{Index: i, Protocol: pastry.Protocol, Config: cfg, State: &s}))
	}
	return w
}

// Section 2.3: a key belongs to the node numerically closest to it, and copies lie on
// the k closest.
func TestOwnership(t *testing.T) {
	const m = ring.Bits(64)
	w := perfect(t, sim.Config{Seed: 4, Strict: true, Poison: true}, 20, "copies=3", "keep-alive=10m", "maintain=10m", "repair=10m")
	for i := range 30 {
		name := fmt.Sprint("file ", i)
		r := w.do(w.nodes[i%20], p2p.Publish{Name: name, Size: 10, Seed: 1})
		far := func(a p2p.Addr) ring.ID {
			return min(m.Distance(m.Addr(a), m.Hash(name)), m.Distance(m.Hash(name), m.Addr(a)))
		}
		want := slices.SortedFunc(slices.Values(w.nodes), func(a, b p2p.Addr) int {
			if far(a) < far(b) {
				return -1
			}
			return 1
		})[:3]
		var got []p2p.Addr
		for _, s := range w.states() {
			if slices.Contains(s.Stored, name) {
				got = append(got, s.Self)
			}
		}
		if r.Err != nil || !slices.Equal(r.Found, want) || len(got) != 3 {
			t.Errorf("%s: stored at %v, lies at %v, %v; want %v", name, r.Found, got, r.Err, want)
		}
	}
}

// Section 2.4: a message is delivered to the closest living node unless half of a
// leaf set, neighbours all, die at once. With every third node dead it is.
func TestDeliveryAmongDead(t *testing.T) {
	const m, n = ring.Bits(64), 150
	w := perfect(t, sim.Config{Seed: 6}, n, "answer=root", "copies=1")
	for i := 0; i < n; i += 3 {
		w.must(w.Crash(w.nodes[i]))
	}
	w.nodes = w.Addrs()
	for i := range 300 {
		name := fmt.Sprint(i)
		far := func(a p2p.Addr) ring.ID {
			return min(m.Distance(m.Addr(a), m.Hash(name)), m.Distance(m.Hash(name), m.Addr(a)))
		}
		root := slices.MinFunc(w.nodes, func(a, b p2p.Addr) int {
			if far(a) < far(b) {
				return -1
			}
			return 1
		})
		r := w.do(w.nodes[i%len(w.nodes)], p2p.Find{Name: name})
		if end := r.Path[len(r.Path)-1].Addr; end != root {
			t.Errorf("lookup %d ends at %v with %v, want the closest that lives, %v", i, end, r.Err, root)
		}
	}
}

// A large network fits into memory: 42 KB a node is 4 GiB for 100 000 (-large
// 100000), and goes on with its upkeep while lookups find their roots.
func TestLarge(t *testing.T) {
	w := perfect(t, sim.Config{Seed: 1}, *large)
	w.Run(2 * time.Second)
	hops := 0
	for i := range 20 {
		r := w.do(w.nodes[i*7919%*large], p2p.Find{Name: fmt.Sprint(i)})
		hops += r.Hops
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	runtime.KeepAlive(w)
	t.Logf("%d nodes: %d bytes each, %d MB from the system; %.2f hops", *large, m.HeapAlloc/uint64(*large), m.Sys>>20, float64(hops)/20)
	if most := uint64(4<<30) / 100_000; m.Sys/uint64(*large) > most && *large > 10_000 || m.HeapAlloc/uint64(*large) > most {
		t.Errorf("a node takes %d bytes, %d of the system's, want at most %d", m.HeapAlloc/uint64(*large), m.Sys/uint64(*large), most)
	}
}
