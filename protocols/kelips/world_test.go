package kelips_test

import (
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/introducer"
	"peerbed/protocols/kelips"
	"peerbed/protocols/p2p"
)

// A world is a simulated network, and how a test talks to it.
type world struct {
	*sim.World
	t     testing.TB
	cfg   kelips.Config
	nodes []p2p.Addr
}

// newWorld makes a world with an introducer and no nodes yet.
func newWorld(t testing.TB, c sim.Config, changes ...string) *world {
	t.Helper()
	w := &world{World: sim.New(c), t: t}
	cfg, err := p2p.With(kelips.Protocol.Config, append(changes, "introducer=intro:7000")...)
	w.must(err)
	w.cfg = cfg.(kelips.Config)
	w.must(w.Spawn(harness.Spec{Index: 0, Protocol: introducer.Protocol}))
	return w
}

// joining starts n nodes that join through the introducer all at once.
func joining(t testing.TB, c sim.Config, n int, changes ...string) *world {
	t.Helper()
	w := newWorld(t, c, changes...)
	for range n {
		w.add(nil)
	}
	return w
}

// perfect starts n nodes that know all they should.
func perfect(t testing.TB, c sim.Config, n int, changes ...string) *world {
	t.Helper()
	w := newWorld(t, c, changes...)
	var addrs []p2p.Addr
	for i := range n {
		addrs = append(addrs, sim.Addr(i+1))
	}
	for _, s := range kelips.Protocol.Ideal(w.cfg, addrs) {
		w.add(&s)
	}
	return w
}

func (w *world) add(state *p2p.State) {
	w.t.Helper()
	i := len(w.nodes) + 1
	w.nodes = append(w.nodes, sim.Addr(i))
	w.must(w.Spawn(harness.Spec{Index: i, Protocol: kelips.Protocol, Config: w.cfg, State: state,
		Hosts: map[string]p2p.Addr{"intro": sim.Addr(0)}}))
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// states reads the nodes that run, without the introducer.
func (w *world) states() []p2p.State {
	var list []p2p.State
	for _, a := range w.nodes {
		if s, err := w.Inspect(a); err == nil {
			list = append(list, s)
		}
	}
	return list
}

// settles waits until a check holds.
func (w *world) settles(check func([]p2p.State) error, within time.Duration) {
	w.t.Helper()
	if !w.Settle(func() bool { return check(w.states()) == nil }, time.Second, within) {
		w.t.Fatalf("after %v: %v", within, check(w.states()))
	}
}

// do carries out a wish and waits for its outcome.
func (w *world) do(a p2p.Addr, op p2p.Op) p2p.Result {
	w.t.Helper()
	var got *harness.Outcome
	w.Do(a, op, func(o harness.Outcome) { got = &o })
	if !w.RunUntil(func() bool { return got != nil }, time.Minute) {
		w.t.Fatalf("%T%+v at %v: no outcome within a minute", op, op, a)
	}
	return got.Result
}

func detail(s p2p.State) kelips.Detail { return s.Detail.(kelips.Detail) }
