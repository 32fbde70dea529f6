package sim

import (
	"time"

	"peerbed/protocols/p2p"
)

// datagram sends m to whoever listens at to, and takes m over.
func (h *host) datagram(to p2p.Addr, m p2p.Msg) {
	w := h.w
	size := m.Size()
	k := m.Kind()
	var p *proof
	if w.cfg.Strict {
		p = prove(h, h.own().codec, m)
	}
	h.sent(h.lang.place(k, m), size)
	h.noteMessage(Send, to.Peer(), k, m, size, "", p)
	at, why := h.fly(to, size)
	if why != "" {
		h.drop(to.Peer(), m, size, why, p)
		return
	}
	if h.lang.content[k] != 0 {
		if err := h.lend(m); err != nil {
			h.drop(to.Peer(), m, size, err.Error(), p)
			return
		}
	}
	p.remember(m)
	place, l := w.queue.loads.put()
	l.m, l.proof = m, p
	l.from, l.lang, l.sender, l.to, l.size = h, h.lang, h.addr, to, size
	w.queue.push(event{at: at, do: taskDatagram, cause: w.cause, kind: uint8(k), host: w.table.guess(to), load: place})
}

// fly says when a datagram arrives, or why it never will.
func (h *host) fly(to p2p.Addr, size int) (at time.Duration, why string) {
	w := h.w
	if size > p2p.MaxDatagram {
		return 0, "too long"
	}
	if len(w.net.cuts) > 0 {
		if t := w.table.find(to.IP()); t != nil && h.cutFrom(t) {
			return 0, "cut"
		}
	}
	leaves, ok := h.access.out(w.now, size)
	if !ok {
		return 0, "lost"
	}
	link := w.net.link(h.addr, to)
	at, ok = w.net.line(link, h.addr, to).Datagram(*link, leaves, size, w.net.rand)
	if !ok {
		return 0, "lost"
	}
	return at, ""
}

// deliver hands an arriving datagram to the Node that listens there. One of
// another protocol drops what is not of its language.
func (w *World) deliver(e *event, l *load) {
	h := w.at(e.host)
	if h == nil || h.addr != l.to {
		h = w.host(l.to)
	}
	if h == nil || h.node == nil {
		l.from.drop(l.to.Peer(), l.m, l.size, "nobody there", l.proof)
		return
	}
	if h.access != nil && h.access.Down > 0 && !e.land {
		w.land(h, e, l)
		return
	}
	m, k, from := l.m, p2p.Kind(e.kind), l.sender.Peer()
	if h.lang != l.lang && !h.lang.knows(m) {
		l.from.drop(l.to.Peer(), m, l.size, "not its language", l.proof)
		return
	}
	if l.proof != nil {
		l.proof.datagram(h, m)
	}
	h.received(k, l.size)
	h.noteMessage(Hear, from, k, m, l.size, "", l.proof)
	h.give(h.node, from, k, m, l.lang)
}

// drop ends the way of a message that h sent.
func (h *host) drop(to p2p.Peer, m p2p.Msg, size int, why string, p *proof) {
	k := m.Kind()
	h.noteMessage(Drop, to, k, m, size, why, p)
	h.lang.recycle(&h.w.cfg, k, m)
}
