package fasttrack_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/fasttrack"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

// A world of nodes that join through an introducer, in strict and poison mode.
type world struct {
	*sim.World
	t     testing.TB
	nodes []p2p.Addr
}

func config(t testing.TB, changes ...string) fasttrack.Config {
	t.Helper()
	return p2ptest.Config(t, fasttrack.Protocol, changes...).(fasttrack.Config)
}

// meet is where newcomers ask; node 0 of every world.
const meet = "meet:7000"

func join(t testing.TB, n int, seed uint64, changes ...string) *world {
	t.Helper()
	return mixed(t, seed, slices.Repeat([][]string{changes}, n)...)
}

// mixed is a network in which every node has changes of its own.
func mixed(t testing.TB, seed uint64, changes ...[]string) *world {
	t.Helper()
	w := &world{World: sim.New(sim.Config{Seed: seed, Strict: true, Poison: true}), t: t}
	w.spawn(harness.Spec{Index: 0, Protocol: introducer.Protocol})
	for i, c := range changes {
		cfg := config(t, append(slices.Clone(c), "introducer="+meet)...)
		w.spawn(harness.Spec{Index: i + 1, Protocol: fasttrack.Protocol, Config: cfg})
		w.nodes = append(w.nodes, sim.Addr(i+1))
	}
	w.settle(time.Minute)
	return w
}

func (w *world) spawn(s harness.Spec) {
	w.t.Helper()
	s.Hosts = map[string]p2p.Addr{"meet": sim.Addr(0)}
	if err := w.Spawn(s); err != nil {
		w.t.Fatal(err)
	}
}

// states are those of the protocol's nodes.
func (w *world) states() []p2p.State {
	return slices.DeleteFunc(w.States(), func(s p2p.State) bool { return s.ID == "introducer" })
}

func (w *world) detail(a p2p.Addr) fasttrack.Detail {
	w.t.Helper()
	s, err := w.Inspect(a)
	if err != nil {
		w.t.Fatal(err)
	}
	return s.Detail.(fasttrack.Detail)
}

// settle waits until the network is whole.
func (w *world) settle(most time.Duration) {
	w.t.Helper()
	if !w.Settle(func() bool { return fasttrack.Whole(w.states()) == nil }, 100*time.Millisecond, most) {
		w.t.Fatalf("after %v: %v", most, fasttrack.Whole(w.states()))
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

// supernodes lists who is one.
func (w *world) supernodes() (list []p2p.Addr) {
	for _, s := range w.states() {
		if s.Detail.(fasttrack.Detail).Role == "supernode" {
			list = append(list, s.Self)
		}
	}
	return list
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

// outcome is how a wish ended.
type outcome = harness.Outcome
