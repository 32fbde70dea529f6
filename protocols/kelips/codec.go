package kelips

import (
	"encoding/binary"
	"fmt"
	"reflect"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// The wire format, datagrams and streams alike, is our own. Integers are
// big-endian. An address is 6 bytes: IP, port. A list is its length in one byte
// and then its items; a string is its length in one byte and then its bytes. A
// message is one byte, its number in messages.go counted from 0, and then its
// fields in their order there. Those marked * are questions or answers and begin
// with a tag u32:
//
//	 0 find*       name string
//	 1 insert*     name string, home address
//	 2 has*        name string
//	 3 remove*     name string
//	 4 house*      name string
//	 5 join*       groups u16
//	 6 ping*
//	 7 gossip      groups u16, rumours, news
//	 8 refresh     name string, home address, left u8
//	 9 bye         nothing
//	10 found*      mine u8 (0, 1), homes: addresses, named: addresses
//	11 inserted*   mine u8 (0, 1), named: addresses
//	12 held*       found u8 (0, 1), item
//	13 removed*    found u8 (0, 1)
//	14 housed*     home address (0: none), named: addresses
//	15 welcome*    rumours, news
//	16 pong*
//
//	17 put         "klps", name string, item
//	18 piece       length u32, bytes
//	19 stored      verdict u8: 0 kept, 1 corrupt, 2 refused
//	20 get         "klps", name string
//	21 object      found u8 (0, 1), item
//
//	rumours        list of: address, age u32 (its high bit: gone; the rest: milliseconds)
//	news           list of: name string, home address, age u32 (milliseconds)
//	item           size u64, SHA-1 20 bytes
//
// A stream is opened by put or get, so that its first five bytes tell it.

// magic is what tells Kelips' streams from others on the same port.
const magic = "klps"

var order = binary.BigEndian

// A body is a message that shows its fields.
type body interface {
	p2p.Msg
	fields(f *fields)
}

// A codec turns messages of the kinds first to last into bytes and back. It
// keeps one message of each kind that it has read.
type codec struct {
	first, last p2p.Kind
	read        [lastKind - p2p.First + 1]body
	f           fields
	in          wire.Reader // what f reads from
}

func newDatagrams() p2p.Codec { return &codec{first: p2p.First, last: lastDatagram} }
func newStream() *codec       { return &codec{first: lastDatagram + 1, last: lastKind} }

// accept recognises Kelips' streams.
func accept(first []byte) (p2p.Codec, error) {
	open := string(first[min(1, len(first)):min(1+len(magic), len(first))])
	kind := kindPut
	if len(first) > 0 {
		kind = p2p.First + p2p.Kind(first[0])
	}
	switch {
	case kind != kindPut && kind != kindGet, open != magic[:len(open)]:
		return nil, fmt.Errorf("%w: not a stream of kelips", p2p.ErrMalformed)
	case len(open) < len(magic):
		return nil, nil
	}
	return newStream(), nil
}

// Append implements [p2p.Codec].
func (c *codec) Append(dst []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	b := m.(body)
	c.f = fields{dst: append(dst, byte(b.Kind()-p2p.First))}
	b.fields(&c.f)
	if p, ok := m.(*piece); ok {
		return c.f.dst, p.Data, nil
	}
	return c.f.dst, p2p.Content{}, nil
}

// Next implements [p2p.Codec].
func (c *codec) Next(src []byte, eof bool) (p2p.Msg, int, error) {
	if len(src) == 0 {
		return nil, 0, nil
	}
	kind := p2p.First + p2p.Kind(src[0])
	if kind < c.first || kind > c.last {
		return nil, 0, fmt.Errorf("%w: message number %d", p2p.ErrMalformed, src[0])
	}
	if c.first > p2p.First {
		n, err := frame(kind, src)
		if n == 0 && err == nil && eof {
			err = fmt.Errorf("%w: the stream ends within a message", p2p.ErrMalformed)
		}
		if n == 0 || err != nil {
			return nil, 0, err
		}
		src = src[:n]
	}
	m := c.blank(kind)
	c.in = *wire.NewReader(src[1:])
	c.f = fields{r: &c.in}
	m.fields(&c.f)
	if err := c.f.r.End(); err != nil {
		return nil, 0, err
	}
	return m, len(src), nil
}

// blank returns the codec's message of a kind.
func (c *codec) blank(kind p2p.Kind) body {
	i := kind - p2p.First
	if c.read[i] == nil {
		c.read[i] = reflect.New(reflect.TypeOf(kinds[i].Blank).Elem()).Interface().(body)
	}
	return c.read[i]
}

// frame returns the length of the first message of a stream, 0 if more bytes
// are needed to have all of it.
func frame(kind p2p.Kind, src []byte) (int, error) {
	n := 1
	switch kind {
	case kindPut, kindGet:
		if len(src) < 2+len(magic) {
			return 0, nil
		}
		n += len(magic) + 1 + int(src[1+len(magic)])
		if kind == kindPut {
			n += sizeItem
		}
	case kindPiece:
		if len(src) < 5 {
			return 0, nil
		}
		size := order.Uint32(src[1:])
		if size > p2p.MaxContent {
			return 0, fmt.Errorf("%w: piece of %d bytes", p2p.ErrMalformed, size)
		}
		n += 4 + int(size)
	case kindStored:
		n++
	case kindObject:
		n += 1 + sizeItem
	}
	if n > len(src) {
		return 0, nil
	}
	return n, nil
}
