package chord_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

const (
	tag   = "00000007 0102 "
	key   = "000000000000002a "     // 42
	nonce = "0102030405060708 "     //
	node1 = "0a0000011b5800 "       // 10.0.0.1:7000
	node2 = "0a0000021b5803 "       // 10.0.0.2:7000, its point 3
	nodes = "02 " + node1 + node2   // a list
	path  = "02 " + node1 + "00 " + // a path: the asker,
		node2 + "06 " // and its finger 5
	choice = "01 80 " + nodes                                                    // done, by the successor
	song   = "04 736f6e67 "                                                      //
	item   = "00000000000493e0 " + "da39a3ee5e6b4b0d3255bfef95601890afd80709 " + // 300 000 bytes
		"00000002 " + node2 // in version 2, which lie at 10.0.0.2:7000
	line   = "0102 "                                                                                // from point 1 to point 2
	nobody = "00000000000000 "                                                                      //
	none   = "00 0000000000000000 " + "0000000000000000000000000000000000000000 00000000 " + nobody // not found
	chrd   = "63687264 "                                                                            //
)

// golden is every message as codec.go writes it down, by its kind.
var golden = map[string]string{
	"next":           "00 " + tag + key + nodes,
	"route":          "01 " + tag + key + nonce + node1 + path,
	"has":            "02 " + tag + song,
	"remove":         "03 " + tag + song + "00000003",
	"seek":           "04 " + tag + key + "00",
	"get_neighbours": "05 " + tag,
	"notify":         "06 " + line,
	"ping":           "07 " + tag,
	"bye":            "08 " + line + node1 + nodes,
	"meet":           "09 " + line + node1,
	"step":           "0a " + tag + choice,
	"ack":            "0b " + tag,
	"routed":         "0c " + line + nonce + choice + path,
	"held":           "0d " + tag + "01 " + item,
	"removed":        "0e " + tag + "01",
	"sought":         "0f " + tag + "00 06 01 " + node2,
	"neighbours":     "10 " + tag + nobody + nodes,
	"pong":           "11 " + tag,
	"put":            "12 " + chrd + "02 " + song + item,
	"want":           "13 ",
	"piece":          "14 00000003 00070e",
	"stored":         "15 03 00000002",
	"get":            "16 " + chrd + "02 " + song,
	"object":         "17 " + none,
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
	c, _ := chord.Protocol.Accept([]byte("\x16chrd"))
	return c
}

// Each message is read from its golden bytes, and written as them again.
func TestGoldenBytes(t *testing.T) {
	for i, k := range chord.Protocol.Kinds[:len(golden)] {
		codec, other := chord.Protocol.Datagrams, streams
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
		"next":   "{ask:{Tag:{ID:7} line:{From:1 To:2}} Key:42 Not:[10.0.0.1:7000 10.0.0.2:7000#3]}",
		"step":   "{ask:{Tag:{ID:7} line:{From:1 To:2}} choice:{Done:true Via:successor Nodes:[10.0.0.1:7000 10.0.0.2:7000#3]}}",
		"route":  "{ask:{Tag:{ID:7} line:{From:1 To:2}} Key:42 Nonce:72623859790382856 Origin:10.0.0.1:7000 Path:[{Addr:10.0.0.1:7000 Via:} {Addr:10.0.0.2:7000#3 Via:finger 5}]}",
		"notify": "{line:{From:1 To:2}}",
	} {
		m, _, err := chord.Protocol.Datagrams().Next(packet(t, golden[name]), true)
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
		{"no such message", "18"},
		{"too short", "07 00000000"},
		{"too long", "07 " + tag + "00"},
		{"more dead nodes than are allowed", "00 " + tag + key + "41 " + strings.Repeat(node1, 65)},
		{"a list longer than the packet", "10 " + tag + nobody + "ff " + node1},
		{"more successors than are allowed", "08 " + line + node1 + "21 " + strings.Repeat(node1, 33)},
		{"a path longer than the packet", "01 " + tag + key + nonce + node1 + "80 " + node1 + "00"},
		{"a path longer than is allowed", "01 " + tag + key + nonce + node1 + "81 " + strings.Repeat(node1+"00 ", 129)},
		{"a flag that is neither", "0d " + tag + "02 " + item},
		{"a negative length", "0d " + tag + "01 ffffffffffffffff" + item[16:]},
		{"a name that is cut short", "02 " + tag + "05 736f6e67"},
	} {
		m, _, err := chord.Protocol.Datagrams().Next(packet(t, c.bytes), true)
		if !errors.Is(err, p2p.ErrMalformed) {
			t.Errorf("%s: read %+v, %v", c.why, m, err)
		}
	}
	for _, c := range []struct{ why, bytes string }{
		{"a datagram's message", "00"},
		{"a piece that is too long", "14 00040001"},
		{"no such verdict", "15 04 00000000"},
		{"not our language", "16 63687265 02 " + song},
		{"an end within a message", "16 " + chrd + "0205"},
	} {
		m, _, err := streams().Next(packet(t, c.bytes), true)
		if !errors.Is(err, p2p.ErrMalformed) {
			t.Errorf("%s: read %+v, %v", c.why, m, err)
		}
	}
}

// Full messages fit a datagram.
func TestDatagramsFit(t *testing.T) {
	long := "0c " + line + nonce + "01 80 21 " + strings.Repeat(node1, 33) + "80 " + strings.Repeat(node1+"00 ", 128)
	m, n, err := chord.Protocol.Datagrams().Next(packet(t, long), true)
	if err != nil || n > p2p.MaxDatagram {
		t.Errorf("the longest routed, %T, takes %d bytes, %v; a datagram holds %d", m, n, err, p2p.MaxDatagram)
	}
}

func TestAccept(t *testing.T) {
	for first, want := range map[string]string{
		"": "more", "\x12": "more", "\x16chr": "more", "\x16chrd": "yes", "\x12chrd\x04": "yes",
		"G": "no", "GET /pee": "no", "\x16chrome": "no", "\x14\x00\x00": "no", "\x00": "no",
	} {
		c, err := chord.Protocol.Accept([]byte(first))
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
	for _, k := range chord.Protocol.Kinds[:len(golden)] {
		if class(k.Class) {
			list = append(list, packet(f, golden[k.Name]))
		}
	}
	return list
}

func FuzzDatagrams(f *testing.F) {
	all := seeds(f, func(c p2p.Class) bool { return c != p2p.Transfer })
	p2ptest.FuzzCodec(f, chord.Protocol.Datagrams, all...)
}

func FuzzStreams(f *testing.F) {
	all := seeds(f, func(c p2p.Class) bool { return c == p2p.Transfer })
	var stream []byte
	for _, b := range all {
		stream = append(stream, b...)
	}
	p2ptest.FuzzCodec(f, streams, append(all, stream)...)
}
