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
	job
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
	for !h.paused && len(h.kept) > 0 {
		d := h.kept[0]
		h.kept = h.kept[1:]
		w.enter()
		w.cause = d.cause
		w.handle(d.event, &d.job)
		w.leave()
	}
	return nil
}

// keep reports whether the event has to wait for its host, and remembers it.
func (w *World) keep(e event, j *job) bool {
	h := w.hearer(j)
	if h == nil || !h.paused {
		return false
	}
	h.kept = append(h.kept, due{e, *j})
	return true
}

// hearer is the host whose Node a job may call; nil: none. That a stream is
// dialled is heard by the kernel, and how long a wish may take is told outside.
func (w *World) hearer(j *job) *host {
	switch j.do {
	case taskCall, taskTimer:
		return j.host
	case taskDatagram:
		return w.host(j.to)
	case taskArrival:
		if l := &j.end.line; l.len() > 0 && l.first().step != stepOpen {
			return j.end.other().host
		}
	}
	return nil
}

// later runs f, which calls h's Node, once h goes on.
func (h *host) later(f func()) {
	w := h.w
	h.kept = append(h.kept, due{event{at: w.now}, job{do: taskCall, cause: w.cause, life: h.life, host: h, f: f}})
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
