package gnutella_test

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

const deflates = "GNUTELLA/0.6 200 OK\r\nContent-Encoding: deflate\r\n\r\n"

// inflating is the codec of a link on which the other side has said that it
// deflates.
func inflating(t testing.TB) p2p.Codec {
	c := gnutella.NewOverlay()
	if _, n, err := c.Next([]byte(deflates), false); n != len(deflates) || err != nil {
		t.Fatalf("the handshake took %d bytes, %v", n, err)
	}
	return c
}

// deflated is what a real zlib makes of packets, with a flush after each.
func deflated(t testing.TB, level int, packets ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := zlib.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		z.Write(p)
		z.Flush()
	}
	return b.Bytes()
}

// read feeds src in pieces of n bytes, as a link does, and returns the kinds of
// the messages.
func read(c p2p.Codec, src []byte, n int) (msgs []p2p.Kind, err error) {
	for in := []byte(nil); len(src) > 0; {
		in = append(in, src[:min(n, len(src))]...)
		src = src[min(n, len(src)):]
		for {
			m, took, err := c.Next(in, false)
			if err != nil {
				return msgs, err
			}
			in = in[took:]
			if m != nil {
				msgs = append(msgs, m.Kind())
			} else if took == 0 {
				break
			}
		}
	}
	return msgs, nil
}

// What is deflated is read whole, however it is cut, at every level of
// compression, and where the bytes of a flush occur within a block.
func TestInflate(t *testing.T) {
	var packets [][]byte
	for _, g := range descriptors(t) {
		packets = append(packets, unhex(t, g.wire))
	}
	tricky := append(unhex(t, idHex+"80 07 00 20000000 8000"), strings.Repeat("\x00\x00\xff\xff", 7)...)
	packets = append(packets, append(tricky, 0, 0), unhex(t, idHex+"00 07 00 00000000"))
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 { // beyond the window
		q := unhex(t, idHex+"80 07 00 2a000000 8000")
		for range 39 {
			q = append(q, byte('a'+r.IntN(26)))
		}
		packets = append(packets, append(q, 0))
	}
	for _, level := range []int{flate.NoCompression, flate.BestSpeed, flate.BestCompression, flate.HuffmanOnly} {
		src := deflated(t, level, packets...)
		for _, n := range []int{1, 7, 1000, len(src)} {
			msgs, err := read(inflating(t), src, n)
			if err != nil || len(msgs) != len(packets) {
				t.Errorf("level %d in pieces of %d: %d messages of %d, %v", level, n, len(msgs), len(packets), err)
			}
		}
	}
}

// What is deflated here is what was there: three blocks, then descriptors in
// both directions.
func TestDeflatedLink(t *testing.T) {
	block1 := "GNUTELLA CONNECT/0.6\r\nAccept-Encoding: deflate\r\n\r\n"
	a, b := gnutella.NewOverlay(), accepted(t, block1)
	exchange(t, a, b, &gnutella.Connect{Minor: 6, Fields: gnutella.Fields{Inflates: true}}, []byte(block1))
	exchange(t, b, a, &gnutella.Answer{Minor: 6, Code: 200, Fields: gnutella.Fields{Inflates: true, Deflates: true}},
		[]byte("GNUTELLA/0.6 200 OK\r\nAccept-Encoding: deflate\r\nContent-Encoding: deflate\r\n\r\n"))
	exchange(t, a, b, &gnutella.Answer{Minor: 6, Code: 200, Fields: gnutella.Fields{Deflates: true}}, []byte(deflates))
	for _, way := range [][2]p2p.Codec{{a, b}, {b, a}} {
		var wire []byte
		var sent int
		for range 10 {
			for _, g := range descriptors(t) {
				var err error
				if wire, _, err = way[0].Append(wire, g.msg); err != nil {
					t.Fatal(err)
				}
				sent += g.msg.Size()
			}
		}
		if msgs, err := read(way[1], wire, 100); err != nil || len(msgs) != 10*len(descriptors(t)) {
			t.Errorf("%d messages, %v", len(msgs), err)
		}
		if len(wire) > sent*2/3 {
			t.Errorf("%d bytes became %d", sent, len(wire))
		}
	}
}

// Little that becomes much, and much without an end, cost the sender its link
// and this side no memory to speak of.
func TestBombs(t *testing.T) {
	huge := bytes.Repeat(unhex(t, idHex+"00 07 00 00000000"), 8000)
	noise := make([]byte, 80<<10)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(1 + r.IntN(200))
	}
	for what, src := range map[string][]byte{
		"much of little":           deflated(t, flate.BestCompression, huge),
		"no flush":                 append([]byte("\x78\x01\x00\xff\xff\x00\x00"), noise...),
		"what looks like flushes":  append([]byte("\x78\x01\x00\xff\xff\x00\x00"), bytes.Repeat([]byte{0, 0, 0xff, 0xff}, 16000)...),
		"no zlib":                  []byte("hello"),
		"a preset dictionary":      []byte("\x78\xbb"),
		"not deflate":              []byte("\x78\x01" + strings.Repeat("\xff\x00\x00\xff\xff", 100)),
		"a descriptor of 64 KiB":   deflated(t, 1, unhex(t, idHex+"00 07 00 00000100")),
		"descriptor without a NUL": deflated(t, 1, unhex(t, idHex+"80 07 00 03000000"+"0000 61")),
	} {
		if _, err := read(inflating(t), src, 4096); !errors.Is(err, p2p.ErrMalformed) {
			t.Errorf("%s: %v; want malformed", what, err)
		}
	}
}

// FuzzDeflated reads deflated descriptors.
func FuzzDeflated(f *testing.F) {
	var all [][]byte
	for _, g := range descriptors(f) {
		all = append(all, unhex(f, g.wire))
	}
	p2ptest.FuzzCodec(f, func() p2p.Codec { return inflating(f) },
		deflated(f, flate.BestCompression, all...), deflated(f, flate.NoCompression, all...), deflated(f, flate.BestSpeed, bytes.Repeat(all[0], 500)))
}
