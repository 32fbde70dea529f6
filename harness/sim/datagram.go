package sim

import (
	"time"

	"peerbed/protocols/p2p"
)

// datagram sends m to whoever listens at to, and takes m over.
func (h *host) datagram(to p2p.Addr, m p2p.Msg) {
	w := h.w
	size := m.Size()
	var p *proof
	if w.cfg.Strict {
		p = prove(h, h.codec, m)
	}
	h.sent(m, size)
	h.noteMessage(&Event{What: Send, Peer: to, kind: m.Kind(), Size: size, Msg: m}, p)
	at, why := h.fly(to, size)
	if why != "" {
		h.drop(to, 0, m, size, why, p)
		return
	}
	j := job{do: taskDatagram, cause: w.cause, size: size, from: h, to: to, m: m, proof: p}
	if err := h.disk.lend(m); err != nil {
		h.drop(to, 0, m, size, err.Error(), p)
		return
	}
	j.proof.remember(m)
	w.queue.push(at, j)
}

// fly says when a datagram arrives, or why it never will.
func (h *host) fly(to p2p.Addr, size int) (at time.Duration, why string) {
	w := h.w
	if size > p2p.MaxDatagram {
		return 0, "too long"
	}
	if t := w.table.find(to.IP()); t != nil && h.cutFrom(t) {
		return 0, "cut"
	}
	leaves, ok := h.access.out(w.now, size)
	if !ok {
		return 0, "lost"
	}
	link := w.net.link(h.addr, to)
	at, ok = w.net.line(link, h.addr, to).Datagram(link, leaves, size, w.net.rand)
	if !ok {
		return 0, "lost"
	}
	return at, ""
}

// deliver hands an arriving datagram to the Node that listens there. One of
// another protocol drops what is not of its language.
func (w *World) deliver(j *job) {
	h := w.host(j.to)
	if h == nil || h.node == nil {
		j.from.drop(j.to, 0, j.m, j.size, "nobody there", j.proof)
		return
	}
	if h.access != nil && h.access.Down > 0 && !j.land {
		w.land(h, j)
		return
	}
	if h.lang != j.from.lang && !h.lang.knows(j.m) {
		j.from.drop(j.to, 0, j.m, j.size, "not its language", j.proof)
		return
	}
	if j.proof != nil {
		j.proof.datagram(h, j.m)
	}
	h.received(j.m, j.size)
	h.noteMessage(&Event{What: Hear, Peer: j.from.addr, kind: j.m.Kind(), Size: j.size, Msg: j.m}, j.proof)
	h.give(h.node, j.from.addr.Peer(), j.m, j.from)
}

// drop ends the way of a message that h sent.
func (h *host) drop(to p2p.Addr, link p2p.Link, m p2p.Msg, size int, why string, p *proof) {
	h.noteMessage(&Event{What: Drop, Peer: to, Link: link, kind: m.Kind(), Size: size, Why: why, Msg: m}, p)
	h.lang.recycle(&h.w.cfg, m)
}
