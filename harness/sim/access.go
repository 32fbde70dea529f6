package sim

import (
	"time"

	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// An access is the line by which a host is connected, in both directions.
type access struct {
	linkmodel.Access
	up, down linkmodel.Pipe
}

// connect gives h a line, or leaves it one of any rate. What the line had to
// carry it still has to.
func (h *host) connect(a linkmodel.Access) {
	switch {
	case h.access != nil:
		h.access.Access = a
	case a.Up > 0 || a.Down > 0:
		h.access = &access{Access: a}
	}
}

// limited reports whether what h sends has to wait for its turn on its line.
func (h *host) limited() bool { return h != nil && h.access != nil && h.access.Up > 0 }

// out says when a datagram has left over the line, if it has room.
func (a *access) out(now time.Duration, size int) (leaves time.Duration, ok bool) {
	if a == nil {
		return now, true
	}
	return a.up.Datagram(a.Up, now, size)
}

// leave puts the first item that stalls on the line of e's host. One at a time,
// so that streams share the line message by message; small ones that wait behind
// it share its turn, as they would share a packet.
func (e *end) leave() {
	if e.leaving || e.blocked() || e.next() == nil {
		return
	}
	e.leaving = true
	w, turn := e.conn.w, e.turn
	n, size := e.load()
	leaves := w.now
	if e.host.limited() {
		leaves = e.host.access.up.Stream(e.host.access.Up, w.now, size)
	}
	w.soon(leaves-w.now, nil, func() {
		if e.turn == turn {
			e.left(n)
		}
	})
}

// load returns how many items have the turn of the first that stalls, and their
// bytes.
func (e *end) load() (n, size int) {
	for i := range e.line.all() {
		it := &e.line.all()[i]
		if it.at != stalled {
			continue
		}
		if n > 0 && size+it.size > p2p.MaxDatagram {
			break
		}
		n++
		size += it.size
	}
	return n, size
}

// left sends n items on their way, and puts the next on the line.
func (e *end) left(n int) {
	e.leaving = false
	if e.blocked() {
		return // resume goes on
	}
	for ; n > 0; n-- {
		if it := e.next(); it != nil {
			e.travel(it)
			if e.due == 0 {
				e.await()
			}
		}
	}
	e.leave()
}

// next returns the first item that stalls; nil: none does.
func (e *end) next() *item {
	for i := range e.line.all() {
		if it := &e.line.all()[i]; it.at == stalled {
			return it
		}
	}
	return nil
}

// land reports whether the first item on its way from e has yet to come over
// the line of the host where it arrives, and lets it.
func (e *end) land() bool {
	it, h := e.line.first(), e.other().host
	if it.land || h == nil || h.access == nil || h.access.Down == 0 {
		return false
	}
	it.land = true
	it.at = h.access.down.Stream(h.access.Down, h.w.now, it.size)
	e.await()
	return true
}

// land lets an arriving datagram come over the line of its host.
func (w *World) land(h *host, e *event, l *load) {
	at, ok := h.access.down.Datagram(h.access.Down, w.now, l.size)
	if !ok {
		l.from.drop(l.to.Peer(), l.m, l.size, "lost", l.proof)
		return
	}
	next := *e
	next.at, next.land = at, true
	w.queue.carry(next, *l)
}
