package wire

import (
	"fmt"
	"reflect"
	"slices"

	"peerbed/protocols/p2p"
)

// A Format is a wire format of numbered messages, datagrams and streams alike: a
// message is one byte, its number, and then its fields.
type Format struct {
	// Kinds describes the messages in the order of their numbers: number 0 is
	// p2p.First. Every Blank is a Message.
	Kinds  []p2p.KindInfo
	Stream p2p.Kind   // the first that goes in streams; those before are datagrams
	Opens  []p2p.Kind // those that open a stream. Their first field is
	Magic  string     // this [Fields.Constant], of at most 7 bytes
}

// A Message is what a Format carries.
type Message interface {
	p2p.Msg
	Fields(*Fields)
}

// Datagrams is a [p2p.Protocol]'s field of that name.
func (f *Format) Datagrams() p2p.Codec { return f.codec(p2p.First, f.Stream) }

// Streams returns the codec of a new stream.
func (f *Format) Streams() p2p.Codec {
	return f.codec(f.Stream, p2p.First+p2p.Kind(len(f.Kinds)))
}

// Accept is a [p2p.Protocol]'s field of that name: it recognises a stream by the
// number of a message that opens one, and the magic behind it.
func (f *Format) Accept(first []byte) (p2p.Codec, error) {
	if len(first) == 0 {
		return nil, nil
	}
	magic := first[1:min(1+len(f.Magic), len(first))]
	switch {
	case !slices.Contains(f.Opens, p2p.First+p2p.Kind(first[0])), string(magic) != f.Magic[:len(magic)]:
		return nil, fmt.Errorf("%w: not a stream of %q", p2p.ErrMalformed, f.Magic)
	case len(magic) < len(f.Magic):
		return nil, nil
	}
	return f.Streams(), nil
}

// A codec turns messages of the kinds from first to before end into bytes and
// back. It keeps one message of each kind that it has read.
type codec struct {
	first, end p2p.Kind
	kinds      []p2p.KindInfo
	read       []Message // by kind - first
	fields     Fields    // here, since it would take memory anew for each message
}

func (f *Format) codec(first, end p2p.Kind) *codec {
	return &codec{
		first: first, end: end,
		kinds: f.Kinds[first-p2p.First : end-p2p.First],
		read:  make([]Message, end-first),
	}
}

// Append implements [p2p.Codec].
func (c *codec) Append(dst []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	c.fields = Writing(append(dst, byte(m.Kind()-p2p.First)))
	m.(Message).Fields(&c.fields)
	if c.fields.content != nil {
		return c.fields.out, *c.fields.content, nil
	}
	return c.fields.out, p2p.Content{}, nil
}

// Next implements [p2p.Codec].
func (c *codec) Next(src []byte, eof bool) (p2p.Msg, int, error) {
	if len(src) == 0 {
		return nil, 0, nil
	}
	kind := p2p.First + p2p.Kind(src[0])
	if kind < c.first || kind >= c.end {
		return nil, 0, fmt.Errorf("%w: message number %d", p2p.ErrMalformed, src[0])
	}
	m := c.blank(kind)
	c.fields = Reading(src[1:])
	m.Fields(&c.fields)
	in := &c.fields.in
	if in.Short() && !eof {
		return nil, 0, nil
	}
	err := in.Err()
	if c.first == p2p.First { // a datagram is one message
		err = in.End()
	}
	if err != nil {
		return nil, 0, err
	}
	return m, len(src) - in.Len(), nil
}

// blank returns the codec's message of a kind.
func (c *codec) blank(kind p2p.Kind) Message {
	i := kind - c.first
	if c.read[i] == nil {
		c.read[i] = reflect.New(reflect.TypeOf(c.kinds[i].Blank).Elem()).Interface().(Message)
	}
	return c.read[i]
}
