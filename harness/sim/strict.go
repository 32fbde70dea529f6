package sim

import (
	"fmt"
	"reflect"

	"peerbed/protocols/p2p"
)

// A proof is what strict mode knows of a message from the time it was sent.
type proof struct {
	n     uint64 // the message's number
	bytes []byte // its encoding, zeros in place of the Content
	bare  int    // the length without the Content
	was   any    // a deep copy
}

// prove encodes m as the real world would, and holds the length against Size.
func prove(h *host, c p2p.Codec, m p2p.Msg) *proof {
	if c == nil {
		panic(fmt.Sprintf("sim: %v sends %T as a datagram, but %s has no codec for datagrams", h.addr, m, h.lang.p.Name))
	}
	b, content, err := c.Append(nil, m)
	if err != nil {
		panic(fmt.Sprintf("sim: %v sends %T%+v, which cannot be encoded: %v", h.addr, m, m, err))
	}
	if n := len(b) + content.Len; n != m.Size() && !packed(c) {
		panic(fmt.Sprintf("sim: %T%+v says its Size is %d, but its encoding has %d bytes", m, m, m.Size(), n))
	}
	h.w.proved++
	return &proof{n: h.w.proved, bytes: append(b, make([]byte, content.Len)...), bare: len(b)}
}

// packed reports whether c compresses what it writes.
func packed(c p2p.Codec) bool {
	p, ok := c.(p2p.Packer)
	if !ok {
		return false
	}
	out, _ := p.Packed()
	return out
}

// remember keeps what m is when it is sent. A nil proof remembers nothing.
func (p *proof) remember(m p2p.Msg) {
	if p != nil {
		p.was = deepCopy(reflect.ValueOf(m).Elem()).Interface()
	}
}

// unchanged panics if m is not what it was when it was sent.
func (p *proof) unchanged(m p2p.Msg) {
	if d := difference(reflect.ValueOf(p.was), reflect.ValueOf(m).Elem()); d != "" {
		panic(fmt.Sprintf("sim: a %T was changed after it had been sent (clone its slices): %s", m, d))
	}
}

// arrived panics if what the receiver's codec made of the bytes is not what
// was sent.
func (p *proof) arrived(m, got p2p.Msg) {
	if reflect.TypeOf(m) != reflect.TypeOf(got) {
		panic(fmt.Sprintf("sim: a %T was sent, but its bytes are read as %T%+v", m, got, got))
	}
	if d := difference(reflect.ValueOf(m).Elem(), reflect.ValueOf(got).Elem()); d != "" {
		panic(fmt.Sprintf("sim: a %T does not survive its encoding: sent, then read: %s", m, d))
	}
}

// datagram checks a datagram that has arrived at h.
func (p *proof) datagram(h *host, m p2p.Msg) {
	p.unchanged(m)
	got, n, err := h.own().codec.Next(p.bytes, true)
	if err != nil || got == nil || n != len(p.bytes) {
		panic(fmt.Sprintf("sim: %T%+v does not decode: %d of %d bytes taken, message %v, error %v", m, m, n, len(p.bytes), got, err))
	}
	p.arrived(m, got)
}

// stream checks a message that has arrived at e. A codec may cut a stream into
// other messages than were sent, so they are compared only where one message
// comes out of exactly its bytes.
func (p *proof) stream(e *end, m p2p.Msg) {
	p.unchanged(m)
	whole := len(e.inbox) == 0
	e.inbox = append(e.inbox, p.bytes...)
	for {
		got, n, err := e.codec.Next(e.inbox, false)
		if err != nil {
			panic(fmt.Sprintf("sim: %v cannot read the %T%+v that %v sent: %v", e.host.addr, m, m, e.peer.Addr, err))
		}
		if got == nil && n == 0 {
			break
		}
		if got != nil && whole && n == len(e.inbox) && len(e.inbox) == len(p.bytes) {
			p.arrived(m, got)
		}
		e.inbox = e.inbox[n:]
	}
	if len(e.inbox) == 0 {
		e.inbox = nil
	}
}

// encode keeps the bytes of what e's host sends, where somebody will want
// them: all in strict mode; else those by which Accept knows the language.
func (e *end) encode(it *item) {
	strict := e.conn.w.cfg.Strict
	undecided := e == &e.conn.ends[0] && e.spoken < enough
	if !strict && !undecided {
		return
	}
	p := prove(e.host, e.codec, it.m)
	if undecided {
		it.first = p.bytes
		e.spoken += len(p.bytes)
	}
	if strict {
		it.proof = p
	}
}
