package napster

import (
	"bytes"
	"fmt"
	"strconv"

	"peerbed/protocols/p2p"
)

// Limits of what a stranger says before data.
const (
	maxRequest = 1024 // bytes of a request
	maxRefusal = 200
)

// The words that begin a transfer, and the answers that refuse one.
const (
	sayGet  = "GET"
	sayGive = "SEND"

	notShared = "FILE NOT SHARED"
	notFound  = "FILE NOT FOUND"
	invalid   = "INVALID REQUEST"
)

// Nothing of this language says where it ends: a number is as long as the
// digits that have come in one piece, a refusal is all that there is.

// greeted begins what a stream says that this side has dialled: the 1, without
// which nothing else may come.
type greeted struct {
	said bool
	one  One
	no   Refusal
}

// greeting takes the 1 from the front of src.
func (c *greeted) greeting(src []byte) (p2p.Msg, int, error) {
	switch {
	case len(src) == 0:
		return nil, 0, nil
	case src[0] != '1':
		return nil, 0, fmt.Errorf("%w: a client that answers with %.8q, want 1", p2p.ErrMalformed, src)
	}
	c.said = true
	return &c.one, 1, nil
}

// refusal takes all of src.
func (c *greeted) refusal(src []byte) (p2p.Msg, int, error) {
	n := min(len(src), maxRefusal)
	c.no.Text = string(src[:n])
	return &c.no, n, nil
}

// getting is the codec of who has dialled to get a file of that many bytes. It
// must know, for the length is followed by the file, which may begin with
// digits.
type getting struct {
	greeted
	bytes  int64
	begun  bool
	length Length
	data   Data
}

func (c *getting) Append(dst []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	if g, ok := m.(*Get); ok {
		return g.append(dst), p2p.Content{}, nil
	}
	return dst, p2p.Content{}, fmt.Errorf("napster: no bytes for a %T to an owner", m)
}

func (c *getting) Next(src []byte, _ bool) (p2p.Msg, int, error) {
	switch {
	case !c.said:
		return c.greeting(src)
	case len(src) == 0:
		return nil, 0, nil
	case c.begun:
		return piece(&c.data, src)
	case src[0] < '0' || src[0] > '9':
		return c.refusal(src)
	}
	var b [20]byte
	want := strconv.AppendInt(b[:0], c.bytes, 10)
	if len(src) < len(want) && bytes.HasPrefix(want, src) {
		return nil, 0, nil
	}
	n := len(want)
	if !bytes.HasPrefix(src, want) { // it has another length now
		n = digitsOf(src)
	}
	v, ok := parseDigits(src[:n])
	if !ok {
		return nil, 0, fmt.Errorf("%w: length %.30q", p2p.ErrMalformed, src)
	}
	c.begun, c.length.Bytes = true, int64(v)
	return &c.length, n, nil
}

// digitsOf counts the digits at the front, up to what parseDigits refuses.
func digitsOf(src []byte) (n int) {
	for n < len(src) && n < 19 && '0' <= src[n] && src[n] <= '9' {
		n++
	}
	return n
}

func piece(m *Data, src []byte) (p2p.Msg, int, error) {
	n := min(len(src), p2p.MaxContent)
	m.Data = p2p.View(src[:n])
	return m, n, nil
}

// giving is the codec of who has dialled to give a file.
type giving struct {
	greeted
	begun bool
	start Start
}

func (c *giving) Append(dst []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	switch m := m.(type) {
	case *Give:
		return m.append(dst), p2p.Content{}, nil
	case *Data:
		return dst, m.Data, nil
	}
	return dst, p2p.Content{}, fmt.Errorf("napster: no bytes for a %T to an asker", m)
}

func (c *giving) Next(src []byte, _ bool) (p2p.Msg, int, error) {
	switch {
	case !c.said:
		return c.greeting(src)
	case len(src) == 0:
		return nil, 0, nil
	case src[0] < '0' || src[0] > '9':
		return c.refusal(src)
	case c.begun:
		return nil, 0, fmt.Errorf("%w: a second start", p2p.ErrMalformed)
	}
	n := digitsOf(src)
	v, ok := parseDigits(src[:n])
	if !ok {
		return nil, 0, fmt.Errorf("%w: start %.30q", p2p.ErrMalformed, src)
	}
	c.begun, c.start.Offset = true, int64(v)
	return &c.start, n, nil
}

// called is the codec of a stream that others have dialled: to a server, which
// hears frames, or to a client, which says 1 and hears a request. The first two
// bytes tell: as the length of a frame, those of a word would be too much.
type called struct {
	frames *frames // set once frames have begun
	asked  bool    // a request has come
	data   bool    // what comes now is a file

	get   Get
	give  Give
	piece Data
}

// accept takes every stream: the server waits for the dialler to speak, but the
// client must speak first.
func accept([]byte) (p2p.Codec, error) { return &called{}, nil }

func (c *called) Append(dst []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	switch m := m.(type) {
	case *One:
		return append(dst, '1'), p2p.Content{}, nil
	case *Length:
		return strconv.AppendInt(dst, m.Bytes, 10), p2p.Content{}, nil
	case *Start:
		c.data = true
		return strconv.AppendInt(dst, m.Offset, 10), p2p.Content{}, nil
	case *Refusal:
		return append(dst, m.Text...), p2p.Content{}, nil
	case *Data:
		return dst, m.Data, nil
	}
	if w, ok := m.(frameOf); ok {
		return w.append(dst), p2p.Content{}, nil
	}
	return dst, p2p.Content{}, fmt.Errorf("napster: no bytes for a %T", m)
}

func (c *called) Next(src []byte, eof bool) (p2p.Msg, int, error) {
	switch {
	case c.frames != nil:
		return c.frames.Next(src, eof)
	case c.data && len(src) > 0:
		return piece(&c.piece, src)
	case len(src) < 2 || c.data:
		return nil, 0, nil
	case c.asked:
		return nil, 0, fmt.Errorf("%w: %d bytes after a request", p2p.ErrMalformed, len(src))
	case le.Uint16(src) <= maxFrame:
		c.frames = &frames{}
		return c.frames.Next(src, eof)
	}
	return c.request(src)
}

// request reads the first words of a transfer: GET or SEND, a nick, a name in
// quotes, a number.
func (c *called) request(src []byte) (p2p.Msg, int, error) {
	for _, say := range []string{sayGet, sayGive} {
		n := min(len(src), len(say))
		if string(src[:n]) != say[:n] {
			continue
		}
		nick, name, number, end, err := parseRequest(src[n:])
		if end == 0 || err != nil {
			return nil, 0, err
		}
		if c.asked = true; say == sayGet {
			c.get = Get{nick, name, number}
			return &c.get, n + end, nil
		}
		c.give = Give{nick, name, number}
		return &c.give, n + end, nil
	}
	return nil, 0, fmt.Errorf("%w: a stream that begins with %.8q; a login, GET and SEND are known", p2p.ErrMalformed, src)
}

// parseRequest reads what follows GET or SEND; end 0: not all of it is there.
func parseRequest(src []byte) (nick, name string, number int64, end int, err error) {
	if len(src) > maxRequest {
		src = src[:maxRequest]
	}
	first := bytes.IndexByte(src, '"')
	last := first + 1 + bytes.IndexByte(src[first+1:], '"')
	switch {
	case first < 0 || last == first:
		return "", "", 0, 0, tooLong(src)
	case len(src) < last+3 && !bytes.HasSuffix(src, []byte{'"'}) && !bytes.HasSuffix(src, []byte{'"', ' '}):
		return "", "", 0, 0, fmt.Errorf("%w: request %.60q", p2p.ErrMalformed, src)
	case len(src) < last+3:
		return "", "", 0, 0, tooLong(src)
	}
	n := digitsOf(src[last+2:])
	v, ok := parseDigits(src[last+2 : last+2+n])
	word := bytes.TrimSpace(src[:first])
	if !ok || src[last+1] != ' ' || len(word) == 0 || bytes.IndexByte(word, ' ') >= 0 {
		return "", "", 0, 0, fmt.Errorf("%w: request %.60q; want a nick, a name in quotes, a number", p2p.ErrMalformed, src)
	}
	return string(word), string(src[first+1 : last]), int64(v), last + 2 + n, nil
}

func tooLong(src []byte) error {
	if len(src) < maxRequest {
		return nil
	}
	return fmt.Errorf("%w: a request of more than %d bytes", p2p.ErrMalformed, maxRequest)
}

func (m *Get) append(dst []byte) []byte {
	return appendRequest(append(dst, sayGet...), m.Nick, m.Name, m.Offset)
}

func (m *Give) append(dst []byte) []byte {
	return appendRequest(append(dst, sayGive...), m.Nick, m.Name, m.Bytes)
}

func appendRequest(dst []byte, nick, name string, n int64) []byte {
	return appendNumber(appendQuoted(append(appendWord(dst, nick), ' '), name), uint64(n))
}
