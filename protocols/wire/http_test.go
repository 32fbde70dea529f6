package wire_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

func TestParseHead(t *testing.T) {
	src := "GET /get/7/a b.bin HTTP/1.1\r\nHost: x:1\nRange:bytes=2-5 \r\n\r\nbody"
	for n := range len(src) - len("body") {
		if _, used, err := wire.ParseHead([]byte(src[:n])); used != 0 || err != nil {
			t.Fatalf("the first %d bytes: used %d, %v; want more asked for", n, used, err)
		}
	}
	h, n, err := wire.ParseHead([]byte(src))
	want := wire.Head{Line: "GET /get/7/a b.bin HTTP/1.1", Fields: []wire.Field{{"Host", "x:1"}, {"Range", "bytes=2-5"}}}
	if err != nil || n != len(src)-4 || !reflect.DeepEqual(h, want) {
		t.Errorf("got %q, %d, %v; want %q, %d", h, n, err, want, len(src)-4)
	}
	if got := h.Get("hOST"); got != "x:1" {
		t.Errorf("Get is case-sensitive: %q", got)
	}
	method, target, version, err := wire.ParseRequest(h.Line)
	if method != "GET" || target != "/get/7/a b.bin" || version != "HTTP/1.1" || err != nil {
		t.Errorf("request line: %q %q %q %v", method, target, version, err)
	}
}

// A head of any size costs its sender the link and us no memory.
func TestParseHeadRefuses(t *testing.T) {
	for what, src := range map[string]string{
		"too long":        "GET / HTTP/1.1\r\nA: " + strings.Repeat("x", wire.MaxHead) + "\r\n\r\n",
		"endless":         strings.Repeat("x", wire.MaxHead+1),
		"too many fields": "GET / HTTP/1.1\r\n" + strings.Repeat("a:\n", wire.MaxFields+1) + "\n",
		"continued line":  "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
		"no colon":        "GET / HTTP/1.1\r\nhello\r\n\r\n",
	} {
		if _, _, err := wire.ParseHead([]byte(src)); !errors.Is(err, p2p.ErrMalformed) {
			t.Errorf("%s: %v, want malformed", what, err)
		}
	}
}

func TestHeadAppendCannotSmuggle(t *testing.T) {
	h := wire.Head{Line: "GET /a\r\nEvil: 1 HTTP/1.1", Fields: []wire.Field{{"X", "y\nEvil: 2"}}}
	got, _, err := wire.ParseHead(h.Append(nil))
	if err != nil || len(got.Fields) != 1 {
		t.Errorf("got %q, %v; want one field", got, err)
	}
}

func TestParseRange(t *testing.T) {
	for _, c := range []struct {
		value     string
		from, end int64
		ok        bool
	}{
		{"bytes=0-0", 0, 1, true}, {"bytes=5-", 5, 10, true}, {"bytes=5-99", 5, 10, true}, {"bytes=-3", 7, 10, true},
		{"bytes=-30", 0, 10, true}, {"bytes=10-", 0, 0, false}, {"bytes=5-4", 0, 0, false}, {"bytes=-0", 0, 0, false},
		{"bytes=0-1,3-4", 0, 0, false}, {"0-1", 0, 0, false}, {"bytes=99999999999999999999-", 0, 0, false}, {"bytes=--1", 0, 0, false},
	} {
		from, end, err := wire.ParseRange(c.value, 10)
		if from != c.from || end != c.end || (err == nil) != c.ok {
			t.Errorf("%q: %d, %d, %v; want %d, %d, ok %v", c.value, from, end, err, c.from, c.end, c.ok)
		}
	}
	from, end, size, err := wire.ParseContentRange(wire.FormatContentRange(3, 8, 10))
	if from != 3 || end != 8 || size != 10 || err != nil {
		t.Errorf("content range: %d %d %d %v", from, end, size, err)
	}
}

func FuzzParseHead(f *testing.F) {
	f.Add([]byte("GNUTELLA CONNECT/0.6\r\nUser-Agent: x\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 206 Partial\nContent-Range: bytes 0-4/5\n\n12345"))
	f.Fuzz(func(t *testing.T, src []byte) {
		h, n, err := wire.ParseHead(src)
		if n < 0 || n > len(src) || err != nil && n != 0 {
			t.Fatalf("used %d of %d, %v", n, len(src), err)
		}
		if n == 0 {
			return
		}
		again, _, err := wire.ParseHead(h.Append(nil))
		if err == nil && !reflect.DeepEqual(again, h) {
			t.Fatalf("%q became %q", h, again)
		}
	})
}
