package wire_test

import (
	"errors"
	"strings"
	"testing"

	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
	"peerbed/protocols/wire"
)

// A language of three messages: note, a datagram with a field of each type, and
// ask and part, which go in streams.

const (
	kindNote p2p.Kind = p2p.First + iota
	kindAsk
	kindPart
)

type note struct {
	Small  uint8
	Flag   bool
	Two    uint16
	Four   uint32
	Eight  uint64
	Bytes  int64
	Hash   [3]byte
	Name   string
	Who    p2p.Addr
	Others []p2p.Addr
	Pairs  []pair
}

type pair struct {
	Key  string
	Flag bool
}

type ask struct{ Name string }

type part struct{ Data p2p.Content }

func (*note) Kind() p2p.Kind { return kindNote }
func (*ask) Kind() p2p.Kind  { return kindAsk }
func (*part) Kind() p2p.Kind { return kindPart }

func (m *note) Size() int {
	n := 1 + 1 + 1 + 2 + 4 + 8 + 8 + 3 + 1 + len(m.Name) + wire.SizeAddr + 1 + wire.SizeAddr*len(m.Others) + 1
	for _, p := range m.Pairs {
		n += 1 + len(p.Key) + 1
	}
	return n
}
func (m *ask) Size() int  { return 1 + 4 + 1 + len(m.Name) }
func (m *part) Size() int { return 1 + 4 + m.Data.Len }

func (m *note) Fields(f *wire.Fields) {
	f.Uint8(&m.Small, 9)
	f.Bool(&m.Flag)
	f.Uint16(&m.Two)
	f.Uint32(&m.Four)
	f.Uint64(&m.Eight)
	f.Length(&m.Bytes, 1000)
	f.Array(m.Hash[:])
	f.String(&m.Name)
	f.Addr(&m.Who)
	f.Addrs(&m.Others, 2)
	wire.List(f, &m.Pairs, 200, 2, (*pair).fields)
}

func (p *pair) fields(f *wire.Fields) {
	f.String(&p.Key)
	if f.Bool(&p.Flag); p.Flag && p.Key == "" {
		f.Fail("a flag of nothing")
	}
}

func (m *ask) Fields(f *wire.Fields) {
	f.Constant("talk")
	f.String(&m.Name)
}

func (m *part) Fields(f *wire.Fields) { f.Content(&m.Data) }

var format = wire.Format{
	Kinds: []p2p.KindInfo{
		{Name: "note", Class: p2p.Lookup, Blank: new(note)},
		{Name: "ask", Class: p2p.Transfer, Blank: new(ask)},
		{Name: "part", Class: p2p.Transfer, Blank: new(part)},
	},
	Stream: kindAsk,
	Opens:  []p2p.Kind{kindAsk},
	Magic:  "talk",
}

const (
	before = "00 09 01 0102 01020304 0102030405060708 00000000000003e8 aabbcc 02 6869 " // up to Name
	who    = "0a0000011b58 "
)

var golden = p2ptest.Packets{
	Protocol: &p2p.Protocol{Name: "talk", Kinds: format.Kinds, Datagrams: format.Datagrams, Accept: format.Accept},
	Opening:  "\x01talk",
	Golden: map[string]string{
		"note": before + who + "02 " + who + who + "01 02 6869 01",
		"ask":  "01 74616c6b 02 6869",
		"part": "02 00000003 00070e",
	},
}

func TestFormat(t *testing.T) {
	golden.RoundTrip(t)
	golden.Meaning(t, map[string]string{
		"note": "{Small:9 Flag:true Two:258 Four:16909060 Eight:72623859790382856 Bytes:1000 Hash:[170 187 204] " +
			"Name:hi Who:10.0.0.1:7000 Others:[10.0.0.1:7000 10.0.0.1:7000] Pairs:[{Key:hi Flag:true}]}",
	})
	golden.Accept(t, []string{"\x01talk", "\x01talky"}, []string{"\x00", "\x02", "\x03", "GET /", "\x01task"}, []string{"", "\x01", "\x01tal"})
}

func TestFormatRefuses(t *testing.T) {
	swap := strings.NewReplacer
	p2ptest.Malformed(t, format.Datagrams, map[string]string{
		"no such message":             "03",
		"a number that wraps":         "f0",
		"a byte too many":             golden.Golden["note"] + "00",
		"a byte too few":              before + who + "00",
		"an integer above its bound":  swap("00 09 ", "00 0a ").Replace(golden.Golden["note"]),
		"a flag that is neither":      swap("00 09 01 ", "00 09 02 ").Replace(golden.Golden["note"]),
		"a length above its bound":    swap("03e8", "03e9").Replace(golden.Golden["note"]),
		"a length below 0":            swap("00000000000003e8", "ffffffffffffffff").Replace(golden.Golden["note"]),
		"a list longer than allowed":  before + who + "03 " + strings.Repeat(who, 3) + "00",
		"a list longer than the rest": before + who + "00 c8 00 00",
		"what the message refuses":    before + who + "00 01 00 01",
	})
	p2ptest.Malformed(t, format.Streams, map[string]string{
		"another magic":                  "01 74616c65 00",
		"an end within a message":        "01 74616c6b 02 68",
		"an end before what comes in it": "02 00000003 0007",
	})
}

// Of a stream the codec asks for more until a message is whole, and refuses at
// once what can never become one.
func TestFormatOfStreams(t *testing.T) {
	b := p2ptest.Bytes(t, golden.Golden["ask"]+golden.Golden["part"])
	c := format.Streams()
	for i := range 8 {
		if m, n, err := c.Next(b[:i], false); m != nil || n != 0 || err != nil {
			t.Fatalf("of %d bytes: %+v, %d, %v; want to be asked for more", i, m, n, err)
		}
	}
	m, n, err := c.Next(b, false)
	if a, ok := m.(*ask); !ok || a.Name != "hi" || n != 8 || err != nil {
		t.Fatalf("read %+v from %d bytes, %v", m, n, err)
	}
	m, n, err = c.Next(b[8:], false)
	if p, ok := m.(*part); !ok || string(p.Data.Bytes()) != "\x00\x07\x0e" || n != 8 || err != nil {
		t.Fatalf("read %+v from %d bytes, %v", m, n, err)
	}
	for why, packet := range map[string]string{"more content than is allowed": "02 00040001", "another magic": "01 74616c65"} {
		if _, _, err := c.Next(p2ptest.Bytes(t, packet), false); !errors.Is(err, p2p.ErrMalformed) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

// A content that comes in many reads costs no memory but its own.
func TestFormatWaitsForFree(t *testing.T) {
	c := format.Streams()
	b := p2ptest.Bytes(t, "02 00010000 00")
	c.Next(b, false)
	if got := testing.AllocsPerRun(100, func() { c.Next(b, false) }); got != 0 {
		t.Errorf("to ask for more makes %v allocations", got)
	}
}

func FuzzDatagrams(f *testing.F) { golden.FuzzDatagrams(f) }
func FuzzStreams(f *testing.F)   { golden.FuzzStreams(f) }
