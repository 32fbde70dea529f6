package gnutella_test

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

var addr = p2ptest.Addr

// unhex reads hex digits with spaces.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	id      = gnutella.GUID{1, 2, 3, 4, 5, 6, 7, 8, 0xff, 10, 11, 12, 13, 14, 15, 0}
	servent = gnutella.GUID{0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xff, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0}
	head    = gnutella.Head{ID: id, TTL: 7, Hops: 0}
)

// A golden message and its bytes.
type golden struct {
	name string
	msg  p2p.Msg
	wire string // hex, or text if it has letters beyond f
}

const (
	idHex      = "0102030405060708 ff0a0b0c0d0e0f00"
	serventHex = "a0a1a2a3a4a5a6a7 ffa9aaabacadae00"
)

// GN1: five descriptors, Ping 0x00, Pong 0x01, Push 0x40, Query 0x80, QueryHit
// 0x81, after a header of 23 bytes, "all fields little-endian except IP". GN2:
// their fields in this order.
func descriptors(t testing.TB) []golden {
	at := addr(t, "100.64.0.2:6346") // 6346 is 0x18ca
	return []golden{
		{"ping", &gnutella.Ping{Head: head}, idHex + "00 07 00 00000000"},
		{"pong", &gnutella.Pong{Head: gnutella.Head{ID: id, TTL: 2, Hops: 3}, Addr: at, Files: 258, KiB: 0x01020304},
			idHex + "01 02 03 0e000000" + "ca18 64400002 02010000 04030201"},
		{"bye", &gnutella.Bye{Head: gnutella.Head{ID: id, TTL: 1}, Code: 200, Text: "ok"},
			idHex + "02 01 00 05000000" + "c800 6f6b 00"},
		{"route table reset", &gnutella.RouteReset{Head: gnutella.Head{ID: id, TTL: 1}, Entries: 16384, Infinity: 2},
			idHex + "30 01 00 06000000" + "00 00400000 02"},
		{"route table patch", &gnutella.RoutePatch{Head: gnutella.Head{ID: id, TTL: 1}, Seq: 1, Of: 2, Zlib: true, Bits: 4, Data: "x\xda"},
			idHex + "30 01 00 07000000" + "01 01 02 01 04 78da"},
		{"push", &gnutella.Push{Head: head, Servent: servent, Index: 7, Addr: at},
			idHex + "40 07 00 1a000000" + serventHex + "07000000 64400002 ca18"},
		{"query", &gnutella.Query{Head: head, Flags: gnutella.Marked, Text: "ab c", Ext: "urn:\x00"},
			idHex + "80 07 00 0c000000" + "8000 61622063 00 75726e3a 00"},
		{"query of version 0.4, 28 kbit/s at least", &gnutella.Query{Head: head, Flags: 0x1c00, Text: "x"},
			idHex + "80 07 00 04000000" + "1c00 78 00"},
		{"query hit", &gnutella.Hit{Head: gnutella.Head{ID: id, TTL: 4, Hops: 0}, Addr: at, Speed: 1000,
			Files:   []gnutella.File{{Index: 1, Size: 5, Name: "a", Ext: "urn:x"}, {Index: 2, Size: 6, Name: "bc"}},
			Trailer: "TEST\x02\x3c\x01", Servent: servent},
			idHex + "81 04 00 3e000000" + "02 ca18 64400002 e8030000" +
				"01000000 05000000 61 00 75726e3a78 00" + "02000000 06000000 6263 00 00" +
				"54455354 02 3c01" + serventHex},
	}
}

func TestGN1GN2Descriptors(t *testing.T) {
	for _, g := range descriptors(t) {
		t.Run(g.name, func(t *testing.T) {
			c := ready(t)
			exchange(t, c, c, g.msg, unhex(t, g.wire))
		})
	}
}

// ready returns the codec of a link whose handshake is over.
func ready(t testing.TB) p2p.Codec {
	c := gnutella.NewOverlay()
	if _, n, err := c.Next([]byte("GNUTELLA OK\n\n"), false); n == 0 || err != nil {
		t.Fatalf("the handshake took %d bytes, %v", n, err)
	}
	return c
}

// exchange checks that out writes m as want, that in reads it back, and that
// Size is its length. Every shorter piece must ask for more.
func exchange(t *testing.T, out, in p2p.Codec, m p2p.Msg, want []byte) {
	t.Helper()
	got, content, err := out.Append(nil, m)
	if err != nil || string(got) != string(want) {
		t.Fatalf("%#v is written as\n%q, %v; want\n%q", m, got, err, want)
	}
	if m.Size() != len(got)+content.Len {
		t.Errorf("Size of %#v is %d, %d bytes were written", m, m.Size(), len(got))
	}
	for n := range want {
		if m, used, err := in.Next(want[:n], false); m != nil || used != 0 || err != nil {
			t.Fatalf("of the first %d bytes %d were taken: %v, %v; want more asked for", n, used, m, err)
		}
	}
	back, n, err := in.Next(append(want, "more"...), false)
	if err != nil || n != len(want) || !reflect.DeepEqual(back, m) {
		t.Errorf("read back %#v, %d of %d bytes, %v; want %#v", back, n, len(want), err, m)
	}
}

// The three blocks of a handshake of version 0.6, and the two of 0.4. Each
// side's codec knows by the count of blocks where descriptors begin.
func TestHandshakeTexts(t *testing.T) {
	self := gnutella.Fields{Node: addr(t, "10.0.0.1:7000"), Remote: 0x0a000002, Agent: "x/1", Ultrapeer: "False"}
	other := gnutella.Fields{Node: addr(t, "10.0.0.2:7000"), Remote: 0x0a000001, Agent: "y", Try: []p2p.Addr{addr(t, "10.0.0.3:1"), addr(t, "10.0.0.4:2")}}
	upper := gnutella.Fields{Ultrapeer: "True", Needed: "False", Degree: 32, Dynamic: true, Routing: true, Bye: true,
		Inflates: true, Try: []p2p.Addr{addr(t, "10.0.0.3:1")}}
	blockUpper := "GNUTELLA/0.6 200 OK\r\nX-Ultrapeer: True\r\nX-Ultrapeer-Needed: False\r\nX-Degree: 32\r\nX-Dynamic-Querying: 0.1\r\n" +
		"X-Query-Routing: 0.1\r\nBye-Packet: 0.1\r\nAccept-Encoding: deflate\r\nX-Try-Ultrapeers: 10.0.0.3:1\r\n\r\n"
	block1 := "GNUTELLA CONNECT/0.6\r\nNode: 10.0.0.1:7000\r\nRemote-IP: 10.0.0.2\r\nUser-Agent: x/1\r\nX-Ultrapeer: False\r\n\r\n"
	block2 := "GNUTELLA/0.6 200 OK\r\nNode: 10.0.0.2:7000\r\nRemote-IP: 10.0.0.1\r\nUser-Agent: y\r\nX-Try: 10.0.0.3:1,10.0.0.4:2\r\n\r\n"
	full := "GNUTELLA/0.6 503 Full\r\nUser-Agent: y\r\n\r\n"
	block3 := "GNUTELLA/0.6 200 OK\r\n\r\n"
	ping := &gnutella.Ping{Head: head}
	pingBytes := unhex(t, idHex+"00 07 00 00000000")

	t.Run("0.6", func(t *testing.T) {
		a, b := gnutella.NewOverlay(), accepted(t, block1)
		exchange(t, a, b, &gnutella.Connect{Minor: 6, Fields: self}, []byte(block1))
		exchange(t, b, a, &gnutella.Answer{Minor: 6, Code: 200, Fields: other}, []byte(block2))
		exchange(t, a, b, &gnutella.Answer{Minor: 6, Code: 200}, []byte(block3))
		exchange(t, a, b, ping, pingBytes)
		exchange(t, b, a, ping, pingBytes)
	})
	t.Run("0.6 full", func(t *testing.T) {
		a, b := gnutella.NewOverlay(), accepted(t, block1)
		exchange(t, a, b, &gnutella.Connect{Minor: 6, Fields: self}, []byte(block1))
		exchange(t, b, a, &gnutella.Answer{Minor: 6, Code: 503, Fields: gnutella.Fields{Agent: "y"}}, []byte(full))
	})
	t.Run("0.6, of an ultrapeer", func(t *testing.T) {
		a, b := gnutella.NewOverlay(), accepted(t, block1)
		exchange(t, a, b, &gnutella.Connect{Minor: 6, Fields: self}, []byte(block1))
		exchange(t, b, a, &gnutella.Answer{Minor: 6, Code: 200, Fields: upper}, []byte(blockUpper))
	})
	t.Run("0.4", func(t *testing.T) {
		a, b := gnutella.NewOverlay(), accepted(t, "GNUTELLA CONNECT/0.4\n\n")
		exchange(t, a, b, &gnutella.Connect{Minor: 4}, []byte("GNUTELLA CONNECT/0.4\n\n"))
		exchange(t, b, a, &gnutella.Answer{Minor: 4, Code: 200}, []byte("GNUTELLA OK\n\n"))
		exchange(t, a, b, ping, pingBytes)
		exchange(t, b, a, ping, pingBytes)
	})
}

func accepted(t testing.TB, first string) p2p.Codec {
	t.Helper()
	return p2ptest.Accepted(t, gnutella.Protocol, first)
}

func TestAccept(t *testing.T) {
	accepted(t, "GNUTELLA CONNECT/0.6\r\n")
	accepted(t, "GET /get/1/a HTTP/1.0\r\n")
	accepted(t, "GIV 1:"+strings.Repeat("0", 32)+"/a\n\n")
	accepted(t, "HEAD /uri-res/N2R?urn:sha1:X HTTP/1.1\r\n")
	for _, first := range []string{"GIVE 1:ff/a\n\n", "GNUTELLO", "GETTY", "\x13BitTorrent", "\x00\x00"} {
		c, err := gnutella.Accept([]byte(first)[:min(8, len(first))])
		if !errors.Is(err, p2p.ErrMalformed) || c != nil {
			t.Errorf("%q: %v, %v; want it refused as malformed", first, c, err)
		}
	}
}

// What foreign servents say in other words means the same.
func TestForeignHandshakes(t *testing.T) {
	for _, c := range []struct {
		text string
		want gnutella.Fields
	}{
		{"GNUTELLA/0.6 200 OK\nlisten-ip:10.0.0.9:6346\nX-ultrapeer: true\nGGEP: 0.5\nX-Token: q\n\n",
			gnutella.Fields{Node: addr(t, "10.0.0.9:6346"), Ultrapeer: "True"}},
		{"GNUTELLA/0.6 200 OK\r\nX-My-Address: 10.0.0.9:6346\r\nX-Try-Ultrapeers: 10.0.0.3:1 2005-01-01T00:00Z, junk ,10.0.0.4:2\r\n\r\n",
			gnutella.Fields{Node: addr(t, "10.0.0.9:6346"), Try: []p2p.Addr{addr(t, "10.0.0.3:1"), addr(t, "10.0.0.4:2")}}},
		{"GNUTELLA/0.6 200 OK\r\nNode: nowhere\r\nRemote-IP: ::1\r\nUpgrade: TLS/1.0\r\n\r\n", gnutella.Fields{}},
	} {
		m, _, err := gnutella.NewOverlay().Next([]byte(c.text), false)
		if want := (&gnutella.Answer{Minor: 6, Code: 200, Fields: c.want}); err != nil || !reflect.DeepEqual(m, want) {
			t.Errorf("%q is read as %#v, %v; want %#v", c.text, m, err, want)
		}
	}
}

// A descriptor of a type that is not known is skipped whole; GGEP behind the
// fields of a known one is too.
func TestForeignDescriptors(t *testing.T) {
	c := ready(t)
	vendor := unhex(t, idHex+"31 01 00 08000000"+"47544b47 0700 0100")
	if m, n, err := c.Next(append(vendor, 1), false); m != nil || n != len(vendor) || err != nil {
		t.Errorf("a vendor message: %v, %d of %d bytes, %v; want it skipped", m, n, len(vendor), err)
	}
	ping := unhex(t, idHex+"00 01 00 07000000"+"c383534350 4101")
	m, n, err := c.Next(ping, false)
	if want := (&gnutella.Ping{Head: gnutella.Head{ID: id, TTL: 1}}); err != nil || n != len(ping) || !reflect.DeepEqual(m, want) {
		t.Errorf("a ping with GGEP: %v, %d, %v; want %v", m, n, err, want)
	}
	// Clip2's hit has no extensions and no trailer; this one is of Gnutella 0.56.
	hit := unhex(t, idHex+"81 04 00 26000000"+"01 ca18 64400002 e8030000"+"01000000 05000000 61 00 00"+serventHex)
	m, _, err = c.Next(hit, false)
	if h, ok := m.(*gnutella.Hit); err != nil || !ok || h.Trailer != "" || h.Servent != servent || len(h.Files) != 1 {
		t.Errorf("a hit without trailer: %+v, %v", m, err)
	}
}

// A malformed descriptor is an error, which costs its sender the link.
func TestMalformedDescriptors(t *testing.T) {
	for what, wire := range map[string]string{
		"pong too short":           idHex + "01 07 00 0d000000" + "ca18 64400002 02010000 040302",
		"route of neither kind":    idHex + "30 01 00 02000000" + "0200",
		"reset too short":          idHex + "30 01 00 05000000" + "00 00400000",
		"patch of 5 bits":          idHex + "30 01 00 05000000" + "01 01 01 00 05",
		"patch of part 2 of 1":     idHex + "30 01 00 05000000" + "01 02 01 00 04",
		"patch of part 0":          idHex + "30 01 00 05000000" + "01 00 01 00 04",
		"patch packed with lzma":   idHex + "30 01 00 05000000" + "01 01 01 02 04",
		"push too short":           idHex + "40 07 00 02000000" + "0000",
		"query without NUL":        idHex + "80 07 00 03000000" + "0000 61",
		"query of one byte":        idHex + "80 07 00 01000000" + "00",
		"hit with more files":      idHex + "81 07 00 1b000000" + "ff ca18 64400002 e8030000" + serventHex,
		"hit without servent":      idHex + "81 07 00 0b000000" + "00 ca18 64400002 e8030000",
		"hit, name without NUL":    idHex + "81 07 00 25000000" + "01 ca18 64400002 e8030000 01000000 05000000 6161" + serventHex,
		"payload of 64 KiB":        idHex + "00 07 00 00000100",
		"payload of 4 GiB":         idHex + "00 07 00 ffffffff",
		"text in place of a block": hex.EncodeToString([]byte("HTTP/1.1 200 OK\r\n\r\n......")),
	} {
		m, _, err := ready(t).Next(unhex(t, wire), false)
		if !errors.Is(err, p2p.ErrMalformed) {
			t.Errorf("%s: %v, %v; want malformed", what, m, err)
		}
	}
	for _, text := range []string{"GNUTELLA NO\n\n", "GNUTELLA/0.6 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("x", 9000)} {
		if m, _, err := gnutella.NewOverlay().Next([]byte(text), false); !errors.Is(err, p2p.ErrMalformed) {
			t.Errorf("handshake %.30q: %v, %v; want malformed", text, m, err)
		}
	}
}

func TestURN(t *testing.T) {
	sum := [20]byte{0xde, 0xad, 0xbe, 0xef, 19: 1}
	urn := gnutella.FormatURN(sum)
	if want := "urn:sha1:32W353YAAAAAAAAAAAAAAAAAAAAAAAAB"; urn != want {
		t.Errorf("got %s, want %s", urn, want)
	}
	for _, ext := range []string{urn, strings.ToLower(urn), "urn:x\x1c" + urn + "\x1c\xc3\x83", "128 kbps\x1c" + urn} {
		if got, ok := gnutella.ParseURN(ext); !ok || got != sum {
			t.Errorf("%q: %x, %v", ext, got, ok)
		}
	}
	for _, ext := range []string{"", "urn:sha1:", urn[:40], urn + "A", "urn:sha1:0189189189189189189189189189189A"} {
		if got, ok := gnutella.ParseURN(ext); ok {
			t.Errorf("%q: read as %x", ext, got)
		}
	}
}
