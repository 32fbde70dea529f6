package gnutella_test

import (
	"bytes"
	"compress/zlib"
	"errors"
	"testing"

	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
)

// The published vectors of the hash, and those seen from gtk-gnutella.
func TestRouteHash(t *testing.T) {
	for _, c := range []struct {
		word string
		bits int
		want uint32
	}{
		{"eb", 13, 6791}, {"ebc", 13, 7082}, {"ebck", 13, 6698},
		{"zebra", 14, 9065}, {"quartet", 14, 12121}, {"recording", 14, 2847},
	} {
		if got := gnutella.RouteHash(c.word, c.bits); got != c.want {
			t.Errorf("%s in %d bits: %d, want %d", c.word, c.bits, got, c.want)
		}
	}
}

func packed(data []byte) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.String()
}

// Patches of 4 and 8 bits, packed or not, in one part or several.
func TestRouteTable(t *testing.T) {
	const entries = 1 << 14
	for what, c := range map[string]struct {
		infinity uint8
		width    uint8
		diff     byte // that makes a word be there
		pack     bool
		parts    int
	}{
		"gtk-gnutella: 4 bits, infinity 2": {2, 4, 0xf, true, 1},
		"8 bits, infinity 7":               {7, 8, 0xfa, true, 1}, // 1 - 7
		"not packed":                       {7, 4, 0xa, false, 1},
		"in parts":                         {7, 8, 0xfa, true, 3},
	} {
		t.Run(what, func(t *testing.T) {
			data := make([]byte, entries*int(c.width)/8)
			if c.width == 4 {
				data[9065/2] |= c.diff // an odd entry: the lower half
			} else {
				data[9065] = c.diff
			}
			text := string(data)
			if c.pack {
				text = packed(data)
			}
			var table gnutella.RouteTable
			if err := table.Reset(&gnutella.RouteReset{Entries: entries, Infinity: c.infinity}); err != nil {
				t.Fatal(err)
			}
			for i := range c.parts {
				part := text[i*len(text)/c.parts : (i+1)*len(text)/c.parts]
				m := &gnutella.RoutePatch{Seq: uint8(i + 1), Of: uint8(c.parts), Zlib: c.pack, Bits: c.width, Data: part}
				if table.Matches("zebra") {
					t.Error("a patch that is not whole is applied")
				}
				if err := table.Patch(m); err != nil {
					t.Fatal(err)
				}
			}
			if !table.Matches("zebra") || table.Matches("zebra", "quartet") || table.Matches("quartet") || table.Matches() {
				t.Error("the table does not say what the patch said")
			}
		})
	}
}

func TestMalformedRoutes(t *testing.T) {
	reset := &gnutella.RouteReset{Entries: 1 << 14, Infinity: 2}
	for what, msgs := range map[string][]p2p.Msg{
		"no entries":         {&gnutella.RouteReset{}},
		"not a power of two": {&gnutella.RouteReset{Entries: 1000}},
		"too many entries":   {&gnutella.RouteReset{Entries: 1 << 31}},
		"a patch without":    {&gnutella.RoutePatch{Seq: 1, Of: 1, Bits: 4, Data: "x"}},
		"too short":          {reset, &gnutella.RoutePatch{Seq: 1, Of: 1, Bits: 4, Data: "x"}},
		"the second part":    {reset, &gnutella.RoutePatch{Seq: 2, Of: 2, Bits: 4, Data: "x"}},
		"not packed":         {reset, &gnutella.RoutePatch{Seq: 1, Of: 1, Zlib: true, Bits: 4, Data: "hello, world"}},
		"packed, too short":  {reset, &gnutella.RoutePatch{Seq: 1, Of: 1, Zlib: true, Bits: 4, Data: packed(make([]byte, 100))}},
		"too long in parts":  parts(reset),
	} {
		var table gnutella.RouteTable
		var err error
		for _, m := range msgs {
			switch m := m.(type) {
			case *gnutella.RouteReset:
				err = table.Reset(m)
			case *gnutella.RoutePatch:
				err = table.Patch(m)
			}
		}
		if !errors.Is(err, p2p.ErrMalformed) {
			t.Errorf("%s: %v; want malformed", what, err)
		}
	}
}

// parts is a patch whose parts have no end.
func parts(reset p2p.Msg) []p2p.Msg {
	msgs := []p2p.Msg{reset}
	for i := range 3 {
		msgs = append(msgs, &gnutella.RoutePatch{Seq: uint8(i + 1), Of: 255, Bits: 4, Data: string(make([]byte, 60<<10))})
	}
	return msgs
}

// FuzzRoutes gives what a stranger may say of its table to one who believes it.
func FuzzRoutes(f *testing.F) {
	f.Add(uint32(1<<14), uint8(1), true, uint8(4), packed(make([]byte, 1<<13)), "")
	f.Add(uint32(16), uint8(2), false, uint8(8), "12345678", "12345678")
	f.Fuzz(func(t *testing.T, entries uint32, of uint8, packed bool, width uint8, first, second string) {
		if width != 4 && width != 8 || of == 0 {
			return // which the codec refuses
		}
		var table gnutella.RouteTable
		if table.Reset(&gnutella.RouteReset{Entries: entries}) != nil {
			return
		}
		for i, data := range []string{first, second} {
			if table.Patch(&gnutella.RoutePatch{Seq: uint8(i + 1), Of: of, Zlib: packed, Bits: width, Data: data}) != nil {
				return
			}
		}
		table.Matches("zebra")
	})
}
