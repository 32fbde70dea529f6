package napster

import (
	"bytes"
	"fmt"

	"peerbed/protocols/p2p"
)

// The longest data of a frame: real programs stop at 2048 bytes, with which a
// Folder is as long as it may be. Servers among themselves say more at once.
const (
	maxFrame  = 4096
	maxAnswer = 1<<16 - 1
)

// How many bytes of hits go into one Results or Answer: what is written is less
// than what is read in one piece, so that a piece is one message.
const (
	writePiece = 24 << 10
	readPiece  = 48 << 10
)

// frames is the codec between a client and a server, and between servers.
type frames struct {
	// The last message read.
	login    Login
	text     Text
	share    Share
	folder   Folder
	unshare  Unshare
	search   Search
	results  Results
	request  Request
	offer    Offer
	accepted Accepted
	granted  Granted
	denied   Denied
	queued   Queued
	shown    Shown
	hello    Hello
	member   Member
	ask      Ask
	answer   Answer
	relay    Relay
}

// frameOf is a message that is one frame, or a row of them.
type frameOf interface {
	append(dst []byte) []byte
}

func (c *frames) Append(dst []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	w, ok := m.(frameOf)
	if !ok {
		return dst, p2p.Content{}, fmt.Errorf("napster: no frame for a %T", m)
	}
	return w.append(dst), p2p.Content{}, nil
}

// frame lets data append itself behind a head of that type.
func frame(dst []byte, code uint16, data func([]byte) []byte) []byte {
	at := len(dst)
	dst = data(le.AppendUint16(append(dst, 0, 0), code))
	le.PutUint16(dst[at:], uint16(min(len(dst)-at-headSize, maxAnswer)))
	return dst
}

// size is that of a message whose length nobody works out otherwise.
func size(m interface{ append([]byte) []byte }) int {
	var b [256]byte
	return len(m.append(b[:0]))
}

// head returns the type and data of the first frame of src; nil data: it is not
// all there.
func head(src []byte) (code uint16, data []byte, err error) {
	if len(src) < headSize {
		return 0, nil, nil
	}
	n, code := int(le.Uint16(src)), le.Uint16(src[2:])
	if n > maxFrame && code < codeHello {
		return 0, nil, fmt.Errorf("%w: frame of %d bytes, at most %d", p2p.ErrMalformed, n, maxFrame)
	}
	if len(src) < headSize+n {
		return 0, nil, nil
	}
	return code, src[headSize : headSize+n : headSize+n], nil
}

func (c *frames) Next(src []byte, eof bool) (p2p.Msg, int, error) {
	code, data, err := head(src)
	switch {
	case data == nil || err != nil:
		return nil, 0, err
	case code == codeResult || code == codeResumed:
		return c.row(src, code, eof)
	}
	m, err := c.parse(code, data)
	return m, headSize + len(data), err
}

// row reads a row of hits: up to the frame that ends it, if that is there, or
// to one of another type; else as much as there can be in one piece.
func (c *frames) row(src []byte, code uint16, eof bool) (p2p.Msg, int, error) {
	at, hits, end := 0, 0, false
	for !end && at < readPiece {
		next, data, err := head(src[at:])
		if err != nil {
			return nil, 0, err
		}
		if data == nil && !eof && len(src) < readPiece {
			return nil, 0, nil // more of it will come
		}
		if data == nil || next != code && next != code+1 {
			break
		}
		at += headSize + len(data)
		if end = next == code+1; !end {
			hits++
		}
	}
	r := &c.results
	r.Hits, r.End, r.Resume = make([]Hit, 0, min(hits, at/20)), end, code == codeResumed
	for rest := src; len(r.Hits) < hits; {
		_, data, _ := head(rest)
		f := fields{b: data}
		var h Hit
		h.parse(&f)
		if err := f.err(code); err != nil {
			return nil, 0, err
		}
		r.Hits = append(r.Hits, h)
		rest = rest[headSize+len(data):]
	}
	return r, at, nil
}

func (m *Results) code() uint16 {
	if m.Resume {
		return codeResumed
	}
	return codeResult
}

func (m *Results) append(dst []byte) []byte {
	for i := range m.Hits {
		dst = frame(dst, m.code(), m.Hits[i].append)
	}
	if m.End {
		dst = append(dst, 0, 0)
		dst = le.AppendUint16(dst, m.code()+1)
	}
	return dst
}

func (m *Results) size() (n int) {
	for i := range m.Hits {
		n += headSize + m.Hits[i].size()
	}
	if m.End {
		n += headSize
	}
	return n
}

// parse reads a frame of any other type.
func (c *frames) parse(code uint16, data []byte) (p2p.Msg, error) {
	f := &fields{b: data}
	var m p2p.Msg
	switch code {
	case codeLogin, codeNewLogin:
		m = &c.login
		c.login.parse(f, code)
	case codeShare:
		m = &c.share
		c.share.File.parse(f)
	case codeFolder:
		m = &c.folder
		c.folder.parse(f)
	case codeUnshare:
		m, c.unshare = &c.unshare, Unshare{f.text("file name")}
	case codeSearch:
		m = &c.search
		c.search.parse(f)
	case codeEnd, codeResumeEnd:
		m, c.results = &c.results, Results{End: true, Resume: code == codeResumeEnd}
	case codeShown:
		m, c.shown.Nick = &c.shown, f.text("nick")
		c.shown.File.parse(f)
	case codeHello, codeMember, codeAsk, codeAnswer, codeRelay:
		m = c.between(code, f)
	default:
		m = c.transfer(code, f)
	}
	if m == nil {
		m, c.text = &c.text, Text{code, string(data)}
	}
	return m, f.err(code)
}

// transfer reads the frames that arrange one; nil: it is none.
func (c *frames) transfer(code uint16, f *fields) p2p.Msg {
	switch code {
	case codeRequest, codePush:
		c.request = Request{f.text("nick"), f.text("file name"), code == codePush}
		return &c.request
	case codeOffer:
		c.offer = Offer{Nick: f.text("nick"), Name: f.text("file name")}
		if f.more() {
			c.offer.Line = f.line()
		}
		return &c.offer
	case codeAccepted:
		c.accepted = Accepted{f.text("nick"), f.text("file name")}
		return &c.accepted
	case codeGranted, codePushed:
		c.granted = Granted{Nick: f.text("nick"), IP: swap(f.uint32("address")), Port: f.port("port"),
			Name: f.text("file name"), MD5: f.text("md5"), Line: f.line(), Push: code == codePushed}
		return &c.granted
	case codeGetError, codeNoAccept:
		c.denied = Denied{code, f.text("nick"), f.text("file name")}
		return &c.denied
	case codeFull, codeQueued:
		c.queued = Queued{code, f.text("nick"), f.text("file name"), f.uint32("limit")}
		return &c.queued
	}
	return nil
}

func (m *Login) append(dst []byte) []byte {
	code := uint16(codeLogin)
	if m.New {
		code = codeNewLogin
	}
	return frame(dst, code, func(b []byte) []byte {
		b = appendWord(append(appendWord(b, m.Nick), ' '), m.Pass)
		b = appendNumber(b, uint64(m.Port))
		b = appendNumber(appendQuoted(append(b, ' '), m.Client), uint64(m.Line))
		if m.New {
			return appendWord(append(b, ' '), m.Email)
		}
		if m.Build != 0 {
			b = appendNumber(b, uint64(m.Build))
		}
		return b
	})
}

// parse reads a login; what follows that it does not know it ignores.
func (m *Login) parse(f *fields, code uint16) {
	*m = Login{Nick: f.text("nick"), Pass: f.text("password"), Port: f.port("port"), Client: f.text("client"), Line: f.line()}
	if m.New = code == codeNewLogin; m.New {
		m.Email = f.text("e-mail address")
	} else if f.more() {
		build, _ := parseDigits(f.next("build"))
		m.Build = uint32(min(build, 1<<32-1))
	}
}

func (m *Text) append(dst []byte) []byte {
	return frame(dst, m.Code, func(b []byte) []byte { return append(b, m.Text...) })
}

func (m *Share) append(dst []byte) []byte { return frame(dst, codeShare, m.File.append) }

func (m *Folder) append(dst []byte) []byte {
	return frame(dst, codeFolder, func(b []byte) []byte {
		b = appendQuoted(b, m.Dir)
		for i := range m.Files {
			b = m.Files[i].append(append(b, ' '))
		}
		return b
	})
}

// parse counts before it takes memory: a file takes 12 bytes at least.
func (m *Folder) parse(f *fields) {
	most := min(bytes.Count(f.b, []byte{'"'})/2, len(f.b)/12)
	*m = Folder{Dir: f.text("folder"), Files: make([]File, 0, most)}
	for f.more() {
		var file File
		if file.parse(f); f.bad == "" {
			m.Files = append(m.Files, file)
		}
	}
}

func (m *Unshare) append(dst []byte) []byte {
	return frame(dst, codeUnshare, func(b []byte) []byte { return appendQuoted(b, m.Name) })
}

func (m *Shown) append(dst []byte) []byte {
	return frame(dst, codeShown, func(b []byte) []byte { return m.File.append(append(appendWord(b, m.Nick), ' ')) })
}

// named is a nick and a file name, as most frames of a transfer begin.
func named(dst []byte, code uint16, nick, name string, rest func([]byte) []byte) []byte {
	return frame(dst, code, func(b []byte) []byte {
		return rest(appendQuoted(append(appendWord(b, nick), ' '), name))
	})
}

func nothing(b []byte) []byte { return b }

func (m *Request) append(dst []byte) []byte {
	code := uint16(codeRequest)
	if m.Push {
		code = codePush
	}
	return named(dst, code, m.Nick, m.Name, nothing)
}

func (m *Offer) append(dst []byte) []byte {
	return named(dst, codeOffer, m.Nick, m.Name, func(b []byte) []byte { return appendNumber(b, uint64(m.Line)) })
}

func (m *Accepted) append(dst []byte) []byte {
	return named(dst, codeAccepted, m.Nick, m.Name, nothing)
}

func (m *Denied) append(dst []byte) []byte { return named(dst, m.Code, m.Nick, m.Name, nothing) }

func (m *Queued) append(dst []byte) []byte {
	return named(dst, m.Code, m.Nick, m.Name, func(b []byte) []byte { return appendNumber(b, uint64(m.Limit)) })
}

func (m *Granted) append(dst []byte) []byte {
	code := uint16(codeGranted)
	if m.Push {
		code = codePushed
	}
	return frame(dst, code, func(b []byte) []byte {
		b = appendNumber(appendIP(appendWord(b, m.Nick), m.IP), uint64(m.Port))
		b = appendWord(append(appendQuoted(append(b, ' '), m.Name), ' '), m.MD5)
		return appendNumber(b, uint64(m.Line))
	})
}
