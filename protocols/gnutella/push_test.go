package gnutella_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/harness/sim"
	"peerbed/protocols/gnutella"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
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

// Who does not say that it is behind a firewall, as servents of version 0.4
// cannot, is asked by Push once it could not be dialled.
func TestPushAfterAll(t *testing.T) {
	w := mixed(t, 1, nil, nil, nil, nil)
	asker, owner := w.nodes[3], w.nodes[1]
	w.must(owner, p2p.Publish{Name: "song", Size: 1000, Seed: 7})
	if err := w.Apply(fault.Net{Walls: []p2p.Addr{owner}}); err != nil {
		t.Fatal(err)
	}
	w.must(asker, p2p.Fetch{Name: "song"})
	if w.sent("giv") == 0 || !w.Holds(asker, "song", 1000, 7) {
		t.Errorf("%d givs", w.sent("giv"))
	}
}

// A relay ends with its streams and leaves nothing on the disk; one that nobody
// comes to does too, and a servent that is not asked to be one refuses.
func TestRelayEnds(t *testing.T) {
	d := newDesk(t, "relay=true")
	id := "b0b1b2b3b4b5b6b7ffb9babbbcbdbe00"
	for what, end := range map[string]func(asker, owner *stream){
		"the asker hangs up": func(asker, _ *stream) { asker.Breaks() },
		"the owner breaks":   func(_, owner *stream) { owner.Breaks() },
		"both say nothing":   func(_, _ *stream) { d.Pass(40 * time.Second) },
		"a second Relay":     func(asker, _ *stream) { asker.Say("RELAY " + id + "\n\n") },
	} {
		asker := d.Call(strangerA, "RELAY "+id+"\n\n")
		asker.Hears("")
		owner := d.Call(strangerB, "GIV 1:"+id+"/a\n\n")
		asker.Hears("GIV 1:" + id + "/a\n\n")
		asker.Say("GET /get/1/a HTTP/1.1\r\n\r\n")
		owner.Hears("GET /get/1/a HTTP/1.1\r\nUser-Agent: peerbed/1\r\nConnection: Keep-Alive\r\n\r\n")
		owner.Say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhel")
		if said := asker.Said(); !strings.HasSuffix(said, "\r\n\r\nhel") {
			t.Errorf("%s: the asker hears %q", what, said)
		}
		end(asker, owner)
		if !asker.Over || !owner.Over || len(d.Files) > 0 {
			t.Errorf("%s: over %v, %v; on the disk %v", what, asker.Over, owner.Over, d.Files)
		}
	}
	alone := d.Call(strangerA, "RELAY "+id+"\n\n")
	d.Pass(40 * time.Second)
	refused := newDesk(t).Call(strangerA, "RELAY "+id+"\n\n")
	if !alone.Over || !refused.Over {
		t.Errorf("over: %v, %v", alone.Over, refused.Over)
	}
}
