package loop

import (
	"context"
	"fmt"
	"time"

	"peerbed/node/control"
	"peerbed/protocols/p2p"
)

var errNotStarted = fmt.Errorf("the node has not been started: %w", p2p.ErrNotJoined)

// A wish is an Op under way.
type wish struct {
	op    p2p.Op
	began time.Duration
	over  bool // answered, or given up
	late  bool // given up: the Node may still answer, once
	out   chan outcomeOfWish
}

type outcomeOfWish struct {
	r    p2p.Result
	took time.Duration
}

// Do carries out a wish, and says how long that took in the node. It waits
// until it is done, ctx ends (the wish goes on) or the node is gone.
func (l *Loop) Do(ctx context.Context, op p2p.Op) (p2p.Result, time.Duration) {
	w := &wish{op: op, out: make(chan outcomeOfWish, 1)}
	l.mail.post(func() { l.begin(w) })
	select {
	case o := <-w.out:
		return o.r, o.took
	case <-ctx.Done():
		return p2p.Result{Err: context.Cause(ctx)}, 0
	case <-l.ended:
	}
	select {
	case o := <-w.out: // it was done just before
		return o.r, o.took
	default:
		return p2p.Result{Err: ErrStopped}, 0
	}
}

// begin first makes the blob that a Publish may ask for.
func (l *Loop) begin(w *wish) {
	w.began = l.now()
	p, isPublish := w.op.(p2p.Publish)
	switch {
	case l.stopped:
		l.finish(w, p2p.Result{Err: ErrStopped})
	case !l.started:
		l.finish(w, p2p.Result{Err: errNotStarted})
	case isPublish && p.Size != 0:
		l.disk.Fill(p, func(err error) { l.filled(w, err) })
	default:
		l.ask(w)
	}
}

func (l *Loop) filled(w *wish, err error) {
	if err != nil {
		l.finish(w, p2p.Result{Err: err})
		return
	}
	l.ask(w)
}

// ask hands the wish to the Node; the clock begins here.
func (l *Loop) ask(w *wish) {
	w.began = l.now()
	l.later(p2p.MaxOp, func() {
		if !w.over {
			w.late = true
			l.finish(w, p2p.Result{Err: fmt.Errorf("%w within %v", p2p.ErrTimeout, p2p.MaxOp)})
		}
	})
	l.node.Do(w.op, func(r p2p.Result) {
		switch {
		case w.late:
			w.late = false
		case w.over:
			panic(fmt.Sprintf("%s called done twice for %T%+v", l.proto.Name, w.op, w.op))
		default:
			l.finish(w, r)
		}
	})
}

func (l *Loop) finish(w *wish, r p2p.Result) {
	w.over = true
	took := l.now() - w.began
	if l.cfg.Finished != nil {
		l.cfg.Finished(w.op, r, took)
	}
	w.out <- outcomeOfWish{r, took}
	if _, ok := w.op.(p2p.Leave); ok && l.started {
		l.stopped = true
	}
}

// Inspect tells the node's state.
func (l *Loop) Inspect() (p2p.State, error) {
	var s p2p.State
	err := errNotStarted
	gone := l.Call(func() {
		if l.started && !l.stopped {
			s, err = l.node.Inspect(), nil
		}
	})
	if gone != nil {
		return s, gone
	}
	return s, err
}

// Health says who this is.
func (l *Loop) Health() control.Health {
	h := control.Health{Protocol: l.proto.Name, Self: l.self}
	l.Call(func() { h.Started = l.started }) // a node that has ended is not started
	return h
}
