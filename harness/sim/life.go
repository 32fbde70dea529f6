package sim

import (
	"fmt"
	"slices"

	"peerbed/harness"
	"peerbed/protocols/p2p"
)

// Crash kills the process of the node at a: the streams of the others break.
// The error wraps p2p.ErrGone if none runs there.
func (w *World) Crash(a p2p.Addr) error { return w.kill(a, harness.Crash) }

// Vanish takes the node at a off the network: the others hear nothing. The
// error wraps p2p.ErrGone if none runs there.
func (w *World) Vanish(a p2p.Addr) error { return w.kill(a, harness.Vanish) }

func (w *World) kill(a p2p.Addr, how harness.How) error {
	h := w.host(a)
	if h == nil || h.node == nil {
		return fmt.Errorf("sim: %v %v: %w", how, a, p2p.ErrGone)
	}
	w.enter()
	if how == harness.Vanish {
		h.vanish()
	} else {
		h.crash()
	}
	w.leave()
	return nil
}

// Restart starts the node at a, which is down, again: same Spec, same disk.
func (w *World) Restart(a p2p.Addr) error {
	h := w.host(a)
	switch {
	case h == nil:
		return fmt.Errorf("sim: restart %v: no node was ever spawned there", a)
	case h.node != nil:
		return fmt.Errorf("sim: restart %v: it runs", a)
	}
	w.enter()
	vanished := h.gone
	h.start(Restart)
	if vanished {
		for _, c := range h.streams() {
			c.revived(h)
		}
	}
	w.leave()
	return nil
}

// crash ends h's life as a killed process ends.
func (h *host) crash() {
	h.note(&Event{What: Crash})
	h.stop()
	for _, e := range h.open() {
		e.abort(p2p.ErrReset)
	}
	h.own().ends = nil
}

// exit ends h's life after it has said good-bye: what it has sent still goes
// out, and its streams close.
func (h *host) exit() {
	h.note(&Event{What: Leave})
	h.stop()
	for _, e := range h.open() {
		e.over = true
		e.send(item{step: stepClose})
	}
	h.own().ends = nil
}

func (h *host) vanish() {
	h.note(&Event{What: Vanish})
	h.stop()
	h.gone = true
	for _, e := range h.open() {
		e.over = true
	}
	h.own().ends = nil
	for _, c := range h.streams() {
		c.check()
	}
}

// stop takes the Node away, and ends all its wishes.
func (h *host) stop() {
	h.node = nil
	h.touch()
	h.wake()
	for _, w := range slices.Clone(h.own().wishes) {
		w.finish(p2p.Result{Err: p2p.ErrGone})
	}
}

// wake ends h's pause, if it is paused; what it should have heard is lost.
func (h *host) wake() {
	if h.paused {
		h.w.paused--
	}
	h.paused, h.own().kept = false, nil
}

// streams lists all streams to and from h, those of its earlier lives too.
func (h *host) streams() []*conn {
	var all []*conn
	for _, c := range h.w.conns {
		if c.ends[0].host == h || c.ends[1].host == h {
			all = append(all, c)
		}
	}
	return all
}

// open lists h's ends of the streams of this life in the order of their numbers.
func (h *host) open() []*end {
	ends := h.own().ends
	all := make([]*end, 0, len(ends))
	for _, e := range ends { // in any order: sorted below
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b *end) int { return int(a.peer.Link) - int(b.peer.Link) })
	return all
}
