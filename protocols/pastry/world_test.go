package pastry_test

import (
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
	"peerbed/protocols/pastry"
)

// A world is a simulated network, and how a test talks to it.
type world struct {
	*sim.World
	t     testing.TB
	nodes []p2p.Addr
}

// joining starts an introducer and n nodes that join through it all at once.
func joining(t testing.TB, c sim.Config, n int, changes ...string) *world {
	t.Helper()
	w := &world{World: sim.New(c), t: t}
	w.must(w.Spawn(harness.Spec{Index: 0, Protocol: introducer.Protocol}))
	cfg, err := p2p.With(pastry.Protocol.Config, append(changes, "introducer=intro:7000")...)
	w.must(err)
	for i := range n {
		w.nodes = append(w.nodes, sim.Addr(i+1))
		w.must(w.Spawn(harness.Spec{Index: i + 1, Protocol: pastry.Protocol, Config: cfg,
			Hosts: map[string]p2p.Addr{"intro": sim.Addr(0)}}))
	}
	return w
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

// settles waits until all leaf sets are exact and says how long that took.
func (w *world) settles(within time.Duration) time.Duration {
	w.t.Helper()
	began := w.Now()
	exact := func() bool { return pastry.Exact(w.states()) == nil }
	if !w.Settle(exact, 100*time.Millisecond, within) {
		w.t.Fatalf("after %v: %v", within, pastry.Exact(w.states()))
	}
	return w.Now() - began
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
