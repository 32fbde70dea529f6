package chord

import (
	"slices"

	"peerbed/protocols/p2p"
)

// Recursive lookup: the question travels from node to node, each hop is
// acknowledged, so a dead one is noticed by the node before it, which takes it
// out of its table and goes on with the next best.

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
	l.c.routes = append(l.c.routes, l)
	l.attempt()
}

func (l *lookup) attempt() {
	l.left--
	l.nonce = l.c.env.Rand().Uint64()
	l.timer = l.c.env.After(longest*l.c.cfg.Patience, l)
	r := &relay{c: l.c, m: route{Key: l.key, Nonce: l.nonce, Origin: l.c.me.Addr, Path: slices.Clone(l.path)}}
	r.pass()
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
	l.c.routes = slices.DeleteFunc(l.c.routes, func(o *lookup) bool { return o == l })
	l.finish(to)
}

// arrived hears the answer. The nonce tells which question it belongs to; a
// stranger cannot guess one.
func (c *Chord) arrived(m *routed) {
	for _, l := range c.routes {
		if l.nonce == m.Nonce {
			l.path = append(l.path[:0], m.Path...)
			l.end(&m.choice)
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

// answer ends the lookup, at its asker.
func (r *relay) answer(to *choice) {
	if !to.Done {
		to = &choice{}
	}
	m := routed{Nonce: r.m.Nonce, choice: *to, Path: r.m.Path}
	if r.m.Origin == r.c.me.Addr {
		r.c.arrived(&m)
		return
	}
	p2p.Send(r.c.env, r.m.Origin.Peer(), m)
}
