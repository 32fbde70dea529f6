package gnutella_test

import (
	"crypto/sha1"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
)

const (
	strangerA = "100.64.0.2:40000"
	strangerB = "100.64.0.3:40000"
	connect06 = "GNUTELLA CONNECT/0.6\r\nUser-Agent: stranger/1\r\nX-Ultrapeer: True\r\n"
	ok06      = "GNUTELLA/0.6 200 OK\r\n\r\n"
	hello     = "GNUTELLA/0.6 200 OK\r\nNode: " + selfText + "\r\nRemote-IP: 100.64.0.2\r\nUser-Agent: peerbed/1\r\nBye-Packet: 0.1\r\n\r\n"
)

func raw(t testing.TB, hexes ...string) string {
	t.Helper()
	return string(unhex(t, strings.Join(hexes, "")))
}

// linked is a stranger of version 0.4 whose handshake is over.
func (d *desk) linked(from string) *stream {
	d.T.Helper()
	s := d.Call(from, "GNUTELLA CONNECT/0.4\n\n")
	if got := s.Said(); !strings.HasPrefix(got, "GNUTELLA OK\n\n") || len(got) != len("GNUTELLA OK\n\n")+23 {
		d.T.Fatalf("the servent says %q; want OK and a ping", got)
	}
	return s
}

// joined is a stranger of version 0.6 that has said the fields and whose
// handshake is over.
func (d *desk) joined(from, fields string) *stream {
	d.T.Helper()
	s := d.Call(from, "GNUTELLA CONNECT/0.6\r\n"+fields+"\r\n")
	if got := s.Said(); !strings.HasPrefix(got, "GNUTELLA/0.6 200 OK\r\n") {
		d.T.Fatalf("the servent says %q; want OK", got)
	}
	s.Say(ok06)
	s.Said() // a ping, perhaps
	return s
}

// A session of version 0.4: OK, then a ping of the servent's own, and its pong.
func TestStrangerOfVersion04(t *testing.T) {
	d := newDesk(t)
	d.Publish("a b.txt", strings.Repeat("x", 3000))
	s := d.linked(strangerA)
	s.Say(raw(t, idHex, "00 01 00 00000000"))
	s.Hears(raw(t, idHex, "01 01 00 0e000000", "581b 64400001 01000000 02000000")) // one file, 2 KiB
	s.Say(raw(t, idHex, "00 01 00 00000000"))
	s.Hears("") // GN4: the same ping again
}

// A session of version 0.6 up to a hit, whose servent id is the one on disk.
func TestStrangerOfVersion06(t *testing.T) {
	d := newDesk(t)
	d.Publish("a b.txt", "hello")
	d.Publish("b.txt", "other")
	s := d.Call(strangerA, connect06+"Node: 100.64.0.2:6346\r\n\r\n")
	s.Hears(hello)
	s.Say(ok06)
	if got := s.Said(); len(got) != 23 || got[16] != 0 {
		t.Fatalf("after the handshake the servent says %q; want a ping", got)
	}
	if got := d.Node.Inspect().Neighbours; !slices.Equal(got, []p2p.Addr{addr(t, "100.64.0.2:6346")}) {
		t.Errorf("neighbours %v, want the address of the Node field", got)
	}
	urn := gnutella.FormatURN(sha1.Sum([]byte("hello")))
	s.Say(raw(t, idHex, "80 04 02 0d000000") + "\x80\x00b tXt A\x00urn:")
	s.Hears(raw(t, idHex, "81 03 00 5c000000", "01 581b 64400001 e8030000", "01000000 05000000") +
		"a b.txt\x00" + urn + "\x00PBED\x02\x3c\x01" + string(servent[:]))
}

// "Min speed": a servent below what an old query asks for does not answer; in a
// marked query the same bits mean no speed.
func TestMinimalSpeed(t *testing.T) {
	d := newDesk(t, "speed=28")
	d.Publish("a", "hello")
	s := d.linked(strangerA)
	s.Say(raw(t, idHex, "80 01 00 04000000", "1d00 61 00"))
	s.Hears("")
	s.Say(raw(t, serventHex, "80 01 00 04000000", "1c00 61 00"))
	if s.Said() == "" {
		t.Error("no hit for a query that asks for 28 kbit/s")
	}
}

// GN3: "Query flooded, TTL-limited, each DescriptorID forwarded once, not back
// to sender". GN4, GN5: hits go back on that way only, others are dropped; a
// Push follows the hits' way to its servent.
func TestGN3GN4GN5Routing(t *testing.T) {
	d := newDesk(t)
	asker, middle, other := d.linked(strangerA), d.linked(strangerB), d.linked("100.64.0.4:40000")

	query := func(ttlHops string) string { return raw(t, idHex, "80", ttlHops, "04000000", "8000 61 00") }
	asker.Say(query("03 02"))
	asker.Hears("")
	middle.Hears(query("02 03"))
	other.Hears(query("02 03"))
	other.Say(query("03 02"))
	asker.Hears("") // a duplicate

	hit := func(id, ttlHops string) string {
		return raw(t, id, "81", ttlHops, "26000000", "01 ca18 64400009 e8030000", "01000000 05000000 61 00 00", "b0b1b2b3b4b5b6b7 ffb9babbbcbdbe00")
	}
	middle.Say(hit(idHex, "05 01"))
	asker.Hears(hit(idHex, "04 02"))
	other.Hears("")
	middle.Say(hit(serventHex, "05 01")) // of a query that nobody asked
	asker.Hears("")
	middle.Say(hit(idHex, "01 01")) // whose TTL is used up
	asker.Hears("")

	push := func(ttlHops string) string {
		return raw(t, serventHex, "40", ttlHops, "1a000000", "b0b1b2b3b4b5b6b7 ffb9babbbcbdbe00", "01000000 64400002 ca18")
	}
	asker.Say(push("04 00"))
	middle.Hears(push("03 01"))
	other.Hears("")

	asker.Breaks() // "break a middle node: hit lost, no detour"
	middle.Say(hit(idHex, "05 01"))
	other.Hears("")
	if middle.Over || other.Over {
		t.Error("links of the others have been lost too")
	}
}

// A stranger's TTL counts only so far that TTL and hops stay below ours.
func TestTTLIsCapped(t *testing.T) {
	d := newDesk(t)
	a, b := d.linked(strangerA), d.linked(strangerB)
	a.Say(raw(t, idHex, "80 ff 00 04000000", "8000 61 00"))
	b.Hears(raw(t, idHex, "80 06 01 04000000", "8000 61 00"))
	a.Say(raw(t, serventHex, "80 ff 06 04000000", "8000 61 00"))
	b.Hears("")
}

// What is out of turn costs its sender the link, and nothing else.
func TestOutOfTurn(t *testing.T) {
	node := "Node: 100.64.0.2:6346\r\n\r\n"
	ping := raw(t, idHex, "00 01 00 00000000")
	for what, says := range map[string][]string{
		"a malformed pong":                {"GNUTELLA CONNECT/0.4\n\n", raw(t, idHex, "01 01 00 01000000 00")},
		"a Bye":                           {"GNUTELLA CONNECT/0.4\n\n", raw(t, idHex, "02 01 00 03000000 c800 00")},
		"a third block that refuses":      {connect06 + node, "GNUTELLA/0.6 403 No\r\n\r\n"},
		"a descriptor for a third block":  {connect06 + node, ping},
		"a second Connect":                {connect06 + node, connect06 + node},
		"an answer for a Connect":         {ok06},
		"a head that is no handshake":     {"GNUTELLA HELLO\n\n"},
		"a request after a request":       {"GET /get/1/a HTTP/1.1\r\n\r\n", "GNUTELLA CONNECT/0.4\n\n"},
		"a response that nobody asked":    {"GET /get/1/x HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"},
		"a range of more than one part":   {"GET /get/1/a HTTP/1.0\r\nRange: bytes=0-1\r\n\r\n"},
		"a request for what is not there": {"GET /get/1/b HTTP/1.0\r\n\r\n"},
	} {
		t.Run(what, func(t *testing.T) {
			d := newDesk(t)
			d.Publish("a", "hello")
			bystander := d.linked(strangerB)
			s := d.Call(strangerA, says[0])
			for _, bytes := range says[1:] {
				if s.Over {
					t.Fatalf("the link has ended too early: %v", s.Err)
				}
				s.Say(bytes)
			}
			if !s.Over {
				t.Error("the link stands")
			}
			if bystander.Say(ping); bystander.Over || bystander.Said() == "" {
				t.Error("another link has suffered")
			}
			d.Pass(time.Minute)
		})
	}
}

// Messages that no codec would make of bytes, but a world may deliver.
func TestUnaskedMessages(t *testing.T) {
	d := newDesk(t)
	d.Publish("a", "hello")
	for _, k := range gnutella.Protocol.Kinds {
		for _, says := range []string{"GNUTELLA CONNECT/0.4\n\n", connect06 + "\r\n", "GET /get/1/a HTTP/1.1\r\n\r\n"} {
			s := d.Call(strangerA, says)
			s.Handler.Handle(s.Peer, k.Blank)
			d.Pass(0)
			if !s.Over {
				s.Breaks()
			}
		}
		codec := gnutella.NewTransfer()
		if _, ok := k.Blank.(*gnutella.Connect); ok {
			codec = gnutella.NewOverlay()
		}
		s := d.Open(addr(t, strangerA), codec, d.Node)
		d.Node.Handle(s.Peer, &p2p.Up{Inbound: true})
		d.Node.Handle(s.Peer, k.Blank)
		if !s.Over {
			s.Breaks()
		}
	}
	if links := d.Node.Inspect().Detail.(gnutella.Detail).Links; len(links) > 0 {
		t.Errorf("links are left: %+v", links)
	}
}

// Who says nothing is not waited for.
func TestSilentStrangers(t *testing.T) {
	d := newDesk(t)
	half := d.Call(strangerA, connect06+"\r\n") // and no third block
	mute := d.Open(addr(t, strangerB), gnutella.NewTransfer(), d.Node)
	d.Node.Handle(mute.Peer, &p2p.Up{Inbound: true})
	idle := d.Call(strangerB, "GET /get/1/a HTTP/1.1\r\n\r\n")
	d.Pass(9 * time.Second)
	if half.Over || mute.Over || idle.Over {
		t.Error("no patience")
	}
	d.Pass(3 * time.Second)
	if !half.Over || !mute.Over {
		t.Error("a stream without a word is kept")
	}
	d.Pass(30 * time.Second)
	if !idle.Over {
		t.Error("a stream is kept for requests that do not come")
	}
	for range 100 {
		s := d.Open(addr(t, strangerA), gnutella.NewTransfer(), d.Node)
		d.Node.Handle(s.Peer, &p2p.Up{Inbound: true})
		mute = s
	}
	if !mute.Over {
		t.Error("100 streams without a word are kept")
	}
}

// A node that is full says whom to try instead.
func TestFull(t *testing.T) {
	d := newDesk(t, "max-links=1", "degree=0")
	first := d.Call("100.64.0.2:40000", connect06+"Node: 100.64.0.2:6346\r\n\r\n")
	first.Say(ok06)
	second := d.Call(strangerB, connect06+"\r\n")
	second.Hears("GNUTELLA/0.6 503 Full\r\nNode: " + selfText + "\r\nRemote-IP: 100.64.0.3\r\nUser-Agent: peerbed/1\r\n" +
		"Bye-Packet: 0.1\r\nX-Try: 100.64.0.2:6346\r\n\r\n")
	third := d.Call(strangerB, "GNUTELLA CONNECT/0.4\n\n")
	third.Hears("") // which has no word for it
	if first.Over || !second.Over || !third.Over {
		t.Errorf("over: %v, %v, %v; want the first link alone", first.Over, second.Over, third.Over)
	}
}

// Two servents have one link at most, a servent none to itself. Where both
// dialled, the link that the lower address dialled stays.
func TestDoubleLinks(t *testing.T) {
	connectAs := func(d *desk, listen string) *stream {
		host, _, _ := strings.Cut(listen, ":")
		return d.Call(host+":40000", connect06+"Node: "+listen+"\r\n\r\n")
	}
	d := newDesk(t, "degree=1")
	if s := connectAs(d, selfText); !s.Over || !strings.HasPrefix(s.Said(), "GNUTELLA/0.6 409 ") {
		t.Error("a link to itself")
	}

	// The servent dials a higher and a lower address, which dial it meanwhile.
	for _, c := range []struct {
		other string
		ours  bool
	}{{"100.64.0.9:7000", true}, {"100.63.0.9:7000", false}} {
		d := newDesk(t, "degree=1")
		seed := d.Call(strangerA, connect06+"\r\n") // is refused by nobody, and tells of the other
		seed.Say(ok06)
		id := seed.Said()
		pong := id[len(id)-23:][:16] + raw(t, "01 01 00 0e000000 581b") + ip(t, c.other) + raw(t, "00000000 00000000")
		seed.Say(pong)
		seed.Breaks()
		ours := d.Last()
		if ours.Peer.Addr != addr(t, c.other) {
			t.Fatalf("dialled %v, want %v", ours.Peer.Addr, c.other)
		}
		theirs := connectAs(d, c.other)
		if ours.Over == c.ours || theirs.Over != c.ours {
			t.Errorf("%s: ours over %v, theirs over %v", c.other, ours.Over, theirs.Over)
		}
		again := connectAs(d, c.other) // after a crash: it has forgotten theirs
		if again.Over != c.ours || !theirs.Over {
			t.Errorf("%s dials once more: over %v, the one before %v", c.other, again.Over, theirs.Over)
		}
		if n := len(d.Node.Inspect().Detail.(gnutella.Detail).Links); n != 1 {
			t.Errorf("%d links to one servent", n)
		}
	}
}

// ip writes the IP address of a as a Pong has it.
func ip(t testing.TB, a string) string {
	b := addr(t, a).IP()
	return string([]byte{byte(b >> 24), byte(b >> 16), byte(b >> 8), byte(b)})
}

// A query without words asks for the file of a hash, with any name; leaves hear it
// whatever words they have. Nobody's empty query is answered.
func TestQueryByHash(t *testing.T) {
	d := newDesk(t)
	d.Publish("a b", "hello")
	s := d.linked(strangerA)
	urn := gnutella.FormatURN(sha1.Sum([]byte("hello")))
	query := func(id, text, ext string) string {
		return raw(t, id, "80 02 01") + string(rune(2+len(text)+1+len(ext))) + raw(t, "000000 8000") + text + "\x00" + ext
	}
	s.Say(query(idHex, "", urn+"\x00"))
	if said := s.Said(); !strings.Contains(said, "a b\x00"+urn) || said[:16] != raw(t, idHex) {
		t.Errorf("asked for %s it says %q", urn, said)
	}
	s.Say(query(serventHex, "", strings.ToLower(urn))) // letters of any case, and no NUL at the end
	if said := s.Said(); !strings.Contains(said, "a b\x00") {
		t.Errorf("asked in lower case it says %q", said)
	}
	s.Say(query("1111111111111111 ff11111111111100", "", "urn:\x00"))
	s.Say(query("2222222222222222 ff22222222222200", "", gnutella.FormatURN(sha1.Sum(nil))))
	s.Hears("")

	up := newDesk(t, "role=ultrapeer")
	leaf, upper := up.gtkLeaf("100.64.0.2"), up.gtkUltrapeer("100.64.0.3")
	upper.Say(query(idHex, "", urn+"\x00"))
	if said := leaf.Said(); !strings.HasSuffix(said, "\x00"+urn+"\x00") {
		t.Errorf("of a query for a hash a leaf hears %q", said)
	}
}

// A user finds a file by its hash, among many and through caches.
func TestFindByHash(t *testing.T) {
	w := join(t, 8, 1, "hit-cache=10")
	w.must(w.nodes[2], p2p.Publish{Name: "one", Size: 10, Seed: 1})
	w.must(w.nodes[3], p2p.Publish{Name: "two", Size: 10, Seed: 2})
	var urns []string
	for _, s := range w.states() {
		for _, f := range s.Detail.(gnutella.Detail).Library {
			urns = append(urns, f.URN)
		}
	}
	for range 2 {
		for i, urn := range urns {
			if out := w.must(w.nodes[6], p2p.Find{Name: urn}); len(out.Found) != 1 || out.Found[0] != w.nodes[2+i] {
				t.Errorf("%s is found at %v, want %v", urn, out.Found, w.nodes[2+i])
			}
		}
	}
}
