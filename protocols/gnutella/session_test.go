package gnutella_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
)

// Sessions with real clients: what gtk-gnutella and mldonkey say, typed from
// what is known of them and not written by our codec, and what they insist on.

// What gtk-gnutella says of itself, whatever it is.
const gtk = "Remote-IP: 100.64.0.1\r\nUser-Agent: gtk-gnutella/1.2.2 (2022-02-25; GTK1; Linux x86_64)\r\nPong-Caching: 0.1\r\n" +
	"Bye-Packet: 0.1\r\nGGEP: 0.5\r\nVendor-Message: 0.2\r\nX-Query-Routing: 0.2\r\nX-Max-TTL: 4\r\nX-Features: browse/1.0\r\n" +
	"X-Live-Since: Sun, 22 Nov 2026 20:00:00 -0000\r\nUpgrade: TLS/1.0\r\n"

// field returns a field of the block that the servent has said.
func field(t testing.TB, block, name string) string {
	t.Helper()
	for _, line := range strings.Split(block, "\r\n") {
		if n, v, ok := strings.Cut(line, ": "); ok && n == name {
			return v
		}
	}
	return ""
}

// gtkLeaf is a leaf of the servent, from that host, whose handshake is over.
func (d *desk) gtkLeaf(host string) *stream {
	d.T.Helper()
	s := d.Call(host+":40000", "GNUTELLA CONNECT/0.6\r\nNode: "+host+":6346\r\n"+gtk+"X-Ultrapeer: False\r\n\r\n")
	block := s.Said()
	for name, want := range map[string]string{"X-Ultrapeer": "True", "X-Degree": "16", "X-Dynamic-Querying": "0.1"} {
		if got := field(d.T, block, name); got != want || !strings.HasPrefix(block, "GNUTELLA/0.6 200 ") {
			d.T.Fatalf("%s is %q in %q; without %q a leaf says 403 High Outdegree and Dynamic Querying Required", name, got, block, want)
		}
	}
	s.Say(ok06)
	s.Hears("") // a leaf is not pinged
	return s
}

// gtkUltrapeer is another ultrapeer, whose handshake is over.
func (d *desk) gtkUltrapeer(host string) *stream {
	return d.joined(host+":40000", "Node: "+host+":6346\r\n"+gtk+"X-Ultrapeer: True\r\nX-Ultrapeer-Query-Routing: 0.1\r\nX-Dynamic-Querying: 0.1\r\nX-Degree: 32\r\n")
}

// A leaf joins, tells its table, hears only what is in it, searches, and may
// not relay.
func TestSessionLeaf(t *testing.T) {
	d := newDesk(t, "role=ultrapeer")
	leaf, upper := d.gtkLeaf("100.64.0.2"), d.gtkUltrapeer("100.64.0.3")

	query := func(id, ttlHops, text string) string {
		return raw(t, id, "80", ttlHops) + string(rune(2+len(text)+1)) + raw(t, "000000 8000") + text + "\x00"
	}
	ids := []string{idHex, serventHex, "1111111111111111 ff11111111111100"}
	upper.Say(query(ids[0], "04 01", "eb"))
	leaf.Hears("") // no table yet
	// A table of 16 entries, infinity 2; its patch of 4 bits an entry says that
	// entry 13, where "eb" belongs (6791 of 8192), is 1.
	leaf.Say(raw(t, ids[2], "30 01 00 06000000", "00 10000000 02"))
	leaf.Say(raw(t, ids[2], "30 01 00 0d000000", "01 01 01 00 04", "00000000 00000f00"))
	upper.Say(query(ids[1], "04 01", "eb"))
	leaf.Hears(query(ids[1], "01 02", "eb"))
	upper.Say(query("2222222222222222 ff22222222222200", "04 01", "zebra")) // entry 8
	leaf.Hears("")
	leaf.Say(raw(t, ids[2], "30 01 00 0d000000", "01 01 01 00 04", "00000000 00000100")) // and is not any more
	upper.Say(query("3333333333333333 ff33333333333300", "04 01", "eb"))
	leaf.Hears("")

	leaf.Say(query("4444444444444444 ff44444444444400", "04 00", "song"))
	upper.Hears(query("4444444444444444 ff44444444444400", "03 01", "song"))
	upper.Say(raw(t, "4444444444444444 ff44444444444400", "81 05 01 26000000", "01 ca18 64400009 e8030000", "01000000 05000000 61 00 00", serventHex))
	leaf.Hears(raw(t, "4444444444444444 ff44444444444400", "81 04 02 26000000", "01 ca18 64400009 e8030000", "01000000 05000000 61 00 00", serventHex))

	leaf.Say(query("5555555555555555 ff55555555555500", "03 01", "song")) // not its own
	if said := leaf.Said(); !leaf.Over || len(said) < 26 || said[16] != 2 || said[23:25] != "\x9e\x01" {
		t.Errorf("a leaf that relays hears %q; want Bye 414", said)
	}
	upper.Hears("")
}

// A leaf that does not speak QRP, such as mldonkey's, hears all.
func TestSessionLeafWithoutQRP(t *testing.T) {
	d := newDesk(t, "role=ultrapeer")
	leaf := d.joined("100.64.0.2:40000", "User-Agent: MLDonkey/3.1.6\r\nX-Ultrapeer: False\r\nX-My-Address: 100.64.0.2:6346\r\n")
	upper := d.gtkUltrapeer("100.64.0.3")
	upper.Say(raw(t, idHex, "80 04 01 04000000", "8000 61 00"))
	leaf.Hears(raw(t, idHex, "80 01 02 04000000", "8000 61 00"))
	leaf.Say(raw(t, serventHex, "80 07 00 09000000", "0000 61 00") + "urn:\x00") // its min speed is 0
	upper.Hears(raw(t, serventHex, "80 06 01 09000000", "0000 61 00") + "urn:\x00")
}

// Each refusal: 503 with others to try, where leaves or ultrapeers are too many;
// 204 from a leaf; 403 from a leaf that is answered by somebody else.
func TestSessionRefusals(t *testing.T) {
	d := newDesk(t, "role=ultrapeer", "leaves=1", "max-links=1", "degree=0")
	d.gtkUltrapeer("100.64.0.3")
	d.gtkLeaf2("100.64.0.2")
	for _, role := range []string{"True", "False"} {
		s := d.Call(strangerA, "GNUTELLA CONNECT/0.6\r\n"+gtk+"X-Ultrapeer: "+role+"\r\n\r\n")
		if said := s.Said(); !s.Over || !strings.HasPrefix(said, "GNUTELLA/0.6 503 ") || field(t, said, "X-Try-Ultrapeers") != "100.64.0.3:6346" {
			t.Errorf("X-Ultrapeer: %s is answered %q", role, said)
		}
	}

	d, up := calling(t, "100.64.0.9:6346", "role=leaf")
	up.Said()
	up.Say("GNUTELLA/0.6 200 OK\r\n" + gtk + "X-Ultrapeer: True\r\n\r\n")
	s := d.Call(strangerA, "GNUTELLA CONNECT/0.6\r\n"+gtk+"X-Ultrapeer: False\r\n\r\n")
	if said := s.Said(); !s.Over || !strings.HasPrefix(said, "GNUTELLA/0.6 204 ") || field(t, said, "X-Try-Ultrapeers") != "100.64.0.9:6346" {
		t.Errorf("a leaf is dialled and answers %q", said)
	}

	_, up = calling(t, "100.64.0.9:6346", "role=leaf")
	up.Said()
	up.Say("GNUTELLA/0.6 200 OK\r\n" + gtk + "X-Ultrapeer: False\r\n\r\n")
	if said := up.Said(); !up.Over || !strings.HasPrefix(said, "GNUTELLA/0.6 403 ") {
		t.Errorf("a leaf that another leaf has accepted answers %q", said)
	}
}

// gtkLeaf2 is a leaf of an ultrapeer that keeps few links, which gtk-gnutella
// would not take.
func (d *desk) gtkLeaf2(host string) *stream {
	return d.joined(host+":40000", "Node: "+host+":6346\r\n"+gtk+"X-Ultrapeer: False\r\n")
}

// Our leaf joins an ultrapeer that demands compression, tells its table, and
// answers a query, all of it deflated.
func TestSessionDeflatedLeaf(t *testing.T) {
	d, up := calling(t, "100.64.0.9:6346", "role=leaf", "deflate=true")
	d.Publish("zebra quartet.txt", "hello")
	up.Hears("GNUTELLA CONNECT/0.6\r\nNode: " + selfText + "\r\nRemote-IP: 100.64.0.9\r\nUser-Agent: peerbed/1\r\nX-Ultrapeer: False\r\n" +
		"X-Query-Routing: 0.1\r\nBye-Packet: 0.1\r\nAccept-Encoding: deflate\r\n\r\n")
	up.Say("GNUTELLA/0.6 200 OK\r\n" + gtk + "X-Ultrapeer: True\r\nX-Degree: 32\r\nX-Dynamic-Querying: 0.1\r\n" +
		"Accept-Encoding: deflate\r\nContent-Encoding: deflate\r\n\r\n")
	d.Pass(2 * time.Second)
	// A ping and a query in stored blocks, which need no compressor; each ends
	// with a flush.
	ping := raw(t, idHex, "00 01 00 00000000")
	query := raw(t, idHex, "80 01 01 08000000", "8000") + "zebra\x00"
	up.Say("\x78\x01\x00\x17\x00\xe8\xff" + ping + "\x00\x00\x00\xff\xff")
	up.Say("\x00\x1f\x00\xe0\xff" + query[:10])
	up.Say(query[10:] + "\x00\x00\x00\xff")
	up.Say("\xff")

	said := up.Said()
	third := "GNUTELLA/0.6 200 OK\r\nContent-Encoding: deflate\r\n\r\n"
	if !strings.HasPrefix(said, third) {
		t.Fatalf("the third block is %q", said)
	}
	z, err := zlib.NewReader(strings.NewReader(said[len(third):]))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if !errors.Is(err, io.ErrUnexpectedEOF) { // it goes on
		t.Fatal(err)
	}
	types := ""
	var table []byte
	for len(plain) > 0 {
		n := 23 + int(plain[19])
		if n > len(plain) {
			t.Fatalf("a descriptor of %d bytes, and %d are left", n, len(plain))
		}
		types += string("pP RQH"[strings.IndexByte("\x00\x01\x02\x30\x80\x81", plain[16])])
		switch payload := plain[23:n]; {
		case plain[16] == 0x30 && payload[0] == 0:
			if !bytes.Equal(payload, unhex(t, "00 00400000 02")) {
				t.Errorf("reset % x; want 16384 entries, infinity 2", payload)
			}
		case plain[16] == 0x30:
			z, err := zlib.NewReader(bytes.NewReader(payload[5:]))
			if err != nil {
				t.Fatal(err)
			}
			if table, err = io.ReadAll(z); err != nil || !bytes.Equal(payload[:5], unhex(t, "01 01 01 01 04")) {
				t.Errorf("patch % x, %v", payload[:5], err)
			}
		}
		plain = plain[n:]
	}
	if types != "pRRPH" {
		t.Errorf("the leaf says %q; want a ping, reset and patch, a pong, a hit", types)
	}
	// The words of the name and no others: zebra 9065, quartet 12121, txt.
	if len(table) != 8192 || table[9065/2]&15 != 15 || table[12121/2]&15 != 15 || len(bytes.Trim(bytes.ReplaceAll(table, []byte{0}, nil), "")) != 3 {
		t.Errorf("the table does not say what is shared")
	}
}

// An ultrapeer says to another that it is not needed; who is able becomes a
// leaf.
func TestSessionNeeded(t *testing.T) {
	d := newDesk(t, "role=ultrapeer", "leaves=1")
	s := d.Call(strangerA, "GNUTELLA CONNECT/0.6\r\nNode: 100.64.0.2:6346\r\n"+gtk+"X-Ultrapeer: True\r\n\r\n")
	if said := s.Said(); field(t, said, "X-Ultrapeer-Needed") != "False" {
		t.Fatalf("with room for a leaf it answers %q", said)
	}
	s.Say("GNUTELLA/0.6 200 OK\r\nX-Ultrapeer: False\r\n\r\n")
	if l := d.Node.Inspect().Detail.(gnutella.Detail).Links; len(l) != 1 || !l[0].Leaf {
		t.Errorf("the one that gives way is no leaf: %+v", l)
	}
	s = d.Call(strangerB, "GNUTELLA CONNECT/0.6\r\nNode: 100.64.0.3:6346\r\n"+gtk+"X-Ultrapeer: True\r\n\r\n")
	if said := s.Said(); field(t, said, "X-Ultrapeer-Needed") != "True" {
		t.Errorf("without room for a leaf it answers %q", said)
	}

	d, up := calling(t, "100.64.0.9:6346", "role=able")
	if said := up.Said(); field(t, said, "X-Ultrapeer") != "True" {
		t.Errorf("an able servent says %q", said)
	}
	up.Say("GNUTELLA/0.6 200 OK\r\n" + gtk + "X-Ultrapeer: True\r\nX-Ultrapeer-Needed: false\r\n\r\n")
	if said := up.Said(); !strings.HasPrefix(said, "GNUTELLA/0.6 200 OK\r\nX-Ultrapeer: False\r\n\r\n") {
		t.Errorf("an able servent that is not needed says %q", said)
	}
	if role := d.Node.Inspect().Detail.(gnutella.Detail).Role; role != "leaf" {
		t.Errorf("it is a %s", role)
	}
}

// A real client downloads: what gtk-gnutella asks and insists on.
func TestSessionUpload(t *testing.T) {
	d := newDesk(t)
	d.Publish("a b.txt", "hello")
	urn := gnutella.FormatURN(sha1.Sum([]byte("hello")))
	s := d.Call(strangerA, "GET /uri-res/N2R?"+urn+" HTTP/1.1\r\nHost: "+selfText+"\r\nUser-Agent: gtk-gnutella/1.2.2\r\n"+
		"X-Token: x\r\nX-Queue: 1.0\r\nX-Gnutella-Content-URN: "+urn+"\r\nRange: bytes=1-3\r\n\r\n")
	said := s.Said()
	for name, want := range map[string]string{"Server": "peerbed/1", "Content-Range": "bytes 1-3/5", "Content-Length": "3", "X-Gnutella-Content-URN": urn} {
		if got := field(t, said, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if !strings.HasPrefix(said, "HTTP/1.1 206 ") || !strings.HasSuffix(said, "\r\n\r\nell") || s.Over {
		t.Errorf("%q, over: %v", said, s.Over)
	}
}

// A real client asks by Push: the servent dials it, says GIV and serves.
func TestSessionPushed(t *testing.T) {
	d := newDesk(t, "firewalled=true")
	d.Publish("a b.txt", "hello")
	link := d.linked(strangerA)
	link.Say(raw(t, idHex, "80 01 00 06000000", "8000") + "txt\x00")
	if said := link.Said(); !strings.Contains(said, "PBED\x02\x3d\x01") {
		t.Errorf("the hit %q does not say that Push is wanted", said)
	}
	push := func(index string) string {
		return raw(t, idHex, "40 03 00 1a000000", serventHex, index, "64400008 ca18")
	}
	link.Say(push("02000000")) // which it does not have
	if known := len(d.Streams); known != 1 {
		t.Fatal("it dials to offer what it does not have")
	}
	link.Say(push("01000000"))
	s := d.Last()
	if s.Peer.Addr != addr(t, "100.64.0.8:6346") {
		t.Fatalf("it dials %v", s.Peer.Addr)
	}
	s.Hears("GIV 1:a0a1a2a3a4a5a6a7ffa9aaabacadae00/a b.txt\n\n")
	s.Say("GET /get/1/a%20b.txt HTTP/1.1\r\nHost: " + selfText + "\r\nConnection: close\r\n\r\n")
	if said := s.Said(); !strings.HasPrefix(said, "HTTP/1.1 200 ") || !strings.HasSuffix(said, "\r\n\r\nhello") || !s.Over {
		t.Errorf("it serves %q, over: %v", said, s.Over)
	}
}

// The servent asks a real client by Push: with the flags of gtk-gnutella's hit,
// and its GIV, whose name is literally "file".
func TestSessionPush(t *testing.T) {
	d := newDesk(t)
	link := d.linked(strangerA)
	var result *p2p.Result
	d.Node.Do(p2p.Fetch{Name: "a"}, func(r p2p.Result) { result = &r })
	id := link.Said()[:16]
	payload := raw(t, "01 ca18 0a000001 e8030000 04000000 05000000 61 00") + gnutella.FormatURN(sha1.Sum([]byte("hello"))) +
		"\x00GTKG\x02\x1d\x01" + raw(t, "b0b1b2b3b4b5b6b7 ffb9babbbcbdbe00")
	link.Say(id + "\x81\x05\x00" + string(rune(len(payload))) + "\x00\x00\x00" + payload)
	d.Pass(time.Second)
	push := link.Said()
	if want := raw(t, "40 07 00 1a000000", "b0b1b2b3b4b5b6b7 ffb9babbbcbdbe00", "04000000 64400001 581b"); len(push) < 16 || push[16:] != want {
		t.Fatalf("it says %q, want a push", push)
	}
	if len(d.Streams) != 1 {
		t.Fatal("it dials who cannot be dialled")
	}
	other := d.Call(strangerB, "GIV 4:"+strings.Repeat("0", 32)+"/file\n\n")
	if !other.Over {
		t.Error("an offer that nobody waits for is taken")
	}
	s := d.Call("100.64.0.8:40000", "GIV 4:b0b1b2b3b4b5b6b7ffb9babbbcbdbe00/file\n\n")
	s.Hears("GET /get/4/a HTTP/1.1\r\nUser-Agent: peerbed/1\r\nHost: 100.64.0.8:40000\r\nConnection: close\r\n\r\n")
	s.Say("HTTP/1.1 200 OK\r\nServer: gtk-gnutella/1.2.2\r\nContent-Length: 5\r\n\r\nhello")
	if result == nil || result.Err != nil || string(d.Files["a"]) != "hello" {
		t.Errorf("ended with %+v", result)
	}
}
