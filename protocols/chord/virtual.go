package chord

import (
	"errors"
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

// A host is a node: its points share an address and a disk.
type host struct {
	env    p2p.Env
	points []*Chord
}

// New makes a node that joins a ring, or takes up a state.
func New(cfg Config, state *p2p.State) p2p.Node {
	h := &host{}
	for i := range max(cfg.Points, 1) {
		c := &Chord{cfg: cfg}
		if i > 0 {
			c.intro = &sideDoor{c: c, first: h.points[0]}
		}
		if state != nil {
			c.start = state.Detail.(Detail).point(i)
		}
		h.points = append(h.points, c)
	}
	return h
}

// Start implements [p2p.Node].
func (h *host) Start(env p2p.Env) {
	h.env = env
	for i, c := range h.points {
		c.Start(&pointEnv{env, h, i})
	}
}

// Handle implements [p2p.Node]: it finds the point that is meant.
func (h *host) Handle(from p2p.Peer, m p2p.Msg) {
	to := 0
	switch m := m.(type) {
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
	if to < len(h.points) {
		h.points[to].Handle(from, m)
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
		h.nearest(op.Name).Do(op, answer)
	case p2p.Find:
		h.nearest(op.Name).Do(op, answer)
	case p2p.Fetch:
		h.nearest(op.Name).Do(op, answer)
	case p2p.Remove:
		h.nearest(op.Name).Do(op, answer)
	default:
		h.points[0].Do(op, done)
	}
}

func (h *host) nearest(name string) *Chord {
	best := h.points[0]
	if len(h.points) == 1 {
		return best
	}
	m := best.cfg.M
	key := m.Hash(name)
	for _, c := range h.points[1:] {
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
	left := len(h.points)
	var errs []error
	for _, c := range h.points {
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
	s := h.points[0].Inspect()
	d := s.Detail.(Detail)
	for _, c := range h.points[1:] {
		o := c.Inspect()
		d.Points = append(d.Points, o.Detail.(Detail))
		for _, a := range o.Neighbours {
			s.Neighbours = c.neighbour(s.Neighbours, a)
		}
		s.Stored = append(s.Stored, o.Stored...)
	}
	if len(h.points) > 1 {
		s.Detail = d
		slices.Sort(s.Stored)
		s.Stored = slices.Compact(s.Stored)
	}
	return s
}

// A pointEnv is a host's Env as one of its points sees it.
type pointEnv struct {
	p2p.Env
	h  *host
	no int
}

func (e *pointEnv) Self() p2p.Addr { return e.Env.Self().At(e.no) }

// Post writes on a datagram from which point to which it goes.
func (e *pointEnv) Post(to p2p.Peer, m p2p.Msg) {
	if l, ok := m.(interface{ ends() *line }); ok {
		*l.ends() = line{uint8(e.no), uint8(to.Addr.Place())}
		to.Addr = to.Addr.Node()
	}
	p2p.Ship(e.Env, to, m)
}

func (e *pointEnv) Dial(to p2p.Addr, c p2p.Codec, h p2p.Handler) p2p.Peer {
	return e.Env.Dial(to.Node(), c, h)
}

// After remembers whose timer it is, where there are several points.
func (e *pointEnv) After(d time.Duration, m p2p.Msg) p2p.Timer {
	if len(e.h.points) > 1 {
		m = &due{c: e.h.points[e.no], m: m}
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
