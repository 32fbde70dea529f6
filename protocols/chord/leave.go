package chord

import (
	"errors"

	"peerbed/protocols/p2p"
)

// A leave hands what a node stores to its successor and then says good-bye to
// its neighbours, as in section IV-E.4 of the ToN paper.
type leave struct {
	c    *Chord
	i    int // of the store, whose turn it is
	done func(p2p.Result)
}

func (c *Chord) leave(done func(p2p.Result)) {
	l := &leave{c: c, done: done}
	l.next()
}

func (l *leave) next() {
	c := l.c
	if c.alone() || l.i >= len(c.stored()) {
		c.goodbye()
		l.done(p2p.Result{})
		return
	}
	e := c.store[l.i]
	if e.Gone {
		p2p.Send(c.env, c.heir().Peer(), remove{Name: e.Name, Version: e.Version})
		l.i++
		l.next()
		return
	}
	c.upload(c.heir(), e, c.blob(&e), l)
}

// heir returns the first successor on another node: points of this one leave too.
func (c *Chord) heir() p2p.Addr {
	for _, r := range c.succs {
		if r.Addr.Node() != c.me.Addr.Node() {
			return r.Addr
		}
	}
	return c.succs[0].Addr
}

// uploaded goes on, also if the successor refused the object, but not if it
// does not answer: nobody waits for a silent one once for each object.
func (l *leave) uploaded(_ *upload, err error) {
	l.i++
	if errors.Is(err, p2p.ErrSilent) {
		l.i = len(l.c.stored())
	}
	l.next()
}

func (c *Chord) goodbye() {
	if c.pred.known() && c.pred != c.me {
		p2p.Send(c.env, c.pred.peer(), c.farewell())
	}
	if head := c.succs[0]; head != c.me && head != c.pred {
		p2p.Send(c.env, head.peer(), c.farewell())
	}
	c.door().Close()
	c.gone = true
}

func (c *Chord) farewell() bye { return bye{Pred: c.pred.Addr, Succs: c.successors(nil, 0, nil)} }

// left takes a node that says good-bye out of the table, and closes the gap.
// Only a neighbour on the ring can change who is next to this node.
func (c *Chord) left(a p2p.Addr, m *bye) {
	gone := c.ref(a)
	wasPred, wasSucc := gone == c.pred, gone == c.succs[0]
	if !c.lists(gone) {
		return
	}
	c.drop(a)
	if wasPred && m.Pred != 0 && m.Pred != c.me.Addr {
		c.notified(c.ref(m.Pred))
	}
	if wasSucc {
		c.rules().closeGap(c, m.Succs)
	}
}
