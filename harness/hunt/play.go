package hunt

import (
	"fmt"
	"io"
	"reflect"
	"runtime/debug"
	"time"

	"peerbed/harness"
	"peerbed/harness/plan"
	"peerbed/harness/sim"
	"peerbed/protocols/p2p"
)

// A run is a case that is being played.
type run struct {
	s     *Sweep
	c     *Case
	w     *sim.World
	began time.Duration // when the plan did

	protocol *p2p.Protocol
	specs    []harness.Spec
	order    []int       // who was spawned, in order; -1: the introducer
	born     []bool      // who was ever there
	states   []p2p.State // by node
	marks    []uint64
	up       []bool
	live     []p2p.State // of those that are up, in order
	old      []past      // the oldest first
	net      []plan.Event
	played   []bool // which events were not passed over

	judged   int64 // how often the invariants were asked
	watches  []func(*sim.Event) error
	broken   *Violation
	panicked bool // so that the World is in the middle of an event
	err      error
	tell     *story     // nil: nobody listens
	trace    io.Writer  // of every event; nil: none
	tracked  *Invariant // nil: none
	since    *Violation
}

// play plays a case to its end, or to the first violation.
func (s *Sweep) play(c *Case) *run {
	r := &run{s: s, c: c}
	r.play()
	return r
}

// Panic is the invariant that a protocol violates that panics. A panic tells of
// an invariant of its own, or is strict mode's.
const Panic = "panic"

func (r *run) play() {
	defer func() {
		if why := recover(); why != nil {
			r.panicked = true
			r.breaks(Panic, fmt.Errorf("%v\n%s", why, debug.Stack()))
		}
	}()
	s, c := r.s, r.c
	r.played = make([]bool, len(c.Events))
	cfg := sim.Config{Seed: c.Seed, Model: c.Links, Strict: c.Strict, Poison: c.Strict}
	if r.trace != nil {
		cfg.Trace, cfg.Bytes = r.trace, true
	}
	r.listen(&cfg)
	r.w = sim.New(cfg)
	if r.err = r.people(); r.err != nil {
		return
	}
	r.began = s.Lead
	if r.wait(s.Lead); r.over() {
		return
	}
	for i := range c.Events {
		e := &c.Events[i]
		if r.wait(r.began + e.At - r.w.Now()); r.over() {
			return
		}
		r.played[i] = r.do(e)
	}
	if r.wait(r.began + c.End - r.w.Now()); r.over() {
		return
	}
	r.heal()
	if r.wait(s.Rest); !r.over() {
		r.judge(s.Finally)
	}
}

func (r *run) over() bool { return r.broken != nil || r.err != nil }

// listen has the watching invariants, and the story, hear all events.
func (r *run) listen(cfg *sim.Config) {
	var names []string
	for _, v := range r.s.Always {
		if v.Watch != nil {
			names = append(names, v.Name)
			r.watches = append(r.watches, v.Watch())
		}
	}
	if len(names) == 0 && r.tell == nil {
		return
	}
	cfg.Watch = func(e *sim.Event) {
		if r.tell != nil {
			r.tell.hear(e)
		}
		for i, watch := range r.watches {
			if err := watch(e); err != nil && r.broken == nil {
				r.breaks(names[i], err)
			}
		}
	}
}

// wait lets time pass, and looks after every event.
func (r *run) wait(d time.Duration) {
	if d >= 0 {
		r.w.RunUntil(r.look, d)
	}
}

// look reads what has changed and asks the invariants. It reports whether the
// run is over.
func (r *run) look() bool {
	changed, moved := false, false
	for a, n := range r.w.Touched() {
		i := int(a.IP() - sim.IP(0))
		if i >= r.c.Nodes {
			continue // the introducer
		}
		if r.up[i] != (n != nil) {
			r.up[i], moved = n != nil, true
			if n == nil {
				r.remember(i)
			}
		}
		if n != nil && r.differs(i, n) {
			changed = true
		}
	}
	if moved || changed {
		r.gather()
		r.judged++
		r.judge(r.s.Always)
		r.track()
	}
	return r.over()
}

// differs reads the state of node i, if it may be another, and reports whether
// it is.
func (r *run) differs(i int, n p2p.Node) bool {
	var mark uint64
	m, marked := n.(Marked)
	if marked {
		mark = m.Mark()
	}
	same := marked && mark == r.marks[i] && r.states[i].Self != 0
	if same && !r.c.Strict {
		return false
	}
	s := n.Inspect()
	if (!marked || r.c.Strict) && reflect.DeepEqual(s, r.states[i]) {
		return false
	}
	if same {
		r.err = fmt.Errorf("hunt: the Mark of node %d is %#x as before, but its state was\n%+v\nand is now\n%+v", i, mark, r.states[i], s)
	}
	r.remember(i)
	r.marks[i], r.states[i] = mark, s
	if r.tell != nil {
		r.tell.changed(s)
	}
	return true
}

func (r *run) gather() {
	r.live = r.live[:0]
	for i, up := range r.up {
		if up {
			r.live = append(r.live, r.states[i])
		}
	}
}

// judge asks the invariants, and notes the first that does not hold.
func (r *run) judge(all []Invariant) {
	for _, v := range all {
		if v.Holds == nil || r.over() {
			continue
		}
		if err := v.Holds(r.live); err != nil {
			r.breaks(v.Name, err)
		}
	}
}

// track notes since when the invariant that is asked for in the end has not held.
func (r *run) track() {
	if r.tracked == nil {
		return
	}
	switch err := r.tracked.Holds(r.live); {
	case err == nil:
		r.since = nil
	case r.since == nil:
		r.since = &Violation{Invariant: r.tracked.Name, At: r.clock(), Why: err.Error()}
	}
}

func (r *run) breaks(name string, err error) {
	r.broken = &Violation{Invariant: name, At: r.clock(), Why: err.Error()}
}

// clock is the time of the plan.
func (r *run) clock() time.Duration { return r.w.Now() - r.began }
