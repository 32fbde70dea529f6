package gnutella_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
)

// The overlay is one network after joins of any order and delay, and again
// after a quarter of it crashes at once.
func TestConnectivity(t *testing.T) {
	for seed := range uint64(30) {
		n := 8 + int(seed)
		w := join(t, n, seed)
		for i := range n / 4 {
			if err := w.Crash(w.nodes[(int(seed)+3*i)%n]); err != nil {
				t.Fatal(err)
			}
		}
		w.Run(time.Second)
		w.settle()
		w.Run(2 * time.Minute)
		if err := gnutella.Connected(w.states()); err != nil {
			t.Errorf("seed %d, two minutes later: %v", seed, err)
		}
		for _, s := range w.states() {
			if m := len(s.Neighbours); m < 3 || m > 16 {
				t.Errorf("seed %d: %v has %d neighbours", seed, s.Self, m)
			}
		}
	}
}

// Two halves that were cut apart for long find together again.
func TestHalvesReunite(t *testing.T) {
	for seed := range uint64(5) {
		w := join(t, 16, seed)
		w.Run(20 * time.Second)
		if err := w.Apply(fault.Net{Cuts: fault.Split(w.nodes[:8], w.nodes[8:])}); err != nil {
			t.Fatal(err)
		}
		w.Run(time.Duration(1+3*seed) * time.Minute)
		if gnutella.Connected(w.states()) == nil {
			t.Fatal("the cut has no effect")
		}
		if err := w.Apply(fault.Net{}); err != nil {
			t.Fatal(err)
		}
		w.settle()
	}
}

// A hundred nodes that start at the same instant become one network.
func TestAllAtOnce(t *testing.T) {
	w := join(t, 100, 11)
	if e := edges(w.states()); e < 150 || e > 450 {
		t.Errorf("%d links among 100 nodes", e)
	}
	w.Run(time.Minute)
	w.single()
}

// single checks that no servent has two links to another, or one to itself.
func (w *world) single() {
	w.t.Helper()
	if err := gnutella.Single(w.states()); err != nil {
		w.t.Error(err)
	}
}

// After minutes of crashes, restarts, cuts and heals, drawn at random, the
// overlay is one again and every file that is shared is found.
func TestDisturbed(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := join(t, 20, seed)
			for i, a := range w.nodes[:5] {
				w.must(a, p2p.Publish{Name: fmt.Sprint("song ", i), Size: 1000})
			}
			w.disturb(rand.New(rand.NewPCG(seed, 7)))
			w.settle()
			w.Run(time.Minute)
			w.single()
			for i, a := range w.nodes[:5] {
				for _, asker := range w.nodes[10:] {
					out := w.must(asker, p2p.Find{Name: fmt.Sprint("song ", i)})
					if !slices.Equal(out.Found, []p2p.Addr{a}) {
						t.Errorf("song %d: found at %v, want %v", i, out.Found, a)
					}
				}
			}
		})
	}
}

// disturb leaves all nodes running and the network whole.
func (w *world) disturb(r *rand.Rand) {
	w.t.Helper()
	var down []p2p.Addr
	for range 60 {
		var err error
		switch a := w.nodes[r.IntN(len(w.nodes))]; {
		case slices.Contains(down, a):
			err = w.Restart(a)
			down = slices.DeleteFunc(down, func(b p2p.Addr) bool { return b == a })
		case r.IntN(3) == 0:
			err = w.Crash(a)
			down = append(down, a)
		case r.IntN(3) == 0:
			err = w.Vanish(a)
			down = append(down, a)
		default:
			i := 1 + r.IntN(len(w.nodes)-1)
			err = w.Apply(fault.Net{Cuts: fault.Split(w.nodes[:i], w.nodes[i:])})
		}
		w.Run(time.Duration(r.IntN(10)) * time.Second)
		if err = errors.Join(err, w.Apply(fault.Net{})); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, a := range down {
		if err := w.Restart(a); err != nil {
			w.t.Fatal(err)
		}
	}
}

// A seed decides everything, on any machine. The number changes with every
// change of what servents send, or of the simulator.
func TestRepeats(t *testing.T) {
	run := func(seed uint64) uint64 {
		w := join(t, 12, seed)
		w.must(w.nodes[2], p2p.Publish{Name: "song", Size: 1 << 20, Seed: 1})
		if err := w.Crash(w.nodes[5]); err != nil {
			t.Fatal(err)
		}
		w.must(w.nodes[9], p2p.Fetch{Name: "song"})
		w.Run(time.Minute)
		return w.Hash()
	}
	const golden = 0x2193eaf479a31d4b
	if got := run(1); got != golden {
		t.Errorf("hash %#x, want %#x", got, uint64(golden))
	}
	if run(2) == run(3) {
		t.Error("another seed makes no difference")
	}
}

// What cannot be done is said, at once, and destroys nothing.
func TestWishesInVain(t *testing.T) {
	d := newDesk(t)
	d.Files["!!"], d.Files["mine"] = []byte("x"), []byte("y")
	d.Saved["shares"] = nil
	for _, c := range []struct {
		op   p2p.Op
		want error
	}{
		{p2p.Publish{Name: "nothing"}, p2p.ErrNotFound},
		{p2p.Publish{Name: "!!"}, p2p.ErrUnsupported},
		{p2p.Remove{Name: "mine"}, p2p.ErrNotFound},
		{p2p.Find{Name: "x"}, p2p.ErrNotJoined},
		{p2p.Fetch{Name: "x"}, p2p.ErrNotJoined},
	} {
		if r := d.Do(c.op); !r.Done || !errors.Is(r.Err, c.want) {
			t.Errorf("%T%+v: %+v, want %v", c.op, c.op, r, c.want)
		}
	}
	d.linked(strangerA)
	if r := d.Do(p2p.Find{Name: "?!"}); !r.Done || !errors.Is(r.Err, p2p.ErrUnsupported) {
		t.Errorf("a query without a word: %+v", r)
	}
	var got error
	d.Node.Do(p2p.Fetch{Name: "mine"}, func(r p2p.Result) { got = r.Err })
	d.Pass(time.Minute)
	if !errors.Is(got, p2p.ErrNotFound) || string(d.Files["mine"]) != "y" {
		t.Errorf("fetch what nobody shares: %v, %q on the disk", got, d.Files["mine"])
	}
	link := d.joined(strangerB, "Bye-Packet: 0.1\r\n")
	var left, open bool
	d.Node.Do(p2p.Find{Name: "x"}, func(r p2p.Result) { open = errors.Is(r.Err, p2p.ErrGone) })
	d.Node.Do(p2p.Leave{}, func(r p2p.Result) { left = r.Err == nil })
	if said := link.Said(); !left || !open || !link.Over || !strings.HasSuffix(said, "\xc8\x00Good bye\x00") {
		t.Errorf("left %v, the search ended %v, the link %v with %q", left, open, link.Over, said)
	}
	if r := d.Do(p2p.Fetch{Name: "x"}); !r.Done || !errors.Is(r.Err, p2p.ErrGone) {
		t.Errorf("a wish after Leave: %+v", r)
	}
	d.Pass(time.Minute) // and no word more, or the desk fails
}

// What is shared is known again after a crash; what was removed is not; who
// left has said so.
func TestLives(t *testing.T) {
	w := join(t, 6, 2)
	a, b := w.nodes[2], w.nodes[4]
	w.must(a, p2p.Publish{Name: "kept.txt", Size: 10})
	w.must(a, p2p.Publish{Name: "gone.txt", Size: 10})
	w.must(a, p2p.Remove{Name: "gone.txt"})
	if out := w.do(a, p2p.Remove{Name: "gone.txt"}); !errors.Is(out.Err, p2p.ErrNotFound) {
		t.Errorf("removed twice: %v", out.Err)
	}
	was, err := w.Inspect(a)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Crash(a), w.Restart(a)); err != nil {
		t.Fatal(err)
	}
	w.settle()
	is, err := w.Inspect(a)
	if err != nil || is.ID != was.ID || !slices.Equal(is.Stored, []string{"kept.txt"}) {
		t.Errorf("after a crash: %q shares %v, %v; before: %q", is.ID, is.Stored, err, was.ID)
	}
	w.must(b, p2p.Fetch{Name: "kept.txt"})
	if out := w.do(b, p2p.Find{Name: "gone"}); !errors.Is(out.Err, p2p.ErrNotFound) {
		t.Errorf("found what was removed: %+v", out)
	}
	w.must(a, p2p.Leave{})
	if n := w.sent("bye"); n != 0 { // counted at a, which is gone; the others never send one
		t.Errorf("%d byes of those who stay", n)
	}
	w.settle()
	if out := w.do(b, p2p.Find{Name: "kept"}); !errors.Is(out.Err, p2p.ErrNotFound) {
		t.Errorf("who left answers: %+v", out)
	}
}

// With Reshare a fetched file is found at both.
func TestReshare(t *testing.T) {
	w := join(t, 6, 2, "reshare=true")
	w.must(w.nodes[0], p2p.Publish{Name: "song", Size: 10})
	w.must(w.nodes[1], p2p.Fetch{Name: "song"})
	if out := w.must(w.nodes[2], p2p.Find{Name: "song"}); len(out.Found) != 2 {
		t.Errorf("found at %v", out.Found)
	}
}

// The trail of a query is its way through the states of those on it.
func TestTrail(t *testing.T) {
	w := given(t, 1, line(5))
	w.must(w.nodes[3], p2p.Publish{Name: "song", Size: 1})
	out := w.must(w.nodes[0], p2p.Find{Name: "song"})
	var way []p2p.Addr
	for _, h := range gnutella.Protocol.Trail(out.Result, w.states()) {
		way = append(way, h.Addr)
	}
	if !slices.Equal(way, w.nodes[:4]) {
		t.Errorf("the trail is %v; want %v", way, w.nodes[:4])
	}
	lost := w.do(w.nodes[0], p2p.Find{Name: "nothing"})
	if way := gnutella.Protocol.Trail(lost.Result, w.states()); len(way) != 5 || way[4].Addr != w.nodes[4] {
		t.Errorf("the trail of a query in vain is %v; want it up to the last node", way)
	}
}
