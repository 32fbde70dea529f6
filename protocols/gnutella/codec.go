package gnutella

import (
	"fmt"
	"strings"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// greets begins every block of a handshake.
const greets = "GNUTELLA"

// accept tells the languages of the one port apart by their first bytes.
func accept(first []byte) (p2p.Codec, error) {
	for _, l := range []struct {
		start string
		codec func() p2p.Codec
	}{
		{greets, func() p2p.Codec { return &overlay{texts: 2} }},
		{"GET /", newTransfer},
		{"HEAD /", newTransfer},
		{"GIV ", newTransfer},
		{"RELAY ", newTransfer},
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
	return nil, fmt.Errorf("%w: a stream that begins with %q; GNUTELLA, GET, HEAD, GIV and RELAY are known", p2p.ErrMalformed, first)
}

// overlay is the codec of a link: texts while it is negotiated, descriptors
// from then on.
type overlay struct {
	texts int       // to come from the other side before its first descriptor
	out   *deflater // nil: descriptors go as they are
	in    *inflater // nil: they come as they are

	// The last message read.
	connect Connect
	answer  Answer
	ping    Ping
	pong    Pong
	bye     Bye
	reset   RouteReset
	patch   RoutePatch
	push    Push
	query   Query
	hit     Hit
}

// newOverlay is the codec of a link that this side dials: one text will come.
func newOverlay() p2p.Codec { return &overlay{texts: 1} }

// Packed implements [p2p.Packer].
func (c *overlay) Packed() (out, in bool) { return c.out != nil, c.in != nil }

func (c *overlay) Append(dst []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	w, ok := m.(interface{ append([]byte) []byte })
	switch {
	case !ok:
		return dst, p2p.Content{}, fmt.Errorf("gnutella: no bytes for a %T on a link", m)
	case c.out != nil:
		return c.out.append(dst, w.append(nil)), p2p.Content{}, nil
	}
	if a, ok := m.(*Answer); ok && a.packs() {
		c.out = newDeflater()
	}
	return w.append(dst), p2p.Content{}, nil
}

// packs reports whether the sender's descriptors will be deflated.
func (m *Answer) packs() bool { return m.Deflates && m.Minor >= 6 && m.Code == 200 }

func (c *overlay) Next(src []byte, eof bool) (p2p.Msg, int, error) {
	switch {
	case c.texts > 0:
		return c.text(src)
	case c.in != nil:
		return c.unpacked(src, eof)
	}
	return c.frame(src)
}

// unpacked reads one descriptor of what has been inflated. When there is none,
// it inflates what is there, and when there is nothing it takes src.
func (c *overlay) unpacked(src []byte, eof bool) (p2p.Msg, int, error) {
	for {
		m, n, err := c.frame(c.in.plain)
		c.in.plain = c.in.plain[n:]
		if m != nil || err != nil {
			return m, 0, err
		}
		if n > 0 {
			continue
		}
		if more, err := c.in.more(eof && len(src) == 0); err != nil {
			return nil, 0, err
		} else if !more {
			c.in.packed = append(c.in.packed, src...)
			return nil, len(src), nil
		}
	}
}

// frame reads one descriptor.
func (c *overlay) frame(src []byte) (p2p.Msg, int, error) {
	if len(src) < headSize {
		return nil, 0, nil
	}
	size := int64(le.Uint32(src[19:]))
	if size > maxPayload {
		return nil, 0, fmt.Errorf("%w: descriptor of %d bytes, over %d", p2p.ErrMalformed, size, maxPayload)
	}
	n := headSize + int(size)
	if len(src) < n {
		return nil, 0, nil
	}
	m, err := c.descriptor(src[:headSize], wire.NewReader(src[headSize:n]))
	return m, n, err
}

// text reads a block of the handshake.
func (c *overlay) text(src []byte) (p2p.Msg, int, error) {
	if n := min(len(src), len(greets)); string(src[:n]) != greets[:n] {
		return nil, 0, fmt.Errorf("%w: handshake %.8q", p2p.ErrMalformed, src)
	}
	h, n, err := wire.ParseHead(src)
	if n == 0 || err != nil {
		return nil, 0, err
	}
	c.texts--
	if version, ok := strings.CutPrefix(h.Line, "GNUTELLA CONNECT/0."); ok {
		c.connect = Connect{Minor: minor(version), Fields: parseFields(&h)}
		if c.connect.Minor == 4 {
			c.texts = 0 // what follows GNUTELLA OK is binary
		}
		return &c.connect, n, nil
	}
	c.answer, err = parseAnswer(&h)
	if err == nil && c.answer.packs() {
		c.in = &inflater{}
	}
	return &c.answer, n, err
}

// descriptor reads one descriptor; nil: of a type that is not known.
func (c *overlay) descriptor(b []byte, r *wire.Reader) (p2p.Msg, error) {
	h := Head{GUID(b[:16]), b[17], b[18]}
	var m p2p.Msg
	switch b[16] {
	case typePing:
		c.ping.Head, m = h, &c.ping
	case typePong:
		c.pong.Head, m = h, &c.pong
		c.pong.parse(r)
	case typeBye:
		c.bye.Head, m = h, &c.bye
		c.bye.parse(r)
	case typeRoute:
		switch r.Uint8() {
		case routeReset:
			c.reset.Head, m = h, &c.reset
			c.reset.parse(r)
		case routePatch:
			c.patch.Head, m = h, &c.patch
			c.patch.parse(r)
		default:
			r.Fail("a route table message that is neither reset nor patch")
		}
	case typePush:
		c.push.Head, m = h, &c.push
		c.push.parse(r)
	case typeQuery:
		c.query.Head, m = h, &c.query
		c.query.parse(r)
	case typeHit:
		c.hit.Head, m = h, &c.hit
		c.hit.parse(r)
	}
	return m, r.Err()
}
