package chord_test

import (
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
var golden = p2ptest.Packets{Protocol: chord.Protocol, Opening: "\x16chrd", Golden: map[string]string{
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
}}

func TestGoldenBytes(t *testing.T) { golden.RoundTrip(t) }

func TestGoldenMeaning(t *testing.T) {
	golden.Meaning(t, map[string]string{
		"next":   "{ask:{Tag:{ID:7} line:{From:1 To:2}} Key:42 Not:[10.0.0.1:7000 10.0.0.2:7000#3]}",
		"step":   "{ask:{Tag:{ID:7} line:{From:1 To:2}} choice:{Done:true Via:successor Nodes:[10.0.0.1:7000 10.0.0.2:7000#3]}}",
		"route":  "{ask:{Tag:{ID:7} line:{From:1 To:2}} Key:42 Nonce:72623859790382856 Origin:10.0.0.1:7000 Path:[{Addr:10.0.0.1:7000 Via:} {Addr:10.0.0.2:7000#3 Via:finger 5}]}",
		"notify": "{line:{From:1 To:2}}",
	})
}

// What the table in codec.go does not allow is refused, whatever its length
// fields say.
func TestMalformed(t *testing.T) {
	p2ptest.Malformed(t, golden.Protocol.Datagrams, map[string]string{
		"no such message":                  "18",
		"too short":                        "07 00000000",
		"too long":                         "07 " + tag + "00",
		"more dead nodes than are allowed": "00 " + tag + key + "41 " + strings.Repeat(node1, 65),
		"a list longer than the packet":    "10 " + tag + nobody + "ff " + node1,
		"more successors than are allowed": "08 " + line + node1 + "21 " + strings.Repeat(node1, 33),
		"a path longer than the packet":    "01 " + tag + key + nonce + node1 + "80 " + node1 + "00",
		"a path longer than is allowed":    "01 " + tag + key + nonce + node1 + "81 " + strings.Repeat(node1+"00 ", 129),
		"a flag that is neither":           "0d " + tag + "02 " + item,
		"a negative length":                "0d " + tag + "01 ffffffffffffffff" + item[16:],
		"a name that is cut short":         "02 " + tag + "05 736f6e67",
	})
	p2ptest.Malformed(t, golden.Streams, map[string]string{
		"a datagram's message":     "00",
		"a piece that is too long": "14 00040001",
		"no such verdict":          "15 04 00000000",
		"not our language":         "16 63687265 02 " + song,
		"an end within a message":  "16 " + chrd + "0205",
	})
}

// Full messages fit a datagram.
func TestDatagramsFit(t *testing.T) {
	long := "0c " + line + nonce + "01 80 21 " + strings.Repeat(node1, 33) + "80 " + strings.Repeat(node1+"00 ", 128)
	m, n, err := chord.Protocol.Datagrams().Next(p2ptest.Bytes(t, long), true)
	if err != nil || n > p2p.MaxDatagram {
		t.Errorf("the longest routed, %T, takes %d bytes, %v; a datagram holds %d", m, n, err, p2p.MaxDatagram)
	}
}

// A node that has heard a message of a kind takes no memory for the next, nor to
// send one. (A name is memory of its own.)
func TestCodecAllocatesNothing(t *testing.T) {
	for _, kind := range []string{"next", "route", "notify", "step", "routed", "sought", "neighbours", "pong"} {
		b := p2ptest.Bytes(t, golden.Golden[kind])
		from, to := chord.Protocol.Datagrams(), chord.Protocol.Datagrams()
		m, _, _ := from.Next(b, true)
		dst := make([]byte, 0, p2p.MaxDatagram)
		got := testing.AllocsPerRun(100, func() {
			dst, _, _ = from.Append(dst[:0], m)
			to.Next(dst, true)
		})
		if got != 0 || len(dst) != len(b) {
			t.Errorf("%s: to write and read %d bytes makes %v allocations, want %d and none", kind, len(dst), got, len(b))
		}
	}
}

func TestAccept(t *testing.T) {
	golden.Accept(t,
		[]string{"\x16chrd", "\x12chrd\x04"},
		[]string{"G", "GET /pee", "\x16chrome", "\x14\x00\x00", "\x00"},
		[]string{"", "\x12", "\x16chr"})
}

func FuzzDatagrams(f *testing.F) { golden.FuzzDatagrams(f) }
func FuzzStreams(f *testing.F)   { golden.FuzzStreams(f) }
