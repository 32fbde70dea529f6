package chord

import "peerbed/protocols/p2p"

// Operations are one version of how the ring is kept: of join, stabilise and
// the upkeep of the successor list. Notify, and giving up a dead neighbour, are
// the same in both.
type Operations uint8

const (
	// Corrected: nobody becomes the successor who has not answered, and the
	// list behind the successor comes from that same answer, as Zave found
	// it must be (IEEE TSE 43(12), 2017).
	Corrected Operations = iota
	// Published: as SIGCOMM 2001 has them and Zave formalised them (CCR
	// 42(2), 2012). A node takes for its successor whom it is told of,
	// without asking whether that one lives, and copies the successor's list
	// in a step of its own. None of the invariants claimed for them holds.
	Published
)

var operationsNames = []string{Corrected: "corrected", Published: "published"}

// A rulebook is what the versions do differently.
type rulebook interface {
	// enter makes a member of a node that has found its successor.
	enter(j *join)
	// heard takes the answer of the one whom stabilisation asked.
	heard(c *Chord, asked Ref, r *neighbours)
	// closeGap goes on without a successor that has left and said who follows.
	closeGap(c *Chord, next []p2p.Addr)
}

// rules returns what the node's version does.
func (c *Chord) rules() rulebook {
	return [...]rulebook{Corrected: corrected{}, Published: published{}}[c.cfg.Operations]
}

type (
	corrected struct{}
	published struct{}
)

// MarshalText writes the name of the version.
func (o Operations) MarshalText() ([]byte, error) { return []byte(operationsNames[o]), nil }

// UnmarshalText reads it.
func (o *Operations) UnmarshalText(b []byte) (err error) {
	*o, err = pick[Operations](b, operationsNames)
	return err
}

// enter asks the successor that the lookup named for its place on the ring: the
// first round of stabilisation, which makes a member of the newcomer.
func (corrected) enter(j *join) { j.ask() }

// heard takes an answer: who was asked lives, so it is the successor, and its
// list goes on from there. If it has a predecessor that lies nearer, that one is
// asked in the same round, and becomes the successor if it answers: unlike in
// the paper a node never follows one that it has not heard from, and one that
// is far behind, as when many have joined at once, does not wait for the next
// round to come nearer.
func (corrected) heard(c *Chord, asked Ref, r *neighbours) {
	c.follow(asked, r.Succs)
	if r.Pred != 0 && r.Pred != c.me.Addr {
		p := c.ref(r.Pred)
		if p.ID == c.me.ID {
			c.giveWay(p)
			return
		}
		if c.cfg.M.Between(p.ID, c.me.ID, asked.ID) {
			c.ask(p)
			return
		}
	}
	p2p.Send(c.env, asked.peer(), notify{})
}

// closeGap asks whom the leaver named, if that one lies nearer than the next in
// the list: it becomes the successor once it answers.
func (corrected) closeGap(c *Chord, next []p2p.Addr) {
	if len(next) > 0 {
		if n := c.ref(next[0]); n != c.me && c.cfg.M.Between(n.ID, c.me.ID, c.succs[0].ID) {
			c.ask(n)
			return
		}
	}
	c.stabilize()
}

// enter is the join of 2001: the successor is whom the lookup named. Notify and
// the successor list are left to stabilisation.
func (published) enter(j *join) {
	j.c.succs = append(j.c.succs[:0], j.succ)
	j.c.run()
	j.c.door().Joined()
}

// heard is the stabilise of 2001: if the successor has a predecessor that lies
// nearer, that one is the successor from now on, alive or not. It stands in
// place of the first entry of the list; the others stay as they are until
// reconcile.
func (published) heard(c *Chord, asked Ref, r *neighbours) {
	p := c.ref(r.Pred)
	switch {
	case p.known() && p != c.me && p.ID == c.me.ID:
		c.giveWay(p)
		return
	case c.alone():
		c.succs[0] = asked
	case asked != c.succs[0]: // it is not the successor any more
		return
	}
	if p.known() && c.cfg.M.Between(p.ID, c.me.ID, asked.ID) {
		c.succs[0] = p
	}
	p2p.Send(c.env, c.succs[0].peer(), notify{})
	p2p.Ask(&c.calls, c.succs[0].peer(), getNeighbours{}, &reconcile{c, c.succs[0]}, (*reconcile).answered)
}

// reconcile copies the successor's list behind the successor, as it is: the
// second half of a round of stabilisation, by when the first may be out of date.
// A successor that does not answer is given up by the next round.
type reconcile struct {
	c    *Chord
	with Ref
}

func (o *reconcile) answered(r *neighbours) {
	c := o.c
	if r == nil || !c.in() || c.succs[0] != o.with {
		return
	}
	most := c.listLength()
	c.succs = c.succs[:1]
	for _, a := range r.Succs {
		if a == c.me.Addr || len(c.succs) == most {
			return
		}
		c.succs = append(c.succs, c.ref(a))
	}
}

// closeGap takes over the list of a successor that has left (ToN, section
// IV-E.4).
func (published) closeGap(c *Chord, next []p2p.Addr) {
	if len(next) > 0 && next[0] != c.me.Addr {
		c.follow(c.ref(next[0]), next[1:])
	}
	c.stabilize()
}
