package chord

import (
	"fmt"
	"slices"
	"time"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// pause is the mean time before a node that could not join tries again.
const pause = time.Second

// introduced hears from the introducer through whom to join.
func (c *Chord) introduced(m *introducer.Peers) {
	switch {
	case c.in() && !c.alone(): // somebody joined through this node meanwhile
		c.door().Joined()
	case m.First:
		c.succs = append(c.succs[:0], c.me)
		c.run()
		c.door().Joined()
	default:
		j := &join{c: c, peers: slices.Clone(m.Addrs)}
		j.next()
	}
}

// solitude is the lot of a node that lost all it knew: it is a ring of its own,
// keeps its objects, and asks the introducer for others.
func (c *Chord) solitude() {
	c.succs = append(c.succs[:0], c.me)
	if c.cfg.Introducer != "" {
		c.after(pause, tickJoin)
	}
}

// A join is the way into a ring: find the successor through a node that is in
// it, and copy the successor's list.
type join struct {
	c      *Chord
	peers  []p2p.Addr // still to try
	lookup lookup
	succ   Ref
	beyond Ref  // answered, and has succ for its predecessor; zero: nobody yet
	silent bool // the predecessor of succ is
}

func (j *join) next() {
	c := j.c
	switch {
	case c.in() && !c.alone():
		c.door().Joined()
	case len(j.peers) == 0:
		if c.in() {
			c.door().Joined()
		}
		c.after(pause, tickJoin)
	default:
		a := j.peers[0]
		j.peers = j.peers[1:]
		j.lookup.startAt(c, c.me.ID, j, a)
	}
}

// located hears who owns this node's id. It may be said to be this very node,
// by those that have not noticed its crash: then it is the one after it.
func (j *join) located(l *lookup) {
	i := slices.IndexFunc(l.owners, func(a p2p.Addr) bool { return a != j.c.me.Addr })
	if i < 0 {
		j.next()
		return
	}
	j.succ, j.beyond, j.silent = j.c.ref(l.owners[i]), Ref{}, false
	if j.succ.ID == j.c.me.ID {
		j.c.giveWay(j.succ)
		return
	}
	j.c.rules().enter(j)
}

func (j *join) ask() { p2p.Ask(&j.c.calls, j.succ.peer(), getNeighbours{}, j, (*join).admitted) }

// admitted hears from the successor. What the lookup told may be out of date: as
// long as the successor has a predecessor that lies nearer, the newcomer goes
// back to that one. Only then is it a member, or its list would skip nodes that
// no other list skips (random plans show it).
func (j *join) admitted(r *neighbours) {
	c := j.c
	switch {
	case c.in() && !c.alone() || r == nil && !j.beyond.known():
		j.next()
		return
	case r == nil:
		j.succ, j.beyond, j.silent = j.beyond, Ref{}, true
		j.ask()
		return
	case r.Pred != 0 && !j.silent && c.cfg.M.Between(c.ref(r.Pred).ID, c.me.ID, j.succ.ID):
		j.succ, j.beyond = c.ref(r.Pred), j.succ
		j.ask()
		return
	}
	c.run()
	c.rules().heard(c, j.succ, r)
	if c.in() {
		c.door().Joined()
	}
}

// giveWay leaves the ring to another node with the same id, that joined at the
// same time, and tries again later.
func (c *Chord) giveWay(to Ref) {
	c.calls.Drop(c)
	c.asked, c.pinged, c.doubt = Ref{}, Ref{}, Ref{}
	c.pred, c.succs, c.fingers = Ref{}, c.succs[:0], c.fingers[:0]
	c.taken = to.Addr
	c.after(pause, tickJoin)
}

// notJoined says why a wish must wait.
func (c *Chord) notJoined() error {
	if c.taken != 0 {
		return fmt.Errorf("%w: the id %s belongs to %v already; use another port or a larger m",
			p2p.ErrNotJoined, c.cfg.M.Text(c.me.ID), c.taken)
	}
	return p2p.ErrNotJoined
}
