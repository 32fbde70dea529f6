package kelips_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"peerbed/protocols/kelips"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

const (
	tag     = "00000007 "
	node1   = "0a0000011b58 " // 10.0.0.1:7000
	node2   = "0a0000021b59 " // 10.0.0.2:7001
	nobody  = "000000000000 "
	nodes   = "02 " + node1 + node2
	song    = "04 736f6e67 "
	rumours = "02 " + node1 + "000005dc " + // its heartbeat is 1.5 s old,
		node2 + "80000001 " // and this one left a millisecond ago
	tidings = "01 " + song + node1 + "0000ea60 "                                   // a minute old
	item    = "00000000000493e0 " + "da39a3ee5e6b4b0d3255bfef95601890afd80709 "    // 300 000 bytes
	none    = "00 0000000000000000 " + "0000000000000000000000000000000000000000 " // not found
	klps    = "6b6c7073 "                                                          //
)

// golden is every message as codec.go writes it down, by its kind.
var golden = map[string]string{
	"find":     "00 " + tag + song,
	"insert":   "01 " + tag + song + node1,
	"has":      "02 " + tag + song,
	"remove":   "03 " + tag + song,
	"house":    "04 " + tag + song,
	"join":     "05 " + tag + "0006",
	"ping":     "06 " + tag,
	"gossip":   "07 0006 " + rumours + tidings,
	"refresh":  "08 " + song + node1 + "03",
	"bye":      "09 ",
	"found":    "0a " + tag + "01 01 " + node2 + nodes,
	"inserted": "0b " + tag + "00 " + nodes,
	"held":     "0c " + tag + "01 " + item,
	"removed":  "0d " + tag + "01",
	"housed":   "0e " + tag + nobody + nodes,
	"welcome":  "0f " + tag + rumours + tidings,
	"pong":     "10 " + tag,
	"put":      "11 " + klps + song + item,
	"piece":    "12 00000003 00070e",
	"stored":   "13 02",
	"get":      "14 " + klps + song,
	"object":   "15 " + none,
}

func packet(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func streams() p2p.Codec {
	c, _ := kelips.Protocol.Accept([]byte("\x14klps"))
	return c
}

// Each message is read from its golden bytes, and written as them again.
func TestGoldenBytes(t *testing.T) {
	for i, k := range kelips.Protocol.Kinds[:len(golden)] {
		codec, other := kelips.Protocol.Datagrams, streams
		if k.Class == p2p.Transfer {
			codec, other = other, codec
		}
		b := packet(t, golden[k.Name])
		if len(b) == 0 || int(b[0]) != i {
			t.Fatalf("%s: golden bytes %x, want number %d", k.Name, b, i)
		}
		m, n, err := codec().Next(b, true)
		if err != nil || n != len(b) || m.Kind() != k.Blank.Kind() {
			t.Fatalf("%s: read %T from %d of %d bytes, %v", k.Name, m, n, len(b), err)
		}
		if got := p2ptest.Encode(t, codec(), m); hex.EncodeToString(got) != hex.EncodeToString(b) {
			t.Errorf("%s: %x is written as %x", k.Name, b, got)
		}
		p2ptest.RoundTrip(t, codec, m, k.Blank, m)
		if _, _, err := other().Next(b, true); !errors.Is(err, p2p.ErrMalformed) {
			t.Errorf("%s passes on the other kind of link: %v", k.Name, err)
		}
	}
}

func TestGoldenMeaning(t *testing.T) {
	for name, want := range map[string]string{
		"gossip": "{Groups:6 Rumours:[{Addr:10.0.0.1:7000 Age:1.5s Gone:false} {Addr:10.0.0.2:7001 Age:1ms Gone:true}] " +
			"News:[{Name:song Home:10.0.0.1:7000 Age:1m0s}]}",
		"found":   "{Tag:{ID:7} Mine:true Homes:[10.0.0.2:7001] Named:[10.0.0.1:7000 10.0.0.2:7001]}",
		"refresh": "{Name:song Home:10.0.0.1:7000 Left:3}",
	} {
		m, _, err := kelips.Protocol.Datagrams().Next(packet(t, golden[name]), true)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%+v", reflect.ValueOf(m).Elem()); got != want {
			t.Errorf("%s\n got %s\nwant %s", name, got, want)
		}
	}
}

// What the table in codec.go does not allow is refused, whatever its length
// fields say.
func TestMalformed(t *testing.T) {
	for _, c := range []struct{ why, bytes string }{
		{"no such message", "16"},
		{"too short", "06 000000"},
		{"too long", "06 " + tag + "00"},
		{"a list longer than the packet", "0b " + tag + "00 08 " + node1},
		{"more nodes than may be named", "0b " + tag + "00 09 " + strings.Repeat(node1, 9)},
		{"more rumours than the packet has", "07 0006 82 " + node1 + "00000000 00"},
		{"more rumours than are allowed", "07 0006 83 " + strings.Repeat(node1+"00000000 ", 131) + "00"},
		{"more tuples than are allowed", "07 0006 00 41 " + strings.Repeat("00 "+node1+"00000000 ", 65)},
		{"a tuple that is gone", "07 0006 00 01 " + song + node1 + "80000000"},
		{"a flag that is neither", "0d " + tag + "02"},
		{"a negative length", "0c " + tag + "01 ffffffffffffffff" + item[16:]},
		{"a name that is cut short", "00 " + tag + "05 736f6e67"},
	} {
		m, _, err := kelips.Protocol.Datagrams().Next(packet(t, c.bytes), true)
		if !errors.Is(err, p2p.ErrMalformed) {
			t.Errorf("%s: read %+v, %v", c.why, m, err)
		}
	}
	for _, c := range []struct{ why, bytes string }{
		{"a datagram's message", "00"},
		{"a piece that is too long", "12 00040001"},
		{"no such verdict", "13 03"},
		{"not our language", "14 63687264 04 " + song},
		{"an end within a message", "14 " + klps + "0205"},
	} {
		m, _, err := streams().Next(packet(t, c.bytes), true)
		if !errors.Is(err, p2p.ErrMalformed) {
			t.Errorf("%s: read %+v, %v", c.why, m, err)
		}
	}
}

func TestAccept(t *testing.T) {
	for first, want := range map[string]string{
		"": "more", "\x11": "more", "\x14klp": "more", "\x14klps": "yes", "\x11klps\x04": "yes",
		"G": "no", "GET /pee": "no", "\x14klop": "no", "\x12\x00\x00": "no", "\x00": "no",
	} {
		c, err := kelips.Protocol.Accept([]byte(first))
		got := "yes"
		switch {
		case err != nil:
			got = "no"
		case c == nil:
			got = "more"
		}
		if got != want {
			t.Errorf("a stream that begins with %q: %s, want %s", first, got, want)
		}
	}
}

func seeds(f *testing.F, class func(p2p.Class) bool) [][]byte {
	var list [][]byte
	for _, k := range kelips.Protocol.Kinds[:len(golden)] {
		if class(k.Class) {
			list = append(list, packet(f, golden[k.Name]))
		}
	}
	return list
}

func FuzzDatagrams(f *testing.F) {
	p2ptest.FuzzCodec(f, kelips.Protocol.Datagrams, seeds(f, func(c p2p.Class) bool { return c != p2p.Transfer })...)
}

func FuzzStreams(f *testing.F) {
	all := seeds(f, func(c p2p.Class) bool { return c == p2p.Transfer })
	var stream []byte
	for _, b := range all {
		stream = append(stream, b...)
	}
	p2ptest.FuzzCodec(f, streams, append(all, stream)...)
}
