package sim

import (
	"context"
	"fmt"

	"peerbed/harness"
	"peerbed/protocols/p2p"
)

// A due is an event that waits for its host to go on.
type due struct {
	event
	load *load // nil: it has none
}

// Pause stops the node at a where it is, as a stopped process: what others
// send is acknowledged and kept, and counts as queued where it came from. The
// error wraps p2p.ErrGone if none runs there, harness.ErrPaused if it is paused
// already.
func (w *World) Pause(a p2p.Addr) error {
	h := w.host(a)
	switch {
	case h == nil || h.node == nil:
		return fmt.Errorf("sim: pause %v: %w", a, p2p.ErrGone)
	case h.paused:
		return fmt.Errorf("sim: pause %v: %w", a, harness.ErrPaused)
	}
	w.enter()
	h.note(&Event{What: Pause})
	h.paused = true
	w.paused++
	w.leave()
	return nil
}

// Resume lets a paused node go on: it hears, in order and now, what came
// meanwhile.
func (w *World) Resume(a p2p.Addr) error {
	h := w.host(a)
	if h == nil || !h.paused {
		return fmt.Errorf("sim: resume %v: it is not paused", a)
	}
	w.enter()
	h.note(&Event{What: Resume})
	h.paused = false
	w.paused--
	w.leave()
	for o := h.own(); !h.paused && len(o.kept) > 0; {
		d := o.kept[0]
		o.kept = o.kept[1:]
		w.enter()
		w.cause = d.cause
		w.handle(&d.event, d.load)
		w.leave()
	}
	return nil
}

// keep reports whether the event has to wait for its host, and remembers it.
func (w *World) keep(e *event) bool {
	l := w.queue.load(e)
	h := w.hearer(e, l)
	if h == nil || !h.paused {
		return false
	}
	if l != nil {
		own := *l
		l = &own
	}
	h.own().kept = append(h.own().kept, due{*e, l})
	return true
}

// hearer is the host whose Node an event may call; nil: none. That a stream is
// dialled is heard by the kernel, and how long a wish may take is told outside.
func (w *World) hearer(e *event, l *load) *host {
	switch e.do {
	case taskCall, taskTimer:
		return w.at(e.host)
	case taskDatagram:
		return w.host(l.to)
	case taskArrival:
		if line := &l.end.line; line.len() > 0 && line.first().step != stepOpen {
			return l.end.other().host
		}
	}
	return nil
}

// later runs f, which calls h's Node, once h goes on.
func (h *host) later(f func()) {
	w := h.w
	e := event{at: w.now, do: taskCall, cause: w.cause, life: h.life, host: h.number + 1}
	h.own().kept = append(h.own().kept, due{e, &load{call: f}})
}

// fallSilent ends e because nothing has been heard for p2p.Silence.
func (e *end) fallSilent() {
	if e.host != nil && e.host.paused {
		e.host.later(func() { e.down(p2p.ErrSilent) })
		return
	}
	e.down(p2p.ErrSilent)
}

func (b *backend) Pause(_ context.Context, a p2p.Addr) error {
	return b.with(func(w *World) error { return w.Pause(a) })
}

func (b *backend) Resume(_ context.Context, a p2p.Addr) error {
	return b.with(func(w *World) error { return w.Resume(a) })
}
