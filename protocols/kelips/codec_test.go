package kelips_test

import (
	"strings"
	"testing"

	"peerbed/protocols/kelips"
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
var golden = p2ptest.Packets{Protocol: kelips.Protocol, Opening: "\x14klps", Golden: map[string]string{
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
}}

func TestGoldenBytes(t *testing.T) { golden.RoundTrip(t) }

func TestGoldenMeaning(t *testing.T) {
	golden.Meaning(t, map[string]string{
		"gossip": "{Groups:6 Rumours:[{Addr:10.0.0.1:7000 Age:1.5s Gone:false} {Addr:10.0.0.2:7001 Age:1ms Gone:true}] " +
			"News:[{Name:song Home:10.0.0.1:7000 Age:1m0s}]}",
		"found":   "{Tag:{ID:7} Mine:true Homes:[10.0.0.2:7001] Named:[10.0.0.1:7000 10.0.0.2:7001]}",
		"refresh": "{Name:song Home:10.0.0.1:7000 Left:3}",
	})
}

// What the table in codec.go does not allow is refused, whatever its length
// fields say.
func TestMalformed(t *testing.T) {
	p2ptest.Malformed(t, golden.Protocol.Datagrams, map[string]string{
		"no such message":                  "16",
		"too short":                        "06 000000",
		"too long":                         "06 " + tag + "00",
		"a list longer than the packet":    "0b " + tag + "00 08 " + node1,
		"more nodes than may be named":     "0b " + tag + "00 09 " + strings.Repeat(node1, 9),
		"more rumours than the packet has": "07 0006 82 " + node1 + "00000000 00",
		"more rumours than are allowed":    "07 0006 83 " + strings.Repeat(node1+"00000000 ", 131) + "00",
		"more tuples than are allowed":     "07 0006 00 41 " + strings.Repeat("00 "+node1+"00000000 ", 65),
		"a tuple that is gone":             "07 0006 00 01 " + song + node1 + "80000000",
		"a flag that is neither":           "0d " + tag + "02",
		"a negative length":                "0c " + tag + "01 ffffffffffffffff" + item[16:],
		"a name that is cut short":         "00 " + tag + "05 736f6e67",
	})
	p2ptest.Malformed(t, golden.Streams, map[string]string{
		"a datagram's message":     "00",
		"a piece that is too long": "12 00040001",
		"no such verdict":          "13 03",
		"not our language":         "14 63687264 04 " + song,
		"an end within a message":  "14 " + klps + "0205",
	})
}

func TestAccept(t *testing.T) {
	golden.Accept(t,
		[]string{"\x14klps", "\x11klps\x04"},
		[]string{"G", "GET /pee", "\x14klop", "\x12\x00\x00", "\x00"},
		[]string{"", "\x11", "\x14klp"})
}

func FuzzDatagrams(f *testing.F) { golden.FuzzDatagrams(f) }
func FuzzStreams(f *testing.F)   { golden.FuzzStreams(f) }
