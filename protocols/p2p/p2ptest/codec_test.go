package p2ptest

import (
	"strings"
	"testing"

	"peerbed/protocols/p2p"
)

// A text is one message, and its own codec.
type text struct{ S string }

func (*text) Kind() p2p.Kind { return p2p.First }
func (t *text) Size() int    { return 1 + len(t.S) }

// A scribe writes texts after their length. next replaces its Next.
type scribe struct {
	next func(src []byte, eof bool) (p2p.Msg, int, error)
}

func (scribe) Append(b []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	s := m.(*text).S
	return append(append(b, byte(len(s))), s...), p2p.Content{}, nil
}

func (c scribe) Next(src []byte, eof bool) (p2p.Msg, int, error) {
	if c.next != nil {
		return c.next(src, eof)
	}
	if len(src) == 0 || len(src) < 1+int(src[0]) {
		return nil, 0, nil
	}
	n := 1 + int(src[0])
	return &text{string(src[1:n])}, n, nil
}

func newScribe() p2p.Codec { return scribe{} }

func TestRoundTrip(t *testing.T) {
	RoundTrip(t, newScribe, &text{"a"}, &text{""}, &text{strings.Repeat("x", 255)})
}

func FuzzScribe(f *testing.F) { FuzzCodec(f, newScribe, []byte("\x01a\x00\x03abc")) }

// What FuzzCodec is there to find.
func TestDigest(t *testing.T) {
	for _, c := range []struct {
		name string
		next func([]byte, bool) (p2p.Msg, int, error)
		want string
	}{
		{"good", nil, ""},
		{"too many", func(src []byte, _ bool) (p2p.Msg, int, error) { return &text{}, len(src) + 1, nil }, "Next takes more bytes than there are"},
		{"negative", func([]byte, bool) (p2p.Msg, int, error) { return &text{}, -1, nil }, "Next takes more bytes than there are"},
		{"endless", func([]byte, bool) (p2p.Msg, int, error) { return &text{}, 0, nil }, "Next makes messages of nothing, without end"},
		{"refuses", func([]byte, bool) (p2p.Msg, int, error) { return nil, 0, p2p.ErrMalformed }, ""},
	} {
		for _, eof := range []bool{false, true} {
			if got := digest(scribe{c.next}, []byte("\x01a\x05ab"), eof); got != c.want {
				t.Errorf("%s, eof %v: %q, want %q", c.name, eof, got, c.want)
			}
		}
	}
}

// A length that a stranger wrote must not become memory.
func TestAllowance(t *testing.T) {
	data := []byte{200}
	greedy := func(src []byte, _ bool) (p2p.Msg, int, error) {
		return &text{string(make([]byte, int(src[0])<<10))}, 1, nil
	}
	if got, most := appetite(func() p2p.Codec { return scribe{greedy} }, data, false); got <= most {
		t.Errorf("a codec that takes 200 KiB for one byte is found to take %d of %d", got, most)
	}
	if got, most := appetite(newScribe, data, false); got > most {
		t.Errorf("a modest codec is found to take %d of %d", got, most)
	}
}

func TestSame(t *testing.T) {
	type list struct {
		text
		A []byte
		c p2p.Content
	}
	a := &list{A: []byte{1}, c: p2p.Content{Blob: "b", Len: 3}}
	for want, others := range map[bool][]*list{
		true:  {{A: []byte{1}, c: p2p.View([]byte("abc"))}},
		false: {{A: []byte{2}, c: a.c}, {A: []byte{1}}, {A: []byte{1, 1}, c: a.c}, {A: []byte{1}, c: a.c, text: text{"s"}}},
	} {
		for _, b := range others {
			if Same(a, b) != want {
				t.Errorf("Same(%+v, %+v) is %v", a, b, !want)
			}
		}
	}
	if !Same(&list{}, &list{A: []byte{}}) || Same(&list{}, &text{}) {
		t.Error("an empty slice is none; types count")
	}
}
