package p2p

import (
	"fmt"
	"time"
)

// Calls keeps the questions of a Node that wait for their answers. It is a
// field of the Node; Start sets Env and Patience, and the Node's Handle gives
// it, in the default case of its switch, all that the Node does not know
// itself: the answers and the deadlines are among it.
//
// An answer counts only if it comes from the Peer that was asked, carries the
// question's Tag and has the type that was asked for; anything else with a Tag
// is ignored.
type Calls struct {
	Env      Env
	Patience time.Duration // how long Ask waits for an answer
	Waits    Waits         // or else who decides that; nil: nobody

	last  uint32
	first [1]call // most nodes seldom have more open at once
	more  []call
	timer Timer
}

// A call is an open question. id 0: the place is free.
type call struct {
	addr Addr // with link: who was asked
	link Link
	id   uint32
	due  time.Duration
	wait time.Duration // until then, from when it was asked
	s    any           // *S
	then answerer
}

// An answerer knows the types S and R of a call. It is no more than a function,
// so that keeping one allocates nothing.
type answerer interface {
	fits(m Msg) bool
	// answer hands s the answer m, or nil.
	answer(s any, m Msg)
}

type then[S, R any] struct{ f func(*S, *R) }

func (then[S, R]) fits(m Msg) bool {
	_, ok := any(m).(*R)
	return ok
}

func (t then[S, R]) answer(s any, m Msg) {
	r, _ := any(m).(*R)
	t.f(s.(*S), r)
}

// Ask sends the question q and later calls f once: f(s, r) with the answer, on
// loan like any message, or f(s, nil) if nobody answered within c.Patience. s is
// the Node or the operation that asks, and f is written as
// a method expression:
//
//	p2p.Ask(&c.calls, c.succ.peer(), getPred{}, c, (*Chord).stabilized)
//
//	func (c *Chord) stabilized(r *pred) { ... } // r is nil: nobody answered
//
// f is never called from within Ask.
func Ask[Q, S, R any, P tagged[Q]](c *Calls, to Peer, q Q, s *S, f func(*S, *R)) {
	p := New[Q, P](c.Env)
	*p = q
	*p.Tagged() = c.open(to, s, then[S, R]{f})
	c.Env.Post(to, p)
}

func (c *Calls) open(to Peer, s any, then answerer) uint32 {
	if c.Env == nil || c.Patience <= 0 {
		panic(fmt.Sprintf("p2p: Ask before Calls has an Env (%v) and Patience (%v)", c.Env, c.Patience))
	}
	c.last++
	if c.last == 0 { // wrapped: 0 means free
		c.last++
	}
	wait := c.Patience
	if c.Waits != nil {
		wait = c.Waits.Wait(to)
	}
	place := c.free()
	*place = call{to.Addr, to.Link, c.last, c.Env.Now() + wait, wait, s, then}
	if c.timer == (Timer{}) || place.due < c.timer.At {
		c.arm(place.due)
	}
	return c.last
}

func (c *Calls) free() *call {
	for i := range c.first {
		if c.first[i].id == 0 {
			return &c.first[i]
		}
	}
	for i := range c.more {
		if c.more[i].id == 0 {
			return &c.more[i]
		}
	}
	c.more = append(c.more, call{})
	return &c.more[len(c.more)-1]
}

// each calls f with every open call until f returns false.
func (c *Calls) each(f func(*call) bool) {
	for i := range c.first {
		if c.first[i].id != 0 && !f(&c.first[i]) {
			return
		}
	}
	for i := range c.more {
		if c.more[i].id != 0 && !f(&c.more[i]) {
			return
		}
	}
}

// deadline is the timer of a Calls: the Calls itself under another name, so
// that a Node with several of them gives each its own.
type deadline Calls

func (*deadline) Kind() Kind { return KindDeadline }
func (*deadline) Size() int  { return 0 }

func (c *Calls) arm(at time.Duration) {
	c.Env.Stop(c.timer)
	c.timer = c.Env.After(at-c.Env.Now(), (*deadline)(c))
}

// Handle takes an answer or a deadline of c; anything else it ignores.
func (c *Calls) Handle(from Peer, m Msg) {
	if d, ok := m.(*deadline); ok {
		if (*Calls)(d) == c {
			c.expire()
		}
		return
	}
	a, ok := m.(interface{ Tagged() *uint32 })
	if !ok {
		return
	}
	id := *a.Tagged()
	c.each(func(k *call) bool {
		if k.id != id || k.addr != from.Addr || k.link != from.Link || !k.then.fits(m) {
			return true
		}
		was := *k
		*k = call{}
		if c.Waits != nil {
			c.Waits.Answered(from, c.Env.Now()-(was.due-was.wait))
		}
		was.then.answer(was.s, m)
		return false
	})
}

// expire tells all whose time has come, the oldest question first, and sets
// the timer for the next.
func (c *Calls) expire() {
	c.timer = Timer{}
	now := c.Env.Now()
	for {
		var due *call
		c.each(func(k *call) bool {
			if k.due <= now && (due == nil || k.id < due.id) {
				due = k
			}
			return true
		})
		if due == nil {
			break
		}
		was := *due
		*due = call{}
		if c.Waits != nil {
			c.Waits.Missed(Peer{was.addr, was.link})
		}
		was.then.answer(was.s, nil)
	}
	next := time.Duration(-1)
	c.each(func(k *call) bool {
		if next < 0 || k.due < next {
			next = k.due
		}
		return true
	})
	if next >= 0 && c.timer == (Timer{}) {
		c.arm(next)
	}
}

// Drop forgets all that s asked: no answer and no deadline will reach it. An
// operation that ends early drops its calls first.
func (c *Calls) Drop(s any) {
	c.each(func(k *call) bool {
		if k.s == s {
			*k = call{}
		}
		return true
	})
}

// Open counts the questions that wait.
func (c *Calls) Open() int {
	n := 0
	c.each(func(*call) bool { n++; return true })
	return n
}
