package gnutella_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/gnutella"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

// A world of n servents that join through an introducer, in strict and poison
// mode.
type world struct {
	*sim.World
	t     testing.TB
	nodes []p2p.Addr
}

func config(t testing.TB, changes ...string) gnutella.Config {
	t.Helper()
	return p2ptest.Config(t, gnutella.Protocol, changes...).(gnutella.Config)
}

// meet is where newcomers ask; node 0 of every world.
const meet = "meet:7000"

func join(t testing.TB, n int, seed uint64, changes ...string) *world {
	t.Helper()
	w := &world{World: sim.New(sim.Config{Seed: seed, Strict: true, Poison: true}), t: t}
	w.spawn(harness.Spec{Index: 0, Protocol: introducer.Protocol})
	cfg := config(t, append(changes, "introducer="+meet)...)
	for i := range n {
		w.spawn(harness.Spec{Index: i + 1, Protocol: gnutella.Protocol, Config: cfg})
		w.nodes = append(w.nodes, sim.Addr(i+1))
	}
	w.settle()
	return w
}

// given starts one servent per row, with links to those whose numbers the row
// lists, and to nobody else.
func given(t testing.TB, seed uint64, rows [][]int, changes ...string) *world {
	t.Helper()
	w := &world{World: sim.New(sim.Config{Seed: seed, Strict: true, Poison: true}), t: t}
	cfg := config(t, append(changes, "degree=0")...)
	for i, row := range rows {
		state := &p2p.State{}
		for _, j := range row {
			state.Neighbours = append(state.Neighbours, sim.Addr(j))
		}
		w.spawn(harness.Spec{Index: i, Protocol: gnutella.Protocol, Config: cfg, State: state})
		w.nodes = append(w.nodes, sim.Addr(i))
	}
	w.settle()
	return w
}

func (w *world) spawn(s harness.Spec) {
	w.t.Helper()
	s.Hosts = map[string]p2p.Addr{"meet": sim.Addr(0)}
	if err := w.Spawn(s); err != nil {
		w.t.Fatal(err)
	}
}

// states are those of the servents.
func (w *world) states() []p2p.State {
	return slices.DeleteFunc(w.States(), func(s p2p.State) bool { return s.ID == "introducer" })
}

// settle waits until the overlay is connected.
func (w *world) settle() {
	w.t.Helper()
	if !w.Settle(func() bool { return gnutella.Connected(w.states()) == nil }, 100*time.Millisecond, time.Minute) {
		w.t.Fatalf("after a minute: %v", gnutella.Connected(w.states()))
	}
}

// do carries out a wish to its end.
func (w *world) do(a p2p.Addr, op p2p.Op) (out harness.Outcome) {
	w.t.Helper()
	ended := false
	w.Do(a, op, func(o harness.Outcome) { out, ended = o, true })
	if !w.RunUntil(func() bool { return ended }, time.Hour) {
		w.t.Fatalf("%T%+v at %v does not end", op, op, a)
	}
	return out
}

func (w *world) must(a p2p.Addr, op p2p.Op) harness.Outcome {
	w.t.Helper()
	out := w.do(a, op)
	if out.Err != nil {
		w.t.Fatalf("%T%+v at %v: %v", op, op, a, out.Err)
	}
	return out
}

// sent counts the messages of a kind that all nodes have sent.
func (w *world) sent(kind string) (n uint64) {
	for _, a := range w.Addrs() {
		for _, tr := range w.Traffic(a) {
			if tr.Kind == kind {
				n += tr.Sent
			}
		}
	}
	return n
}

// outcome is how a wish ended.
type outcome = harness.Outcome

// received counts the messages of a kind that one node has heard.
func (w *world) received(a p2p.Addr, kind string) uint64 {
	for _, tr := range w.Traffic(a) {
		if tr.Kind == kind {
			return tr.Received
		}
	}
	return 0
}

func TestJoinFindFetch(t *testing.T) {
	w := join(t, 12, 1)
	w.must(w.nodes[3], p2p.Publish{Name: "Some Song.ogg", Size: 3 << 20, Seed: 5})
	for _, name := range []string{"Some Song.ogg", "song SOME", "ogg"} {
		out := w.must(w.nodes[10], p2p.Find{Name: name})
		if !slices.Equal(out.Found, w.nodes[3:4]) || out.Hops < 1 {
			t.Errorf("find %q: %v, %d hops; want %v", name, out.Found, out.Hops, w.nodes[3])
		}
	}
	if out := w.do(w.nodes[10], p2p.Find{Name: "no song"}); !errors.Is(out.Err, p2p.ErrNotFound) {
		t.Errorf("find what nobody has: %v", out.Err)
	}
	out := w.must(w.nodes[10], p2p.Fetch{Name: "Some Song.ogg"})
	if out.Blob.Len != 3<<20 || !w.Holds(w.nodes[10], "Some Song.ogg", 3<<20, 5) {
		t.Errorf("fetched %+v, which is not what was published", out.Blob)
	}
}
