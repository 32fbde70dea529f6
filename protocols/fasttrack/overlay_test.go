package fasttrack_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/protocols/fasttrack"
	"peerbed/protocols/p2p"
)

// rejoin is how long a child is without a supernode, at most, after its own has
// crashed: it knows of others. After one has vanished it has to notice first.
const (
	rejoin = 2 * time.Second
	notice = 15 * time.Second // two pings, and the third that is not sent
)

// "A child keeps a list of spare supernodes and moves over when its own dies": at
// once after a crash; after a silent end when two pings have not been answered.
func TestMovesOver(t *testing.T) {
	for _, c := range []struct {
		name string
		kill func(w *world, a p2p.Addr) error
		most time.Duration
	}{
		{"crash", func(w *world, a p2p.Addr) error { return w.Crash(a) }, rejoin},
		{"vanish", func(w *world, a p2p.Addr) error { return w.Vanish(a) }, notice + rejoin},
		{"leave", func(w *world, a p2p.Addr) error { return w.do(a, p2p.Leave{}).Err }, rejoin},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(5) {
				w := join(t, 16, seed)
				for i, a := range w.nodes {
					w.must(a, p2p.Publish{Name: fmt.Sprint("song number", i), Size: 10})
				}
				w.Run(time.Minute)
				victim := w.busiest()
				children := len(w.detail(victim).Children)
				if err := c.kill(w, victim); err != nil {
					t.Fatal(err)
				}
				w.RunUntil(func() bool { return false }, c.most)
				left := slices.DeleteFunc(slices.Clone(w.nodes), func(a p2p.Addr) bool { return a == victim })
				for _, a := range left {
					if d := w.detail(a); d.Role == "ordinary" && d.Parent == 0 || d.Parent == victim {
						t.Errorf("seed %d: %v has no supernode %v after that of %d children was gone", seed, a, c.most, children)
					}
				}
				for i, a := range w.nodes {
					if out := w.do(left[(i+7)%len(left)], p2p.Find{Name: fmt.Sprint("song number", i)}); a != victim && !slices.Contains(out.Found, a) {
						t.Errorf("seed %d: what %v shares is found at %v, %v", seed, a, out.Found, out.Err)
					}
				}
			}
		})
	}
}

// busiest is the supernode with most children.
func (w *world) busiest() p2p.Addr {
	all := w.supernodes()
	return slices.MaxFunc(all, func(a, b p2p.Addr) int { return len(w.detail(a).Children) - len(w.detail(b).Children) })
}

// If all supernodes die at once, others rise, and the network is one again.
func TestAllSupernodesDie(t *testing.T) {
	for seed := range uint64(5) {
		w := join(t, 16, seed)
		w.Run(time.Minute)
		for _, a := range w.supernodes() {
			if err := w.Crash(a); err != nil {
				t.Fatal(err)
			}
		}
		w.Run(time.Second)
		w.settle(time.Minute)
		w.Run(2 * time.Minute)
		if err := fasttrack.Whole(w.states()); err != nil {
			t.Errorf("seed %d, two minutes later: %v", seed, err)
		}
		if n := len(w.supernodes()); n < 3 || n > 4 {
			t.Errorf("seed %d: %d supernodes of %d nodes; want the 3 that there are to be at least", seed, n, len(w.states()))
		}
	}
}

// Two halves that were cut apart for long are each a network, and become one again.
func TestHalvesReunite(t *testing.T) {
	for seed := range uint64(4) {
		w := join(t, 16, seed)
		w.Run(time.Minute)
		if err := w.Apply(fault.Net{Cuts: fault.Split(w.nodes[:8], w.nodes[8:])}); err != nil {
			t.Fatal(err)
		}
		w.Run(time.Duration(2+3*seed) * time.Minute)
		if fasttrack.Whole(w.states()) == nil {
			t.Fatal("the cut has no effect")
		}
		w.must(w.nodes[1], p2p.Publish{Name: "song", Size: 1})
		w.must(w.nodes[2], p2p.Find{Name: "song"})
		if err := w.Apply(fault.Net{}); err != nil {
			t.Fatal(err)
		}
		w.settle(2 * time.Minute)
		w.must(w.nodes[12], p2p.Find{Name: "song"})
	}
}

// A hundred nodes that start at the same instant become one network, of few
// supernodes.
func TestAllAtOnce(t *testing.T) {
	w := join(t, 100, 11, "children=20")
	w.Run(2 * time.Minute)
	if err := fasttrack.Whole(w.states()); err != nil {
		t.Error(err)
	}
	if n := len(w.supernodes()); n < 5 || n > 25 {
		t.Errorf("%d supernodes of 100 nodes, with 20 places for children each", n)
	}
}

// What is shared is known again after a crash; what was removed is not; who left
// is not found.
func TestLives(t *testing.T) {
	w := join(t, 8, 2)
	a, b := w.nodes[2], w.nodes[6]
	w.must(a, p2p.Publish{Name: "kept.txt", Size: 10})
	w.must(a, p2p.Publish{Name: "gone.txt", Size: 10})
	w.must(a, p2p.Remove{Name: "gone.txt"})
	if err := w.Crash(a); err != nil {
		t.Fatal(err)
	}
	w.Run(10 * time.Second)
	if err := w.Restart(a); err != nil {
		t.Fatal(err)
	}
	w.Run(time.Second)
	w.settle(time.Minute)
	if got := w.detail(a).Library; len(got) != 1 || got[0].Name != "kept.txt" {
		t.Errorf("after a crash it shares %v", got)
	}
	w.must(b, p2p.Fetch{Name: "kept.txt"})
	if out := w.do(b, p2p.Find{Name: "gone"}); out.Err == nil {
		t.Errorf("found what was removed: %+v", out)
	}
	w.must(a, p2p.Leave{})
	w.Run(time.Second)
	if out := w.do(b, p2p.Find{Name: "kept"}); out.Err == nil {
		t.Errorf("who left is found: %+v", out)
	}
}

// A seed decides everything, on any machine. The number changes with every change
// of what nodes send, or of the simulator.
func TestRepeats(t *testing.T) {
	run := func(seed uint64) uint64 {
		w := join(t, 12, seed)
		w.must(w.nodes[2], p2p.Publish{Name: "song", Size: 1 << 20, Seed: 1})
		if err := w.Crash(w.nodes[5]); err != nil {
			t.Fatal(err)
		}
		w.Run(rejoin)
		w.must(w.nodes[9], p2p.Fetch{Name: "song"})
		w.Run(time.Minute)
		return w.Hash()
	}
	const golden = 0x6ce97bce45510501
	if got := run(1); got != golden {
		t.Errorf("hash %#x, want %#x", got, uint64(golden))
	}
	if run(2) == run(3) {
		t.Error("another seed makes no difference")
	}
}

// After minutes of crashes, restarts, cuts and heals, drawn at random, the network
// is one again and every file that is shared is found.
func TestDisturbed(t *testing.T) {
	for seed := range uint64(4) {
		w := join(t, 20, seed)
		for i, a := range w.nodes[:5] {
			w.must(a, p2p.Publish{Name: fmt.Sprint("song number", i), Size: 1000})
		}
		w.disturb(rand.New(rand.NewPCG(seed, 7)))
		w.settle(2 * time.Minute)
		w.Run(time.Minute)
		if err := fasttrack.Single(w.states()); err != nil {
			t.Error(err)
		}
		for i, a := range w.nodes[:5] {
			if out := w.must(w.nodes[10+i], p2p.Find{Name: fmt.Sprint("song number", i)}); !slices.Equal(out.Found, []p2p.Addr{a}) {
				t.Errorf("song %d: found at %v, want %v", i, out.Found, a)
			}
		}
	}
}

// disturb leaves all nodes running and the network whole.
func (w *world) disturb(r *rand.Rand) {
	w.t.Helper()
	down := map[p2p.Addr]bool{}
	for range 60 {
		var err error
		switch a := w.nodes[r.IntN(len(w.nodes))]; {
		case down[a]:
			err, down[a] = w.Restart(a), false
		case r.IntN(3) == 0:
			err, down[a] = w.Crash(a), true
		case r.IntN(3) == 0:
			err, down[a] = w.Vanish(a), true
		default:
			i := 1 + r.IntN(len(w.nodes)-1)
			err = w.Apply(fault.Net{Cuts: fault.Split(w.nodes[:i], w.nodes[i:])})
		}
		if err != nil {
			w.t.Fatal(err)
		}
		w.Run(time.Duration(r.IntN(10)) * time.Second)
		if err := w.Apply(fault.Net{}); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, a := range w.nodes {
		if down[a] {
			if err := w.Restart(a); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}
