package fasttrack

import (
	"bytes"
	"fmt"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// greets begins every session.
const greets = "\xfa\x00\xb6\x2b"

// accept tells the languages of the one port apart by their first bytes.
func accept(first []byte) (p2p.Codec, error) {
	for _, l := range []struct {
		start string
		codec func() p2p.Codec
	}{
		{greets, func() p2p.Codec { return &session{acceptor: true} }},
		{"GET /", newTransfer},
		{"HEAD /", newTransfer},
		{greetsGive, newTransfer},
	} {
		n := min(len(first), len(l.start))
		switch {
		case string(first[:n]) != l.start[:n]:
		case n < len(l.start):
			return nil, nil
		default:
			return l.codec(), nil
		}
	}
	return nil, fmt.Errorf("%w: a stream that begins with %q; fa00b62b, GET, HEAD and GIVE are known", p2p.ErrMalformed, first)
}

// session is the codec of a stream to a supernode: a handshake, a network's name
// each way, frames.
type session struct {
	acceptor bool
	greeted  bool       // Hello has been said
	keyed    bool       // and Welcome
	named    bool       // the other side's network has been read
	seed     uint32     // the dialler's
	out, in  *keystream // nil: not enciphered
	sends    framing
	reads    framing
	plain    []byte    // what was deciphered last
	peek     keystream // in, some bytes ahead

	// The last message read.
	hello      Hello
	welcome    Welcome
	network    Network
	supernodes Supernodes
	login      Login
	share      Share
	unshare    Unshare
	search     Search
	results    Results
	end        End
	push       Push
	pushWanted PushWanted
	external   External
	other      Other
	link       Link
	standing   Standing
	query      Query
	hits       Hits
}

func newSession() p2p.Codec { return &session{} }

const (
	frameHead  = 5 // a mark, and type and length in changing order
	frameMark  = 0x4B
	pingMark   = 0x50
	pongMark   = 0x52
	maxNetwork = 64 // bytes of a network's name
)

// framing is the state of the frames in one direction: it decides in which order
// the bytes of the next frame's type and length come.
type framing struct{ mixed uint32 }

func (f *framing) order() uint32 { return (f.mixed ^ 0x51) % 3 }

// put writes the four bytes, get reads them.
func (f *framing) put(kind, n uint16) [4]byte {
	tl, th, ll, lh := byte(kind), byte(kind>>8), byte(n), byte(n>>8)
	return [...][4]byte{{tl, th, lh, ll}, {th, lh, tl, ll}, {th, ll, lh, tl}}[f.order()]
}

func (f *framing) get(b [4]byte) (kind, n uint16) {
	at := [...][4]int{{0, 1, 3, 2}, {2, 0, 3, 1}, {3, 0, 1, 2}}[f.order()] // of tl, th, ll, lh
	return uint16(b[at[0]]) | uint16(b[at[1]])<<8, uint16(b[at[2]]) | uint16(b[at[3]])<<8
}

// passed notes a whole frame.
func (f *framing) passed(kind, n uint16) { f.mixed ^= ^(uint32(kind) + uint32(n)) }

// key sets both keystreams once the cipher has been chosen.
func (c *session) key(w *Welcome) error {
	kind, err := knownCipher(w.Seed, w.Masked)
	if err != nil {
		return err
	}
	down, up := newKeystream(kind, w.Seed), newKeystream(kind, w.Seed^c.seed)
	if c.out, c.in = up, down; c.acceptor {
		c.out, c.in = down, up
	}
	c.keyed = true
	return nil
}

func (c *session) Append(dst []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	at := len(dst)
	switch m := m.(type) {
	case *Hello:
		c.seed = m.Seed
		dst = append(dst, greets...)
		return be.AppendUint32(be.AppendUint32(dst, m.Seed), m.Masked), p2p.Content{}, nil
	case *Welcome:
		return be.AppendUint32(be.AppendUint32(dst, m.Seed), m.Masked), p2p.Content{}, c.key(m)
	case *Network:
		dst = append(append(dst, m.Name...), 0)
	case *Ping:
		dst = append(dst, pingMark)
	case *Pong:
		dst = append(dst, pongMark)
	default:
		kind, ok := c.typeOf(m)
		if !ok {
			return dst, p2p.Content{}, fmt.Errorf("fasttrack: no bytes for a %T in a session", m)
		}
		dst = append(dst, frameMark, 0, 0, 0, 0)
		if w, ok := m.(interface{ append([]byte) []byte }); ok {
			dst = w.append(dst)
		}
		n := len(dst) - at - frameHead
		if n > maxPayload {
			return dst[:at], p2p.Content{}, fmt.Errorf("fasttrack: a %T of %d bytes", m, n)
		}
		head := c.sends.put(kind, uint16(n))
		copy(dst[at+1:], head[:])
		c.sends.passed(kind, uint16(n))
	}
	c.out.xor(dst[at:])
	return dst, p2p.Content{}, nil
}

// typeOf is the type of a message's frame.
func (c *session) typeOf(m p2p.Msg) (kind uint16, ok bool) {
	switch m := m.(type) {
	case *Supernodes:
		return typeSupernodes, true
	case *Login:
		return typeLogin, true
	case *Wanted:
		return typeWanted, true
	case *Share:
		return typeShare, true
	case *Unshare:
		return typeUnshare, true
	case *Search:
		return typeSearch, true
	case *Results:
		return typeResults, true
	case *End:
		return typeEnd, true
	case *Push, *PushWanted:
		return typePush, true
	case *External:
		return typeExternal, true
	case *Link:
		return typeLink, true
	case *Standing:
		return typeStanding, true
	case *Promote:
		return typePromote, true
	case *Query:
		return typeQuery, true
	case *Hits:
		return typeHits, true
	case *Other:
		return m.Type, true
	}
	return 0, false
}

func (c *session) Next(src []byte, _ bool) (p2p.Msg, int, error) {
	switch {
	case len(src) == 0:
		return nil, 0, nil
	case !c.keyed && c.acceptor:
		return c.readHello(src)
	case !c.keyed:
		return c.readWelcome(src)
	case !c.named:
		return c.readNetwork(src)
	}
	return c.readFrame(src)
}

func (c *session) readHello(src []byte) (p2p.Msg, int, error) {
	n := min(len(src), len(greets))
	if c.greeted || string(src[:n]) != greets[:n] {
		return nil, 0, fmt.Errorf("%w: a session that begins with %.4x", p2p.ErrMalformed, src)
	}
	if len(src) < 12 {
		return nil, 0, nil
	}
	c.hello = Hello{be.Uint32(src[4:]), be.Uint32(src[8:])}
	c.greeted, c.seed = true, c.hello.Seed
	return &c.hello, 12, nil
}

func (c *session) readWelcome(src []byte) (p2p.Msg, int, error) {
	if len(src) < 8 {
		return nil, 0, nil
	}
	c.welcome = Welcome{be.Uint32(src), be.Uint32(src[4:])}
	return &c.welcome, 8, c.key(&c.welcome)
}

// ahead deciphers into c.plain without moving on.
func (c *session) ahead(src []byte) {
	c.plain = append(c.plain[:0], src...)
	if c.in != nil {
		c.peek = *c.in
		c.peek.xor(c.plain)
	}
}

func (c *session) readNetwork(src []byte) (p2p.Msg, int, error) {
	src = src[:min(len(src), maxNetwork)]
	c.ahead(src)
	n := bytes.IndexByte(c.plain, 0)
	switch {
	case n < 0 && len(src) == maxNetwork:
		return nil, 0, fmt.Errorf("%w: a network's name of more than %d bytes", p2p.ErrMalformed, maxNetwork)
	case n < 0:
		return nil, 0, nil
	}
	c.network.Name = string(c.plain[:n])
	c.named = true
	c.skip(n + 1)
	return &c.network, n + 1, nil
}

// skip moves the keystream on.
func (c *session) skip(n int) {
	for range n {
		if c.in != nil {
			c.in.next()
		}
	}
}

func (c *session) readFrame(src []byte) (p2p.Msg, int, error) {
	c.ahead(src[:min(len(src), frameHead)])
	switch mark := c.plain[0]; {
	case mark == pingMark:
		c.skip(1)
		return new(Ping), 1, nil
	case mark == pongMark:
		c.skip(1)
		return new(Pong), 1, nil
	case mark != frameMark:
		return nil, 0, fmt.Errorf("%w: a frame that begins with %02x", p2p.ErrMalformed, mark)
	case len(src) < frameHead:
		return nil, 0, nil
	}
	kind, size := c.reads.get([4]byte(c.plain[1:]))
	n := frameHead + int(size)
	if len(src) < n {
		return nil, 0, nil
	}
	c.skip(frameHead)
	c.reads.passed(kind, size)
	c.plain = append(c.plain[:0], src[frameHead:n]...)
	c.in.xor(c.plain)
	m, err := c.message(kind, wire.NewReader(c.plain))
	return m, n, err
}

// message reads the payload of a frame.
func (c *session) message(kind uint16, r *wire.Reader) (p2p.Msg, error) {
	m := c.blank(kind)
	switch m := m.(type) {
	case *Other:
		*m = Other{kind, string(r.Take(r.Len()))}
	case interface{ parse(*wire.Reader) }:
		m.parse(r)
	}
	return m, r.End()
}

// blank is the message of a type of frame. Which Push it is depends on who says it.
func (c *session) blank(kind uint16) p2p.Msg {
	switch kind {
	case typeSupernodes:
		return &c.supernodes
	case typeLogin:
		return &c.login
	case typeWanted:
		return new(Wanted)
	case typeShare:
		return &c.share
	case typeUnshare:
		return &c.unshare
	case typeSearch:
		return &c.search
	case typeResults:
		return &c.results
	case typeEnd:
		return &c.end
	case typePush:
		if c.acceptor {
			return &c.pushWanted
		}
		return &c.push
	case typeExternal:
		return &c.external
	case typeLink:
		return &c.link
	case typeStanding:
		return &c.standing
	case typePromote:
		return new(Promote)
	case typeQuery:
		return &c.query
	case typeHits:
		return &c.hits
	}
	return &c.other
}
