package sim

import (
	"time"

	"peerbed/protocols/p2p"
)

const (
	// Above mark a stream is Full, at drained it has Room again, beyond overrun
	// its Node has not held back: bytes that are queued or on their way. They
	// are the marks of a real node's link.
	mark    = 512 << 10
	drained = 384 << 10
	overrun = 16 << 20

	firstPort = 49152 // of the ephemeral ones
	ports     = 1<<16 - firstPort
)

// An end is one side of a conn: what its host knows of the stream, and the
// items that are on their way from it to the other end.
type end struct {
	conn  *conn
	host  *host // nil: nobody has ever been there
	life  uint32
	peer  p2p.Peer // the other side, as host calls it
	to    p2p.Handler
	codec p2p.Codec
	up    bool // the handshake is through: data may leave
	known bool // host has heard of it: it dialled, or heard Up
	over  bool // host hears nothing more of it
	full  bool // host is owed a Room

	early  []item // posted before up
	line   fifo   // on their way, in order
	queued int    // bytes of both
	last   time.Duration
	due    uint32 // number of the first item's arrival; 0: none, it stalls
	// leaving: the first item that stalls is on its host's access line; turn
	// counts how often all was thrown away.
	leaving bool
	turn    uint32
	spoken  int // bytes encoded for Accept

	heard []byte // what Accept has to go by
	held  []item // what waits for its answer
	inbox []byte // strict mode: bytes that the codec has not taken yet
}

func (e *end) other() *end {
	if e == &e.conn.ends[0] {
		return &e.conn.ends[1]
	}
	return &e.conn.ends[0]
}

func (h *host) nextLink(e *end) p2p.Link {
	o := h.own()
	if o.ends == nil {
		o.ends = map[p2p.Link]*end{}
	}
	o.link++
	o.ends[o.link] = e
	return o.link
}

func (h *host) Dial(to p2p.Addr, codec p2p.Codec, who p2p.Handler) p2p.Peer {
	w := h.w
	c := &conn{w: w, place: len(w.conns)}
	w.conns = append(w.conns, c)
	port := firstPort + uint16(h.own().dialed%ports)
	h.own().dialed++
	a, b := &c.ends[0], &c.ends[1]
	*a = end{conn: c, host: h, life: h.life, to: who, codec: codec, known: true}
	a.peer = p2p.Peer{Addr: to, Link: h.nextLink(a)}
	*b = end{conn: c, host: w.table.find(to.IP()), up: true}
	b.peer.Addr = p2p.MakeAddr(h.addr.IP(), port)
	h.note(&Event{What: Dial, Peer: to, Link: a.peer.Link, Own: b.peer.Addr})
	a.send(item{step: stepOpen})
	c.check()
	return a.peer
}

// at returns the stream that p names; nil: there is none any more.
func (h *host) at(p p2p.Peer) *end {
	if e := h.own().ends[p.Link]; e != nil && e.peer == p {
		return e
	}
	return nil
}

func (h *host) Hand(p p2p.Peer, to p2p.Handler) {
	if e := h.at(p); e != nil {
		e.to = to
	}
}

func (h *host) Close(p p2p.Peer) {
	e := h.at(p)
	if e == nil {
		return
	}
	h.note(&Event{What: Close, Peer: p.Addr, Link: p.Link})
	e.end()
	e.send(item{step: stepClose})
}

func (h *host) Full(p p2p.Peer) bool {
	e := h.at(p)
	if e == nil || e.queued <= mark {
		return false
	}
	e.full = true
	return true
}

// say sends m on the stream to.
func (h *host) say(to p2p.Peer, m p2p.Msg) {
	size := m.Size()
	e := h.at(to)
	if e == nil {
		h.drop(to, m, size, "stream is down", nil)
		return
	}
	it := item{step: stepData, size: size, m: m}
	e.encode(&it)
	k := m.Kind()
	h.sent(h.lang.place(k, m), size)
	h.noteMessage(Send, to, k, m, size, "", it.proof)
	if e.queued+size > overrun {
		h.drop(to, m, size, "overrun", it.proof)
		e.breaks(p2p.ErrOverrun)
		return
	}
	if err := h.lend(m); err != nil {
		h.drop(to, m, size, err.Error(), it.proof)
		e.breaks(err)
		return
	}
	it.proof.remember(m)
	e.send(it)
}

// take is what e does with an item that has arrived for it.
func (e *end) take(it *item) {
	switch it.step {
	case stepOpen:
		e.opened()
	case stepAccept:
		e.accepted()
	case stepData:
		e.receive(it)
	case stepClose:
		e.down(nil)
		e.conn.remove()
	case stepReset:
		e.down(it.err)
		e.conn.remove()
	}
}

// accepted is the end of the dialler's handshake.
func (e *end) accepted() {
	e.up = true
	for _, it := range e.early {
		e.put(it)
	}
	e.early = nil
	e.tell(&p2p.Up{}, nil)
}

// receive hands a message to e's Handler, once it is known that e's host
// speaks its language.
func (e *end) receive(it *item) {
	switch {
	case e.over:
		e.other().lost(it)
	case e.codec == nil:
		e.heard = append(e.heard, it.first...)
		e.held = append(e.held, *it)
		e.decide()
	default:
		e.hear(it)
	}
}

func (e *end) hear(it *item) {
	if it.proof != nil {
		it.proof.stream(e, it.m)
	}
	h := e.host
	k := it.m.Kind()
	h.received(k, it.size)
	h.noteMessage(Hear, e.peer, k, it.m, it.size, "", it.proof)
	h.give(e.to, e.peer, k, it.m, e.other().host.lang)
}

func (e *end) lost(it *item) {
	if it.step == stepData {
		e.host.drop(e.peer, it.m, it.size, "stream is down", it.proof)
	}
}

// tell lets e's Handler hear something of the world's own.
func (e *end) tell(m p2p.Msg, err error) {
	if !e.over {
		e.host.tell(e.to, e.peer, m, err)
	}
}

// end lets e's host hear nothing more of the stream.
func (e *end) end() {
	e.over = true
	delete(e.host.own().ends, e.peer.Link)
}

func (e *end) down(err error) {
	if e.over || e.host == nil {
		return
	}
	e.end()
	if e.known {
		e.host.tell(e.to, e.peer, &p2p.Down{Err: err}, err)
	}
}

// breaks ends the stream for a fault of e's own Node: it hears Down, soon; the
// other side is reset.
func (e *end) breaks(err error) {
	to, peer, h := e.to, e.peer, e.host
	e.end()
	e.abort(p2p.ErrReset)
	h.w.soon(0, h, func() { h.tell(to, peer, &p2p.Down{Err: err}, err) })
}

// abort throws away what is on its way from e and resets the other side.
func (e *end) abort(err error) {
	e.over = true
	e.clear()
	e.last = 0
	e.up = true
	e.send(item{step: stepReset, err: err})
}

func (e *end) clear() {
	e.recycle(e.early)
	e.recycle(e.line.all())
	e.other().recycle(e.held)
	e.early, e.line, e.held = nil, fifo{}, nil
	e.queued, e.due = 0, 0
	e.leaving = false
	e.turn++
}

// recycle takes back messages that e's host has sent.
func (e *end) recycle(items []item) {
	for _, it := range items {
		if it.m != nil {
			e.host.lang.recycle(&e.conn.w.cfg, it.m.Kind(), it.m)
		}
	}
}
