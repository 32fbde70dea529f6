package chord

import (
	"slices"

	"peerbed/protocols/p2p"
)

// Recursive lookup: the question travels from node to node, each hop is
// acknowledged, so a dead one is noticed by the node before it, which takes it
// out of its table and goes on with the next best. Where the Style of the asker
// is Unacknowledged the question has no tag, and nobody waits for anything but
// the asker for its answer.

const (
	// attempts is how often the asker sends a question that gets lost on the
	// way (a node that took it over and died).
	attempts = 2
	// longest is how long an attempt may take, counted in Patience: a few
	// dead nodes on the way are waited for.
	longest = 8
)

// send begins a recursive lookup.
func (l *lookup) send() {
	l.left = attempts
	l.next, l.c.routes = l.c.routes, l
	l.attempt()
}

func (l *lookup) attempt() {
	l.left--
	l.nonce = l.c.env.Rand().Uint64()
	l.timer = l.c.env.After(longest*l.c.cfg.Patience, l)
	q := route{Key: l.key, Nonce: l.nonce, Origin: l.c.me.Addr, Path: l.path}
	if l.c.cfg.Lookup == Unacknowledged {
		l.c.handOn(&q)
		return
	}
	q.Path = slices.Clone(q.Path)
	r := &relay{c: l.c, m: q}
	r.pass()
}

// handOn passes a question on, or answers it, and is done with it.
func (c *Chord) handOn(q *route) {
	done, v, a := c.toward(q.Key, nil)
	if done || a == 0 || len(q.Path) >= maxHops-1 {
		c.close(q)
		return
	}
	m := p2p.New[route](c.env)
	path := append(append(m.Path[:0], q.Path...), stage{a, v})
	*m = route{Key: q.Key, Nonce: q.Nonce, Origin: q.Origin, Path: path}
	p2p.Ship(c.env, a.Peer(), m)
}

// close answers a question with what this node knows.
func (c *Chord) close(q *route) {
	m := p2p.New[routed](c.env)
	c.wayToCopies(q.Key, nil, &m.choice)
	c.reply(q, m)
}

// rang hears that no answer came in time.
func (l *lookup) rang() {
	if l.left > 0 {
		l.attempt()
		return
	}
	l.end(&choice{})
}

func (l *lookup) end(to *choice) {
	l.c.env.Stop(l.timer)
	at := &l.c.routes
	for *at != l {
		at = &(*at).next
	}
	*at = l.next
	l.finish(to)
}

// arrived hears the answer. The nonce tells which question it belongs to; a
// stranger cannot guess one.
func (c *Chord) arrived(nonce uint64, to *choice, path []stage) {
	for l := c.routes; l != nil; l = l.next {
		if l.nonce == nonce {
			l.path = append(l.path[:0], path...)
			l.end(to)
			return
		}
	}
}

// A relay is a question that this node has to pass on.
type relay struct {
	c    *Chord
	m    route // Path ends with this node
	to   stage
	dead []p2p.Addr
}

func (c *Chord) relay(from p2p.Peer, m *route) {
	if m.ID == 0 {
		c.handOn(m)
		return
	}
	p2p.Reply(c.env, from, m.Tag, ack{})
	r := &relay{c: c, m: *m}
	r.m.Path = slices.Clone(m.Path)
	r.pass()
}

// pass hands the question to the next node, or answers it.
func (r *relay) pass() {
	var to choice
	r.c.wayToCopies(r.m.Key, r.dead, &to)
	if to.Done || len(to.Nodes) == 0 || len(r.m.Path) >= maxHops-1 {
		r.answer(&to)
		return
	}
	r.to = stage{to.Nodes[0], to.Via}
	m := r.m
	m.Path = append(slices.Clip(m.Path), r.to)
	p2p.Ask(&r.c.calls, r.to.Addr.Peer(), m, r, (*relay).passed)
}

func (r *relay) passed(a *ack) {
	if a != nil {
		return
	}
	r.c.suspect(r.to.Addr)
	if r.dead = append(r.dead, r.to.Addr); len(r.dead) == maxDead {
		r.answer(&choice{})
		return
	}
	r.pass()
}

func (r *relay) answer(to *choice) {
	m := p2p.New[routed](r.c.env)
	m.choice = choice{to.Done, to.Via, append(m.Nodes[:0], to.Nodes...)}
	r.c.reply(&r.m, m)
}

// reply ends the lookup, at its asker, with the choice in m.
func (c *Chord) reply(q *route, m *routed) {
	if !m.Done {
		m.choice = choice{Nodes: m.Nodes[:0]}
	}
	if q.Origin == c.me.Addr {
		c.arrived(q.Nonce, &m.choice, q.Path)
		return
	}
	*m = routed{Nonce: q.Nonce, choice: m.choice, Path: append(m.Path[:0], q.Path...)}
	p2p.Ship(c.env, q.Origin.Peer(), m)
}
