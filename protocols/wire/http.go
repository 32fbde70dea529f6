package wire

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"peerbed/protocols/p2p"
)

// Limits of a Head: what real clients send stays far below.
const (
	MaxHead   = 8 << 10 // bytes, end of block included
	MaxFields = 64
)

// A Head is the first block of an HTTP/1.x message, or one block of a Gnutella
// handshake: a line, fields, an empty line.
type Head struct {
	Line   string
	Fields []Field
}

// A Field is one "Name: value" line of a Head.
type Field struct{ Name, Value string }

// ParseHead reads a Head from the front of src and says how many bytes it
// took; 0 asks for more. It takes lines that end in \r\n or in \n, as old
// clients send both. A field that is continued on the next line, or has no
// colon, is an error; so is a Head beyond MaxHead or MaxFields.
func ParseHead(src []byte) (Head, int, error) {
	n := headEnd(src)
	switch {
	case n > MaxHead || n == 0 && len(src) > MaxHead:
		return Head{}, 0, fmt.Errorf("%w: head over %d bytes", p2p.ErrMalformed, MaxHead)
	case n == 0:
		return Head{}, 0, nil
	}
	if i := bytes.IndexByte(bytes.ReplaceAll(src[:n], []byte("\r\n"), []byte("\n")), '\r'); i >= 0 {
		return Head{}, 0, fmt.Errorf("%w: stray carriage return in a head", p2p.ErrMalformed)
	}
	line, rest, _ := cutLine(string(src[:n]))
	h := Head{Line: line, Fields: make([]Field, 0, min(8, n/8))}
	for {
		line, rest, _ = cutLine(rest)
		if line == "" {
			return h, n, nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return Head{}, 0, fmt.Errorf("%w: head line %.40q", p2p.ErrMalformed, line)
		}
		if len(h.Fields) == MaxFields {
			return Head{}, 0, fmt.Errorf("%w: over %d head fields", p2p.ErrMalformed, MaxFields)
		}
		h.Fields = append(h.Fields, Field{name, strings.TrimSpace(value)})
	}
}

// headEnd returns the length of src up to and including the first empty line
// after a line, or 0.
func headEnd(src []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(src[at:], '\n')
		if i < 0 {
			return 0
		}
		at += i + 1
		switch rest := src[at:]; {
		case bytes.HasPrefix(rest, []byte("\n")):
			return at + 1
		case bytes.HasPrefix(rest, []byte("\r\n")):
			return at + 2
		}
	}
}

func cutLine(s string) (line, rest string, ok bool) {
	line, rest, ok = strings.Cut(s, "\n")
	return strings.TrimSuffix(line, "\r"), rest, ok
}

// Get returns the value of the first field of that name, whatever its case, or
// "".
func (h *Head) Get(name string) string {
	for _, f := range h.Fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Append writes h with \r\n line ends and the empty line after it. A line end
// inside a line or value would begin another field, so it becomes a space.
func (h *Head) Append(dst []byte) []byte {
	dst = append(appendClean(dst, h.Line), "\r\n"...)
	for _, f := range h.Fields {
		dst = append(appendClean(dst, f.Name), ": "...)
		dst = append(appendClean(dst, f.Value), "\r\n"...)
	}
	return append(dst, "\r\n"...)
}

func appendClean(dst []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if c == '\r' || c == '\n' {
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}

// ParseRequest splits "GET /a b HTTP/1.1". Old clients leave spaces in the
// target as they are, so it is all between the first space and the last.
// Without " HTTP/..." at the end, version is "".
func ParseRequest(line string) (method, target, version string, err error) {
	method, target, ok := strings.Cut(line, " ")
	if i := strings.LastIndex(target, " HTTP/"); i >= 0 {
		target, version = target[:i], target[i+1:]
	}
	if !ok || method == "" || target == "" {
		err = fmt.Errorf("%w: request line %.40q", p2p.ErrMalformed, line)
	}
	return method, target, version, err
}

// ParseStatus splits "HTTP/1.1 200 OK" or "GNUTELLA/0.6 200 OK".
func ParseStatus(line string) (version string, code int, reason string, err error) {
	version, rest, _ := strings.Cut(line, " ")
	digits, reason, _ := strings.Cut(rest, " ")
	code, err = strconv.Atoi(digits)
	if err != nil || len(digits) != 3 || code < 100 {
		return "", 0, "", fmt.Errorf("%w: status line %.40q", p2p.ErrMalformed, line)
	}
	return version, code, reason, nil
}

// ParseLength reads a length in decimal: a Content-Length.
func ParseLength(value string) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%w: length %.40q", p2p.ErrMalformed, value)
	}
	return n, nil
}

// ParseRange reads "bytes=from-to" or "bytes=from-" of a Range field and
// returns the bytes from, up to and not including end, of a file of the given
// size. A range that is not satisfied by the size, or is a list, is an error.
func ParseRange(value string, size int64) (from, end int64, err error) {
	bad := func() (int64, int64, error) {
		return 0, 0, fmt.Errorf("%w: range %.40q of %d bytes", p2p.ErrMalformed, value, size)
	}
	spec, ok := strings.CutPrefix(value, "bytes=")
	first, last, dash := strings.Cut(spec, "-")
	if !ok || !dash {
		return bad()
	}
	if first == "" { // the last so many bytes
		n, err := ParseLength(last)
		if err != nil || n == 0 {
			return bad()
		}
		return max(0, size-n), size, nil
	}
	from, err = ParseLength(first)
	if err != nil || from >= size {
		return bad()
	}
	if last == "" {
		return from, size, nil
	}
	to, err := ParseLength(last)
	if err != nil || to < from {
		return bad()
	}
	return from, min(to, size-1) + 1, nil
}

// FormatContentRange writes the Content-Range of bytes from up to, not
// including, end of a file.
func FormatContentRange(from, end, size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", from, end-1, size)
}

// ParseContentRange reads what FormatContentRange wrote; some clients write
// "bytes=" for "bytes ".
func ParseContentRange(value string) (from, end, size int64, err error) {
	spec, ok := strings.CutPrefix(strings.Replace(value, "bytes=", "bytes ", 1), "bytes ")
	ends, total, slash := strings.Cut(spec, "/")
	first, last, dash := strings.Cut(ends, "-")
	var errs [3]error
	from, errs[0] = ParseLength(first)
	end, errs[1] = ParseLength(last)
	size, errs[2] = ParseLength(total)
	if !ok || !slash || !dash || errs != [3]error{} || from > end || end >= size {
		return 0, 0, 0, fmt.Errorf("%w: content range %.40q", p2p.ErrMalformed, value)
	}
	return from, end + 1, size, nil
}
