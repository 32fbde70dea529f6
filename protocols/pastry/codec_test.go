package pastry_test

import (
	"strings"
	"testing"

	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
	"peerbed/protocols/pastry"
)

const (
	tag   = "00000007 "
	key   = "000000000000002a "       // 42
	nonce = "0102030405060708 "       //
	node1 = "0a0000011b58 "           // 10.0.0.1:7000
	node2 = "0a0000021b58 "           // 10.0.0.2:7000
	nodes = "02 " + node1 + node2     // a list
	sides = "01 " + node2 + nodes     // one smaller, two larger
	path  = "02 " + node1 + "0000 " + // a path: the asker,
		node2 + "8087 " // and whom row 2 names for digit 7
	song = "04 736f6e67 "                                                      //
	item = "00000000000493e0 " + "da39a3ee5e6b4b0d3255bfef95601890afd80709 " + // 300 000 bytes
		"00000002 " // in version 2
	none = "00 0000000000000000 " + "0000000000000000000000000000000000000000 00000000 " // not found
	pstr = "70737472 "                                                                   //
)

// golden is every message as codec.go writes it down, by its kind.
var golden = p2ptest.Packets{Protocol: pastry.Protocol, Opening: "\x1epstr", Golden: map[string]string{
	"route":      "00 " + tag + key + nonce + node1 + song + path,
	"has":        "01 " + tag + song,
	"remove":     "02 " + tag + song + "00000003",
	"join":       "03 " + tag + key + nonce + node1 + "00 " + path,
	"scout":      "04 " + tag + key + nonce + node1 + "00 00",
	"get_leaves": "05 " + tag,
	"get_state":  "06 " + tag + "ff",
	"ping":       "07 " + tag,
	"admit":      "08 " + tag + node2,
	"adopt":      "09 " + tag,
	"release":    "0a ",
	"announce":   "0b " + tag + "00000005",
	"bye":        "0c " + sides,
	"fallen":     "0d " + node1,
	"ack":        "0e " + tag,
	"routed":     "0f " + nonce + "01 " + item + nodes + path,
	"held":       "10 " + tag + "01 " + item,
	"removed":    "11 " + tag + "01",
	"nod":        "12 " + tag,
	"welcome":    "13 " + nonce + "02 00000005 " + sides + nodes,
	"scouted":    "14 " + nonce + sides,
	"leaf_set":   "15 " + tag + "00000005 " + sides,
	"tables":     "16 " + tag + nodes + "01 " + node1,
	"pong":       "17 " + tag,
	"admitted":   "18 " + tag + "01 " + sides,
	"adopted":    "19 " + tag + "01",
	"put":        "1a " + pstr + song + item,
	"want":       "1b ",
	"piece":      "1c 00000003 00070e",
	"stored":     "1d 03 00000002",
	"get":        "1e " + pstr + song,
	"object":     "1f " + none,
}}

func TestGoldenBytes(t *testing.T) { golden.RoundTrip(t) }

func TestGoldenMeaning(t *testing.T) {
	golden.Meaning(t, map[string]string{
		"route":    "{Tag:{ID:7} Key:42 Nonce:72623859790382856 Origin:10.0.0.1:7000 Name:song Path:[{Addr:10.0.0.1:7000 Via:} {Addr:10.0.0.2:7000 Via:row 2 digit 7}]}",
		"leaf_set": "{Tag:{ID:7} Version:5 sides:{Smaller:[10.0.0.2:7000] Larger:[10.0.0.1:7000 10.0.0.2:7000]}}",
		"announce": "{Tag:{ID:7} Version:5}",
	})
}

// What the table in codec.go does not allow is refused, whatever its length
// fields say.
func TestMalformed(t *testing.T) {
	p2ptest.Malformed(t, golden.Protocol.Datagrams, map[string]string{
		"no such message":               "20",
		"too short":                     "07 000000",
		"too long":                      "07 " + tag + "00",
		"a list longer than the packet": "16 " + tag + "a0 " + node1 + "00",
		"more slots than are allowed":   "16 " + tag + "a1 " + strings.Repeat(node1, 161) + "00",
		"more leaves than are allowed":  "0c 11 " + strings.Repeat(node1, 17) + "00",
		"a path longer than the packet": "00 " + tag + key + nonce + node1 + "00 40 " + node1 + "0000",
		"a path longer than is allowed": "00 " + tag + key + nonce + node1 + "00 41 " + strings.Repeat(node1+"0000 ", 65),
		"a flag that is neither":        "10 " + tag + "02 " + item,
		"a negative length":             "10 " + tag + "01 ffffffffffffffff" + item[16:],
		"a name that is cut short":      "01 " + tag + "05 736f6e67",
		"no such verdict":               "13 " + nonce + "04 00000005 00 00 00",
	})
	p2ptest.Malformed(t, golden.Streams, map[string]string{
		"a datagram's message":     "00",
		"a piece that is too long": "1c 00040001",
		"no such verdict":          "1d 04 00000000",
		"not our language":         "1e 70737473 " + song,
		"an end within a message":  "1e " + pstr + "05",
	})
}

// Full messages fit a datagram.
func TestDatagramsFit(t *testing.T) {
	for _, long := range []string{
		"00 " + tag + key + nonce + node1 + "ff " + strings.Repeat("61", 255) + "40 " + strings.Repeat(node1+"0000 ", 64),
		"0f " + nonce + "01 " + item + "21 " + strings.Repeat(node1, 33) + "40 " + strings.Repeat(node1+"0000 ", 64),
		"13 " + nonce + "00 00000005 10 " + strings.Repeat(node1, 16) + "10 " + strings.Repeat(node1, 16) + "40 " + strings.Repeat(node1, 64),
		"16 " + tag + "a0 " + strings.Repeat(node1, 160) + "20 " + strings.Repeat(node1, 32),
	} {
		m, n, err := pastry.Protocol.Datagrams().Next(p2ptest.Bytes(t, long), true)
		if err != nil || n > p2p.MaxDatagram {
			t.Errorf("the longest %T takes %d bytes, %v; a datagram holds %d", m, n, err, p2p.MaxDatagram)
		}
	}
}

func TestAccept(t *testing.T) {
	golden.Accept(t,
		[]string{"\x1epstr", "\x1apstr\x04"},
		[]string{"G", "GET /pee", "\x1epsychic", "\x1c\x00\x00", "\x00"},
		[]string{"", "\x1a", "\x1epst"})
}

func FuzzDatagrams(f *testing.F) { golden.FuzzDatagrams(f) }
func FuzzStreams(f *testing.F)   { golden.FuzzStreams(f) }
