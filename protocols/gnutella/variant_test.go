package gnutella_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
)

// bytes counts what all nodes have sent of the kinds.
func (w *world) bytes(kinds ...string) (n uint64) {
	for _, a := range w.Addrs() {
		for _, tr := range w.Traffic(a) {
			if slices.Contains(kinds, tr.Kind) {
				n += tr.SentBytes
			}
		}
	}
	return n
}

// GN10: "Ping/Pong = 50 % of traffic; fix: multiplex, cache": at the same
// period both cost far less, and the hosts stay as fresh. What they cost grows
// with N, that of floods with its square.
func TestGN10Pings(t *testing.T) {
	const n = 48
	cost := map[string]uint64{}
	for _, pings := range []string{"flood", "multiplex", "cache"} {
		w := join(t, n, 5, "pings="+pings, "ping=5s", "ping-ttl=7")
		w.Run(30 * time.Second)
		before := w.bytes("ping", "pong")
		w.Run(time.Minute)
		cost[pings] = w.bytes("ping", "pong") - before
		for _, a := range w.nodes[:4] {
			if err := w.Crash(a); err != nil {
				t.Fatal(err)
			}
		}
		w.Run(time.Minute)
		for _, s := range w.states() {
			d := s.Detail.(gnutella.Detail)
			if len(d.Hosts) < n/3 {
				t.Errorf("%s: %v knows %d live hosts of %d", pings, s.Self, len(d.Hosts), n)
			}
			for _, a := range w.nodes[:4] {
				if slices.Contains(d.Hosts, a) {
					t.Errorf("%s: %v lists %v, which crashed a minute ago", pings, s.Self, a)
				}
			}
		}
	}
	t.Logf("bytes of ping and pong in a minute: %v", cost)
	if cost["multiplex"]*2 > cost["flood"] || cost["cache"]*2 > cost["flood"] {
		t.Errorf("%v: want each at most half of the floods", cost)
	}
}

// A cached answer to a neighbour's ping, byte by byte: its own pong, and the
// one that came from elsewhere. Who pings too often is told less.
func TestPongCache(t *testing.T) {
	d := newDesk(t, "pings=cache", "degree=0")
	a, b := d.linked(strangerA), d.linked(strangerB)
	mine := d.streamPing(b)
	b.Say(mine + raw(t, "01 01 00 0e000000", "ca18 64400009 03000000 04000000"))
	a.Hears("") // it did not ask
	ping := func(id string) string { return raw(t, id, "00 02 00 00000000") }
	a.Say(ping(idHex))
	a.Hears(raw(t, idHex, "01 01 00 0e000000", "581b 64400001 00000000 00000000") + raw(t, idHex, "01 01 01 0e000000", "ca18 64400009 03000000 04000000"))
	b.Hears("") // it does not go on
	a.Say(ping(serventHex))
	a.Hears(raw(t, serventHex, "01 01 00 0e000000", "581b 64400001 00000000 00000000"))
	d.Pass(2 * time.Minute)
	a.Said()
	a.Say(ping("1111111111111111 ff11111111111100"))
	a.Hears(raw(t, "1111111111111111 ff11111111111100", "01 01 00 0e000000", "581b 64400001 00000000 00000000")) // the other is old
}

// streamPing waits for the servent's next ping on s and returns its GUID.
func (d *desk) streamPing(s *stream) string {
	d.T.Helper()
	s.Said()
	d.Pass(11 * time.Second)
	said := s.Said()
	for _, other := range d.Streams {
		other.Said()
	}
	if len(said) < 23 || said[16] != 0 {
		d.T.Fatalf("no ping in ten seconds, but %q", said)
	}
	return said[:16]
}

// Two pings go on as one, and its pong goes to both askers, under the GUID of
// each.
func TestMultiplexedPings(t *testing.T) {
	d := newDesk(t, "pings=multiplex", "degree=0", "ping=1m")
	a, b, c := d.linked(strangerA), d.linked(strangerB), d.linked("100.64.0.4:40000")
	a.Say(raw(t, idHex, "00 07 00 00000000"))
	on := c.Said()
	if len(on) != 23 || on[16:19] != "\x00\x06\x00" || on[:16] == raw(t, idHex) {
		t.Fatalf("goes on as %q; want a ping of this servent's own", on)
	}
	b.Said()
	b.Say(raw(t, serventHex, "00 07 00 00000000"))
	c.Hears("")
	own := "581b 64400001 00000000 00000000"
	a.Hears(raw(t, idHex, "01 01 00 0e000000", own))
	b.Hears(raw(t, serventHex, "01 01 00 0e000000", own))
	far := "ca18 64400009 03000000 04000000"
	c.Say(on[:16] + raw(t, "01 02 01 0e000000", far))
	a.Hears(raw(t, idHex, "01 01 02 0e000000", far))
	b.Hears(raw(t, serventHex, "01 01 02 0e000000", far))
	c.Hears("")
}

// GN11: "Cache Query/QueryHit for repeated keywords": the same words again, in
// any order, cost less, and the price is a hit of one that has gone.
func TestGN11HitCache(t *testing.T) {
	w := join(t, 20, 4, "hit-cache=100", "hit-age=5m")
	w.must(w.nodes[3], p2p.Publish{Name: "Some Song.ogg", Size: 1})
	before := w.sent("query")
	w.must(w.nodes[15], p2p.Find{Name: "some song"})
	w.Run(5 * time.Second)
	first := w.sent("query") - before
	if out := w.must(w.nodes[15], p2p.Find{Name: "SONG some"}); out.Hops == 0 || w.sent("query") != before+first {
		t.Errorf("the asker itself asks again, or %+v", out)
	}
	w.must(w.nodes[9], p2p.Find{Name: "song some"})
	w.Run(5 * time.Second)
	if again := w.sent("query") - before - first; again*3 > first {
		t.Errorf("%d queries, then %d for the same words", first, again)
	}
	if err := w.Crash(w.nodes[3]); err != nil {
		t.Fatal(err)
	}
	if out := w.must(w.nodes[9], p2p.Find{Name: "song some"}); !slices.Equal(out.Found, w.nodes[3:4]) {
		t.Errorf("%+v; want the stale hit", out)
	}
	w.Run(6 * time.Minute)
	if out := w.do(w.nodes[9], p2p.Find{Name: "song some"}); !errors.Is(out.Err, p2p.ErrNotFound) {
		t.Errorf("%+v, after the hit is too old", out)
	}
}

// "Min speed": who asks for it does so as version 0.4 did, and takes no slower
// responder.
func TestAskForSpeed(t *testing.T) {
	d := newDesk(t, "min-speed=500")
	link := d.linked(strangerA)
	var result *p2p.Result
	d.Node.Do(p2p.Find{Name: "a"}, func(r p2p.Result) { result = &r })
	query := link.Said() // 500 is 0x01f4, whose low byte would mark it
	if want := raw(t, "80 07 00 09000000 7f01 61 00") + "urn:\x00"; query[16:] != want {
		t.Fatalf("the query is %q, want %q", query[16:], want)
	}
	hit := func(host, speed string) string {
		return query[:16] + raw(t, "81 05 00 26000000", "01 ca18 644000", host, speed, "01000000 05000000 61 00 00", serventHex)
	}
	link.Say(hit("08", "f3010000") + hit("09", "f4010000"))
	d.Pass(time.Minute)
	if result == nil || !slices.Equal(result.Found, []p2p.Addr{addr(t, "100.64.0.9:6346")}) {
		t.Errorf("%+v; want the fast one alone", result)
	}
}

// GN13: a freeloader shares nothing, whatever it has, and may fetch.
func TestFreeloader(t *testing.T) {
	w := mixed(t, 1, nil, nil, []string{"freeload=true"}, nil)
	mean, other := w.nodes[2], w.nodes[0]
	w.must(mean, p2p.Publish{Name: "mine", Size: 1})
	w.must(other, p2p.Publish{Name: "yours", Size: 1})
	if out := w.do(other, p2p.Find{Name: "mine"}); !errors.Is(out.Err, p2p.ErrNotFound) {
		t.Errorf("a freeloader answers: %+v", out)
	}
	w.must(mean, p2p.Fetch{Name: "yours"})
}

// A dynamic query for what many have asks few; for what one has it asks on.
func TestDynamicQueries(t *testing.T) {
	cost := map[string]uint64{}
	for _, search := range []string{"flood", "dynamic"} {
		w := join(t, 40, 2, "search="+search, "degree=4")
		for _, a := range w.nodes[1:] {
			for i := range 3 {
				w.must(a, p2p.Publish{Name: fmt.Sprint("common ", i), Size: 1})
			}
		}
		w.must(w.nodes[30], p2p.Publish{Name: "rare", Size: 1})
		before := w.sent("query")
		w.must(w.nodes[0], p2p.Find{Name: "common"})
		w.Run(10 * time.Second)
		cost[search] = w.sent("query") - before
		if out := w.must(w.nodes[0], p2p.Find{Name: "rare"}); !slices.Equal(out.Found, w.nodes[30:31]) {
			t.Errorf("%s: the rare file is found at %v", search, out.Found)
		}
	}
	if cost["dynamic"]*2 > cost["flood"] {
		t.Errorf("queries for a common file: %v", cost)
	}
}

// GN9: "power law, only with preferential joining": the degrees of nodes that
// come one after the other, and link to whom those they dial had dialled, have
// a heavy tail; else they have none. The exponent is that of theory, 1+1/r, by
// the estimate of Clauset, Shalizi and Newman (2009), equation 3.7.
func TestGN9Attachment(t *testing.T) {
	const n = 20000
	addrs := make([]p2p.Addr, n)
	for i := range addrs {
		addrs[i] = p2p.MakeAddr(0x0a000000+uint32(i), 7000)
	}
	degrees := func(changes ...string) []int {
		states := gnutella.Protocol.Ideal(config(t, changes...), addrs)
		if err := gnutella.Connected(states); err != nil {
			t.Fatal(err)
		}
		d := make([]int, n)
		for i, s := range states {
			d[i] = len(s.Neighbours)
		}
		return d
	}
	const r = 0.77
	d := degrees(fmt.Sprint("redirect=", r), "degree=2", "max-links=4096")
	const least = 10
	var logs float64
	var tail int
	for _, k := range d {
		if k >= least {
			logs += math.Log(float64(k) / (least - 0.5))
			tail++
		}
	}
	if alpha := 1 + float64(tail)/logs; math.Abs(alpha-(1+1/r)) > 0.15 || tail < 500 {
		t.Errorf("exponent %.2f of %d nodes, want %.2f", alpha, tail, 1+1/r)
	}
	if most := slices.Max(d); most < 200 {
		t.Errorf("the largest degree is %d: no heavy tail", most)
	}
	if most := slices.Max(degrees("degree=2", "max-links=4096")); most > 10 {
		t.Errorf("without redirection the largest degree is %d", most)
	}
}

// Newcomers redirect on the wire too: the largest degree of a network that grew
// by joins is larger with it.
func TestRedirect(t *testing.T) {
	most := func(redirect string) (m int) {
		w := join(t, 60, 3, "redirect="+redirect, "max-links=64", "degree=2")
		for _, s := range w.states() {
			m = max(m, len(s.Neighbours))
		}
		return m
	}
	if random, preferential := most("0"), most("1"); preferential < random+10 {
		t.Errorf("the largest degree is %d, without redirection %d", preferential, random)
	}
}
