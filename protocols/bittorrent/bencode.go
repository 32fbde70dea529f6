package bittorrent

import (
	"bytes"
	"fmt"
	"strconv"

	"peerbed/protocols/p2p"
)

// maxDepth is how deep lists and dictionaries of a stranger may be nested.
const maxDepth = 16

// A value is one bencoded value (BEP 3) as it stands in a message. It is read
// where it lies: a tree of it would take many times the memory of its bytes,
// and the hash of a torrent is of its bytes anyhow. The zero value is none: all
// that is asked of it is missing.
type value []byte

// parse takes one value from the front of b.
func parse(b []byte) (value, error) {
	n, err := length(b, maxDepth)
	if err != nil {
		return nil, err
	}
	return value(b[:n:n]), nil
}

// parseAll takes a value that is all of b.
func parseAll(b []byte) (value, error) {
	v, err := parse(b)
	if err == nil && len(v) != len(b) {
		err = malformed("%d bytes behind a bencoded value", len(b)-len(v))
	}
	return v, err
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", p2p.ErrMalformed, fmt.Sprintf(format, args...))
}

// length returns how many bytes the value at the front of b takes.
func length(b []byte, depth int) (int, error) {
	switch {
	case len(b) == 0:
		return 0, malformed("a bencoded value is missing")
	case b[0] == 'i':
		return integerLength(b)
	case '0' <= b[0] && b[0] <= '9':
		_, n, err := text(b)
		return n, err
	case b[0] != 'l' && b[0] != 'd':
		return 0, malformed("bencoded value %.8q", b)
	case depth == 0:
		return 0, malformed("bencoded values nested deeper than %d", maxDepth)
	}
	at := 1
	for i := 0; at < len(b) && b[at] != 'e'; i++ {
		if b[0] == 'd' && i%2 == 0 && (b[at] < '0' || b[at] > '9') {
			return 0, malformed("the key of a dictionary is no string")
		}
		n, err := length(b[at:], depth-1)
		if err != nil {
			return 0, err
		}
		at += n
		if b[0] == 'd' && i%2 == 0 && (at == len(b) || b[at] == 'e') {
			return 0, malformed("a key without a value")
		}
	}
	if at == len(b) {
		return 0, malformed("a list or dictionary without end")
	}
	return at + 1, nil
}

func integerLength(b []byte) (int, error) {
	end := bytes.IndexByte(b[:min(len(b), 24)], 'e')
	if end < 0 {
		return 0, malformed("integer %.24q", b)
	}
	_, err := strconv.ParseInt(string(b[1:end]), 10, 64)
	if err != nil || end > 2 && b[1] == '0' || end > 1 && (b[1] == '+' || b[1] == '-' && b[2] == '0') {
		return 0, malformed("integer %.24q", b)
	}
	return end + 1, nil
}

// text reads "4:spam" from the front of b and says how many bytes it took.
func text(b []byte) (s []byte, n int, err error) {
	colon := bytes.IndexByte(b[:min(len(b), 12)], ':')
	if colon <= 0 || colon > 1 && b[0] == '0' {
		return nil, 0, malformed("string %.12q", b)
	}
	size, err := strconv.ParseUint(string(b[:colon]), 10, 31)
	if err != nil || int(size) > len(b)-colon-1 {
		return nil, 0, malformed("string %.12q", b)
	}
	n = colon + 1 + int(size)
	return b[colon+1 : n : n], n, nil
}

// bytes returns what a string holds; ok is false for anything else.
func (v value) bytes() (s []byte, ok bool) {
	if len(v) == 0 || v[0] < '0' || v[0] > '9' {
		return nil, false
	}
	s, _, err := text(v)
	return s, err == nil
}

// text returns a string, "" for anything else.
func (v value) text() string {
	s, _ := v.bytes()
	return string(s)
}

// integer returns an integer, 0 for anything else.
func (v value) integer() (i int64, ok bool) {
	if len(v) < 3 || v[0] != 'i' {
		return 0, false
	}
	i, err := strconv.ParseInt(string(v[1:len(v)-1]), 10, 64)
	return i, err == nil
}

// number returns an integer within bounds, low for anything else.
func (v value) number(low, high int64) int64 {
	if i, ok := v.integer(); ok && i >= low && i <= high {
		return i
	}
	return low
}

// isList and isDict say what kind of value it is.
func (v value) isList() bool { return len(v) > 0 && v[0] == 'l' }
func (v value) isDict() bool { return len(v) > 0 && v[0] == 'd' }

// each calls f with every element of a list, or with every key and value of a
// dictionary in turn, until f returns false.
func (v value) each(f func(value) bool) {
	if !v.isList() && !v.isDict() {
		return
	}
	for at := 1; v[at] != 'e'; {
		n, _ := length(v[at:], maxDepth)
		if !f(v[at : at+n : at+n]) {
			return
		}
		at += n
	}
}

// get returns the value that a dictionary has under the key.
func (v value) get(key string) (found value) {
	if !v.isDict() {
		return nil
	}
	odd, hit := false, false
	v.each(func(e value) bool {
		if hit {
			found = e
			return false
		}
		if odd = !odd; odd {
			s, _ := e.bytes()
			hit = string(s) == key
		}
		return true
	})
	return found
}

func appendText[S string | []byte](dst []byte, s S) []byte {
	dst = strconv.AppendInt(dst, int64(len(s)), 10)
	dst = append(dst, ':')
	return append(dst, s...)
}

func appendInteger(dst []byte, i int64) []byte {
	dst = append(dst, 'i')
	dst = strconv.AppendInt(dst, i, 10)
	return append(dst, 'e')
}
