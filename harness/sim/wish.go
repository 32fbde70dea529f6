package sim

import (
	"fmt"
	"slices"
	"time"

	"peerbed/harness"
	"peerbed/protocols/p2p"
)

// A wish is an Op under way.
type wish struct {
	id   uint32
	host *host
	op   p2p.Op
	at   time.Duration
	came time.Duration // to its node
	done func(harness.Outcome)
	over bool // the outcome stands: done, expired, or the node is gone
	said bool // the Node has called done
}

// A finished wish waits for the end of the event to be told.
type finished struct {
	*wish
	outcome harness.Outcome
}

// Do hands a wish to the node at a, now. done hears of the outcome once, between
// two events, so that it may call the World (but not run it). The number that
// is returned is the Cause of all that follows from the wish.
func (w *World) Do(a p2p.Addr, op p2p.Op, done func(harness.Outcome)) (cause uint32) {
	w.costs = append(w.costs, [3]Cost{})
	s := &wish{id: uint32(len(w.costs) - 1), op: op, at: w.now, done: done}
	w.queue.carry(event{at: w.now, do: taskWish, cause: s.id}, load{to: a, wish: s})
	return s.id
}

func (w *World) begin(s *wish, a p2p.Addr) {
	h := w.host(a)
	if h == nil || h.node == nil {
		err := fmt.Errorf("%s at %v: %w", describe(s.op), a, p2p.ErrGone)
		w.finished = append(w.finished, finished{s, harness.Outcome{Result: p2p.Result{Err: err}}})
		return
	}
	s.host, s.came = h, w.now
	h.own().wishes = append(h.own().wishes, s)
	h.note(&Event{What: Wish, Why: describe(s.op)})
	w.limit(s)
	if h.paused {
		h.later(s.reach)
		return
	}
	s.reach()
}

// reach lets the wish come to its Node, if it has not ended meanwhile.
func (s *wish) reach() {
	if s.over {
		return
	}
	h := s.host
	if p, ok := s.op.(p2p.Publish); ok && p.Size > 0 {
		if err := (*disk)(h).put(p); err != nil {
			s.finish(p2p.Result{Err: err})
			return
		}
	}
	h.touch()
	h.node.Do(s.op, s.answer)
}

// answer is the Node's done.
func (s *wish) answer(r p2p.Result) {
	if s.said {
		panic(fmt.Sprintf("sim: %v calls done twice for %q", s.host.addr, describe(s.op)))
	}
	s.said = true
	s.finish(r)
}

// limit lets a wish end after p2p.MaxOp at the latest. All have the same time,
// so that it is enough to wait for the first of those that are not over.
func (w *World) limit(s *wish) {
	waited := len(w.wishes) > 0
	over := 0
	for over < len(w.wishes) && w.wishes[over].over {
		over++
	}
	w.wishes = append(slices.Delete(w.wishes, 0, over), s)
	if !waited {
		w.queue.push(event{at: w.now + p2p.MaxOp, do: taskExpiry})
	}
}

// expire ends the wishes whose time has come, and waits for the next.
func (w *World) expire() {
	for len(w.wishes) > 0 {
		s := w.wishes[0]
		if due := s.came + p2p.MaxOp; !s.over && due > w.now {
			w.queue.push(event{at: due, do: taskExpiry})
			return
		}
		w.wishes = w.wishes[1:]
		s.finish(p2p.Result{Err: fmt.Errorf("done was not called within %v: %w", p2p.MaxOp, p2p.ErrTimeout)})
	}
}

// finish sets the outcome, unless there is one already.
func (s *wish) finish(r p2p.Result) {
	if s.over {
		return
	}
	s.over = true
	h := s.host
	h.own().wishes = slices.DeleteFunc(h.own().wishes, func(o *wish) bool { return o == s })
	why := "ok"
	if r.Err != nil {
		why = r.Err.Error()
	}
	was := h.w.cause
	h.w.cause = s.id
	h.note(&Event{What: Result, Why: why})
	h.w.cause = was
	h.w.finished = append(h.w.finished, finished{s, harness.Outcome{Result: r, Took: h.w.now - s.at}})
}

// describe writes a wish as a user would.
func describe(op p2p.Op) string {
	switch op := op.(type) {
	case p2p.Publish:
		return fmt.Sprintf("publish %s %d %d", op.Name, op.Size, op.Seed)
	case p2p.Find:
		return "find " + op.Name
	case p2p.Fetch:
		return "fetch " + op.Name
	case p2p.Remove:
		return "remove " + op.Name
	case p2p.Leave:
		return "leave"
	}
	return fmt.Sprintf("%T", op)
}

// leaves reports whether a node has said good-bye, so that it stops.
func (f *finished) leaves() bool {
	_, ok := f.op.(p2p.Leave)
	return ok && f.outcome.Err == nil && f.host.node != nil
}

func tell(all []finished) {
	for _, f := range all {
		if f.done != nil {
			f.done(f.outcome)
		}
	}
}
