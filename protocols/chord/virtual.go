package chord

import (
	"errors"
	"iter"
	"slices"
	"time"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// Virtual nodes (2001, figure 9; ToN, section V-B): a node stands at several
// points of the ring, and so owns about as many keys as any other, at the price
// of as many tables. Each point is a whole Chord, as if on a node of its own: its
// address is the node's with the number of the point, its id the SHA-1 of
// "ip:port#number" (point 0: of "ip:port" alone). What it says to others goes
// through its host, which writes on each datagram between which points it goes.

// A host is a node: its points share an address and a disk. Most have one only.
type host struct {
	Chord           // point 0
	others []*Chord // from point 1 on
}

// New makes a node that joins a ring, or takes up a state.
func New(cfg Config, state *p2p.State) p2p.Node {
	h := &host{}
	for i := range max(cfg.Points, 1) {
		if i > 0 {
			c := &Chord{}
			c.intro = &sideDoor{c: c, first: &h.Chord}
			h.others = append(h.others, c)
		}
		c := h.point(i)
		c.cfg = &cfg
		if state != nil {
			c.start = state.Detail.(Detail).point(i)
		}
	}
	return h
}

// point returns a point; nil: there is none.
func (h *host) point(i int) *Chord {
	switch {
	case i == 0:
		return &h.Chord
	case i <= len(h.others):
		return h.others[i-1]
	}
	return nil
}

// points goes over all points.
func (h *host) points() iter.Seq[*Chord] {
	return func(yield func(*Chord) bool) {
		for i := range 1 + len(h.others) {
			if !yield(h.point(i)) {
				return
			}
		}
	}
}

// Start implements [p2p.Node].
func (h *host) Start(env p2p.Env) {
	for i := range 1 + len(h.others) {
		c := h.point(i)
		c.me.Addr = env.Self().At(i)
		c.Start(env)
	}
}

// Handle implements [p2p.Node]: it finds the point that is meant.
func (h *host) Handle(from p2p.Peer, m p2p.Msg) {
	to := 0
	switch m := m.(type) {
	case p2p.Tick:
	case *due:
		m.c.Handle(from, m.m)
		return
	case *put:
		to = int(m.To)
	case *get:
		to = int(m.To)
	case interface{ ends() *line }:
		l := m.ends()
		to, from.Addr = int(l.To), from.Addr.At(int(l.From))
	}
	if c := h.point(to); c != nil {
		c.Handle(from, m)
	}
}

// Do implements [p2p.Node]. A lookup begins at the point that lies nearest before
// the key.
func (h *host) Do(op p2p.Op, done func(p2p.Result)) {
	answer := func(r p2p.Result) { done(nodesOf(r)) }
	switch op := op.(type) {
	case p2p.Leave:
		h.leave(done)
	case p2p.Publish:
		h.closest(op.Name).Do(op, answer)
	case p2p.Find:
		h.closest(op.Name).Do(op, answer)
	case p2p.Fetch:
		h.closest(op.Name).Do(op, answer)
	case p2p.Remove:
		h.closest(op.Name).Do(op, answer)
	default:
		h.Chord.Do(op, done)
	}
}

func (h *host) closest(name string) *Chord {
	best := &h.Chord
	if len(h.others) == 0 {
		return best
	}
	m := best.cfg.M
	key := m.Hash(name)
	for _, c := range h.others {
		if c.in() && (!best.in() || m.Distance(c.me.ID, key) < m.Distance(best.me.ID, key)) {
			best = c
		}
	}
	return best
}

// nodesOf names nodes where a point named points.
func nodesOf(r p2p.Result) p2p.Result {
	for i, a := range r.Found {
		r.Found[i] = a.Node()
	}
	for i, s := range r.Path {
		r.Path[i].Addr = s.Addr.Node()
	}
	return r
}

// leave lets one point after the other leave.
func (h *host) leave(done func(p2p.Result)) {
	left := 1 + len(h.others)
	var errs []error
	for c := range h.points() {
		c.Do(p2p.Leave{}, func(r p2p.Result) {
			errs = append(errs, r.Err)
			if left--; left == 0 {
				done(p2p.Result{Err: errors.Join(errs...)})
			}
		})
	}
}

// Inspect implements [p2p.Node].
func (h *host) Inspect() p2p.State {
	s := h.Chord.Inspect()
	d := s.Detail.(Detail)
	for _, c := range h.others {
		o := c.Inspect()
		d.Points = append(d.Points, o.Detail.(Detail))
		for _, a := range o.Neighbours {
			s.Neighbours = c.neighbour(s.Neighbours, a)
		}
		s.Stored = append(s.Stored, o.Stored...)
	}
	if len(h.others) > 0 {
		s.Detail = d
		slices.Sort(s.Stored)
		s.Stored = slices.Compact(s.Stored)
	}
	return s
}

// A pointEnv is a Chord as its own Env: its node's, as this point sees it.
type pointEnv Chord

func (e *pointEnv) Self() p2p.Addr { return e.me.Addr }

// Post writes on a datagram from which point to which it goes.
func (e *pointEnv) Post(to p2p.Peer, m p2p.Msg) {
	if l, ok := m.(interface{ ends() *line }); ok {
		*l.ends() = line{uint8(e.me.Addr.Place()), uint8(to.Addr.Place())}
		to.Addr = to.Addr.Node()
	}
	p2p.Ship(e.Env, to, m)
}

func (e *pointEnv) Dial(to p2p.Addr, c p2p.Codec, h p2p.Handler) p2p.Peer {
	return e.Env.Dial(to.Node(), c, h)
}

// After remembers whose timer it is, where there are several points.
func (e *pointEnv) After(d time.Duration, m p2p.Msg) p2p.Timer {
	if e.cfg.Points > 1 {
		m = &due{c: (*Chord)(e), m: m}
	}
	return e.Env.After(d, m)
}

// A due is a timer of one point.
type due struct {
	p2p.Alarm
	c *Chord
	m p2p.Msg
}

// A door is how a point hears through whom it may join.
type door interface {
	Ask()
	Joined()
	Close()
	p2p.Handler
}

// A sideDoor is the door of the other points: they join through point 0, once
// that is in a ring.
type sideDoor struct {
	p2p.Alarm
	c, first *Chord
	waits    bool
}

func (d *sideDoor) Ask() {
	if !d.waits {
		d.waits = true
		d.c.after(pause, d)
	}
}

func (d *sideDoor) rang() {
	d.waits = false
	if d.first.gone {
		return
	}
	if !d.first.in() {
		d.Ask()
		return
	}
	d.c.introduced(&introducer.Peers{Addrs: []p2p.Addr{d.first.me.Addr}})
}

func (d *sideDoor) Joined()                  {}
func (d *sideDoor) Close()                   {}
func (d *sideDoor) Handle(p2p.Peer, p2p.Msg) {}
