package napster

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"peerbed/protocols/p2p"
)

var le = binary.LittleEndian

// headSize is what precedes the data of every frame: its length and its type.
const headSize = 4

// fields reads the data of a frame: words, and texts in double quotes, with
// spaces between. After the first that is missing all others are empty.
type fields struct {
	b   []byte
	bad string
}

func (f *fields) skip() {
	for len(f.b) > 0 && (f.b[0] == ' ' || f.b[0] == '\n') {
		f.b = f.b[1:]
	}
}

// more reports whether another field follows.
func (f *fields) more() bool {
	f.skip()
	return len(f.b) > 0
}

// next returns the next field without its quotes.
func (f *fields) next(what string) []byte {
	if !f.more() || f.bad != "" {
		f.fail(what)
		return nil
	}
	end, quote := byte(' '), 0
	if f.b[0] == '"' {
		end, quote = '"', 1
	}
	for i := quote; i < len(f.b); i++ {
		if f.b[i] == end || quote == 0 && f.b[i] == '\n' {
			word := f.b[quote:i]
			f.b = f.b[i+quote:]
			return word
		}
	}
	if quote == 1 {
		f.fail(what)
		return nil
	}
	word := f.b
	f.b = nil
	return word
}

func (f *fields) fail(what string) {
	if f.bad == "" {
		f.bad = what
	}
	f.b = nil
}

func (f *fields) text(what string) string { return string(f.next(what)) }

// number reads digits up to the bound.
func (f *fields) number(what string, most uint64) uint64 {
	b := f.next(what)
	v, ok := parseDigits(b)
	if !ok || v > most {
		f.fail(what)
		return 0
	}
	return v
}

func (f *fields) uint32(what string) uint32 { return uint32(f.number(what, math.MaxUint32)) }
func (f *fields) port(what string) uint16   { return uint16(f.number(what, math.MaxUint16)) }
func (f *fields) line() Line                { return Line(f.number("line", math.MaxUint8)) }

// err says what the frame lacks.
func (f *fields) err(code uint16) error {
	if f.bad == "" {
		return nil
	}
	return fmt.Errorf("%w: frame of type %d without a proper %s", p2p.ErrMalformed, code, f.bad)
}

// parseDigits reads at most 18 digits, and nothing else.
func parseDigits(b []byte) (v uint64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	return v, true
}

// digits is how many characters a number takes.
func digits(v uint64) int {
	n := 1
	for ; v >= 10; v /= 10 {
		n++
	}
	return n
}

// appendQuoted writes a text in quotes. There is no way to write a quote or an
// end of line inside, so they become others.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		c := s[i]
		switch c {
		case '"':
			c = '\''
		case '\n', '\r':
			c = ' '
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

// appendWord writes a text without quotes; one without a character would be
// missed, so it becomes a dash.
func appendWord(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, '-')
	}
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c == '"' {
			c = '_'
		}
		dst = append(dst, c)
	}
	return dst
}

func wordSize(s string) int { return max(1, len(s)) }

func appendNumber(dst []byte, v uint64) []byte {
	return strconv.AppendUint(append(dst, ' '), v, 10)
}

// appendIP writes an address as a number whose low byte is the first octet.
func appendIP(dst []byte, ip uint32) []byte { return appendNumber(dst, uint64(swap(ip))) }

func swap(ip uint32) uint32 {
	return ip<<24 | ip&0xff00<<8 | ip>>8&0xff00 | ip>>24
}

func (m *File) append(dst []byte) []byte {
	dst = append(appendQuoted(dst, m.Name), ' ')
	dst = appendNumber(appendWord(dst, m.MD5), uint64(m.Bytes))
	return appendNumber(appendNumber(appendNumber(dst, uint64(m.Kbps)), uint64(m.Hz)), uint64(m.Secs))
}

func (m *File) size() int {
	return 2 + len(m.Name) + 1 + wordSize(m.MD5) + 4 +
		digits(uint64(m.Bytes)) + digits(uint64(m.Kbps)) + digits(uint64(m.Hz)) + digits(uint64(m.Secs))
}

func (m *File) parse(f *fields) {
	m.Name, m.MD5 = f.text("file name"), f.text("md5")
	m.Bytes = int64(f.number("size", math.MaxInt64))
	m.Kbps, m.Hz, m.Secs = f.uint32("bit rate"), f.uint32("frequency"), f.uint32("length")
}

func (m *Hit) append(dst []byte) []byte {
	dst = appendWord(append(m.File.append(dst), ' '), m.Nick)
	dst = appendNumber(appendIP(dst, m.IP), uint64(m.Line))
	if m.Port == 0 {
		return dst
	}
	open := uint64(0)
	if m.Open {
		open = 1
	}
	return appendNumber(appendNumber(dst, open), uint64(m.Port))
}

func (m *Hit) size() int {
	n := m.File.size() + 3 + wordSize(m.Nick) + digits(uint64(swap(m.IP))) + digits(uint64(m.Line))
	if m.Port != 0 {
		n += 3 + digits(uint64(m.Port))
	}
	return n
}

// parse reads a hit. Others' servers may let a weight follow.
func (m *Hit) parse(f *fields) {
	m.File.parse(f)
	m.Nick, m.IP, m.Line = f.text("nick"), swap(f.uint32("address")), f.line()
	m.Open, m.Port = false, 0
	if !f.more() {
		return
	}
	open := f.next("weight")
	if f.more() {
		m.Open = len(open) == 1 && open[0] == '1'
		m.Port = f.port("port")
	}
}
