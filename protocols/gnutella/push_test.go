package gnutella_test

import (
	"errors"
	"testing"

	"peerbed/harness/fault"
	"peerbed/harness/sim"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"

	"peerbed/harness"
	"peerbed/protocols/gnutella"
)

// mixed is a network in which every node has changes of its own; those whose
// changes say firewalled=true are.
func mixed(t testing.TB, seed uint64, changes ...[]string) *world {
	t.Helper()
	w := &world{World: sim.New(sim.Config{Seed: seed, Strict: true, Poison: true}), t: t}
	w.spawn(harness.Spec{Index: 0, Protocol: introducer.Protocol})
	var walls []p2p.Addr
	for i, c := range changes {
		cfg := config(t, append(c, "introducer="+meet)...)
		if cfg.Firewalled {
			walls = append(walls, sim.Addr(i+1))
		}
		w.spawn(harness.Spec{Index: i + 1, Protocol: gnutella.Protocol, Config: cfg})
		w.nodes = append(w.nodes, sim.Addr(i+1))
	}
	if err := w.Apply(fault.Net{Walls: walls}); err != nil {
		t.Fatal(err)
	}
	w.settle()
	return w
}

// GN7: "Firewalled responder: Push routed back, responder connects, sends GIV,
// requestor GETs": it works unless both are behind firewalls, "gives up". With
// a third servent between, an extension, it works then too.
func TestGN7Push(t *testing.T) {
	const open, walled = "firewalled=false", "firewalled=true"
	for _, c := range []struct {
		name, asker, owner, relay string
		works                     bool
		givs, relays              uint64
	}{
		{"open from open", open, open, "relay=false", true, 0, 0},
		{"open from firewalled", open, walled, "relay=false", true, 1, 0},
		{"firewalled from open", walled, open, "relay=false", true, 0, 0},
		{"firewalled from firewalled", walled, walled, "relay=false", false, 0, 0},
		{"firewalled from firewalled, relayed", walled, walled, "relay=true", true, 2, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			rest := []string{c.relay}
			w := mixed(t, 1, rest, rest, rest, []string{c.asker, c.relay}, []string{c.owner, c.relay}, rest)
			const size = 3 << 20
			asker, owner := w.nodes[3], w.nodes[4]
			w.must(owner, p2p.Publish{Name: "song", Size: size, Seed: 7})
			out := w.do(asker, p2p.Fetch{Name: "song"})
			if c.works && (out.Err != nil || !w.Holds(asker, "song", size, 7)) {
				t.Errorf("%+v", out)
			}
			if !c.works && !errors.Is(out.Err, p2p.ErrRefused) {
				t.Errorf("%+v, want it given up", out)
			}
			if g, r := w.sent("giv"), w.sent("relay"); g != c.givs || r != c.relays {
				t.Errorf("%d givs and %d relays; want %d and %d", g, r, c.givs, c.relays)
			}
		})
	}
}
