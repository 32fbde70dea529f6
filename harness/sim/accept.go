package sim

import (
	"fmt"

	"peerbed/protocols/p2p"
)

var errNobody = fmt.Errorf("%w: nobody listens there", p2p.ErrRefused)

// enough is how many bytes Accept must know by.
const enough = 8

// opened is a dialler's call that has arrived at e, where somebody may listen.
func (e *end) opened() {
	dialled := e.other()
	h := e.conn.w.host(dialled.peer.Addr)
	if h == nil || h.node == nil || h.lang.p.Accept == nil {
		e.over = true
		e.send(item{step: stepReset, err: errNobody})
		return
	}
	e.host, e.life, e.to = h, h.life, h.node
	e.peer.Link = h.nextLink(e)
	e.send(item{step: stepAccept})
	if h.paused {
		h.later(e.decide)
		return
	}
	e.decide()
}

// decide asks Accept what is spoken on the stream, with one byte more each
// time, until it knows or has heard all there is.
func (e *end) decide() {
	for n := 0; n <= min(len(e.heard), enough); n++ {
		codec, err := e.host.lang.p.Accept(e.heard[:n:n])
		if err == nil && codec == nil && n == enough {
			err = fmt.Errorf("%w: Accept does not know after %d bytes", p2p.ErrMalformed, enough)
		}
		if err != nil {
			e.refuse(err)
			return
		}
		if codec != nil {
			e.begin(codec)
			return
		}
	}
}

// begin lets the acceptor's Node hear of the stream, and what had to wait.
func (e *end) begin(codec p2p.Codec) {
	e.codec, e.known = codec, true
	held := e.held
	e.heard, e.held = nil, nil
	e.tell(&p2p.Up{Inbound: true}, nil)
	for i := range held {
		e.receive(&held[i])
	}
}

// refuse ends a stream whose language e's host does not speak: the dialler
// hears Up and then ErrReset, as over TCP, the host nothing.
func (e *end) refuse(err error) {
	e.end()
	for i := range e.held {
		e.other().lost(&e.held[i])
	}
	e.held = nil
	e.send(item{step: stepReset, err: fmt.Errorf("%w: %w", p2p.ErrReset, err)})
}
