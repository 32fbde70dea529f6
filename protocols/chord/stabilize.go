package chord

import "peerbed/protocols/p2p"

// tries is how often a neighbour on the ring may leave a question unanswered,
// one after the other, before it is taken for dead: a lost datagram should not
// tear the ring.
const tries = 2

// stabilize begins a round: it asks the successor for its predecessor and its
// successor list.
func (c *Chord) stabilize() {
	switch {
	case !c.alone():
		c.ask(c.succs[0])
	case c.pred.known(): // somebody joined through this node
		c.ask(c.pred)
	}
}

func (c *Chord) ask(r Ref) {
	if c.asked.known() {
		return // the round under way finds out
	}
	c.asked = r
	p2p.Ask(&c.calls, r.peer(), getNeighbours{}, c, (*Chord).stabilized)
}

// stabilized goes on with the round: nil means that nobody answered.
func (c *Chord) stabilized(r *neighbours) {
	asked := c.asked
	c.asked = Ref{}
	if r == nil {
		c.unanswered(asked)
		return
	}
	c.missed.succ = 0
	c.rules().heard(c, asked, r)
}

// unanswered asks the successor once more before it gives it up for the next.
func (c *Chord) unanswered(asked Ref) {
	head := c.succs[0]
	switch {
	case asked != head: // a predecessor of the successor, that it will miss too
		if head != c.me {
			p2p.Send(c.env, head.peer(), notify{})
		}
		return
	case c.missed.succ+1 < tries:
		c.missed.succ++
	default:
		c.missed.succ = 0
		c.failed(asked.Addr)
	}
	c.stabilize()
}

func (c *Chord) answerNeighbours(from p2p.Peer, q *getNeighbours) {
	m := p2p.New[neighbours](c.env)
	m.Tag = q.Tag
	m.Pred = c.pred.Addr
	m.Succs = c.successors(m.Succs[:0], 0, nil)
	p2p.Ship(c.env, from, m)
}

// notified hears from a node that takes this one for its successor.
func (c *Chord) notified(r Ref) {
	if r == c.me || c.pred.known() && !c.cfg.M.Between(r.ID, c.pred.ID, c.me.ID) {
		return
	}
	if c.pred.known() {
		c.merge.lose(c.pred.Addr)
	}
	c.pred = r
	c.missed.pred = 0
	if c.alone() {
		c.stabilize()
	}
}

// checkPredecessor pings the predecessor, so that a dead one makes room.
func (c *Chord) checkPredecessor() {
	if c.pinged.known() || !c.pred.known() {
		return
	}
	c.pinged = c.pred
	p2p.Ask(&c.calls, c.pred.peer(), ping{}, c, (*Chord).checked)
}

func (c *Chord) checked(r *pong) {
	pinged := c.pinged
	c.pinged = Ref{}
	switch {
	case r != nil || pinged != c.pred:
		c.missed.pred = 0
	case c.missed.pred+1 < tries:
		c.missed.pred++
		c.checkPredecessor()
	default:
		c.missed.pred = 0
		c.failed(pinged.Addr)
	}
}

// suspect checks a node of the table that others found dead. One at a time: a
// liar cannot make this node send more than that.
func (c *Chord) suspect(a p2p.Addr) {
	r := c.ref(a)
	if c.doubt.known() || !c.lists(r) {
		return
	}
	c.doubt = r
	p2p.Ask(&c.calls, r.peer(), ping{}, c, (*Chord).cleared)
}

// suspectAll does so with a list of them.
func (c *Chord) suspectAll(list []p2p.Addr) {
	for _, a := range list {
		c.suspect(a)
	}
}

func (c *Chord) cleared(r *pong) {
	if r == nil {
		c.failed(c.doubt.Addr)
	}
	c.doubt = Ref{}
}
