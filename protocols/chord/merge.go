package chord

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// The papers leave the healing of a partition to future work: two halves that
// had time to forget each other stay two rings. This extension keeps the
// addresses of nodes that it lost, or that others left out of its list, and asks
// them from time to time. If one answers, and its ring does not know this node,
// the rings are merged, as in the simple ring unification of Shafaat, Ghodsi and
// Haridi (IEEE P2P 2007): each node looks up its own id in the other ring, takes
// whom it finds there for its successor if that is nearer, and tells its old
// successor to do the same.

// maxLost bounds how many lost nodes are remembered: the newest. One that is found
// to be in the same ring stays among them, because under cuts that overlap two
// rings touch and come apart again (random plans show it).
const maxLost = 16

// A merge is what a node remembers and does to find its way back.
type merge struct {
	c      *Chord
	lost   []p2p.Addr
	probed p2p.Addr // whom it asks whether it is back
	other  p2p.Addr // the node of the other ring through which it looks up its id
	at     time.Duration
	lookup lookup
}

// lose remembers a node that does not answer.
func (g *merge) lose(c *Chord, a p2p.Addr) {
	if c.cfg.Merge == 0 || a == c.me.Addr || slices.Contains(g.lost, a) {
		return
	}
	if len(g.lost) == maxLost {
		g.lost = slices.Delete(g.lost, 0, 1)
	}
	g.lost = append(g.lost, a)
}

// probeLost asks one of the lost nodes.
func (c *Chord) probeLost() {
	g := &c.merge
	if g.probed != 0 || len(g.lost) == 0 {
		return
	}
	g.c, g.probed = c, g.lost[c.env.Rand().IntN(len(g.lost))]
	p2p.Ask(&c.calls, g.probed.Peer(), ping{}, g, (*merge).back)
}

// back hears that a lost node is back.
func (g *merge) back(r *pong) {
	a := g.probed
	g.probed = 0
	if r == nil || !g.c.in() {
		return
	}
	g.begin(g.c, a)
}

// begin looks up this node's id in the ring of the node at a. However many tell
// it to, it does so once at a time, and not twice within the time of Merge.
func (g *merge) begin(c *Chord, a p2p.Addr) {
	now := c.env.Now()
	if c.cfg.Merge == 0 || g.lookup.busy || g.at != 0 && now < g.at+c.cfg.Merge {
		return
	}
	g.c, g.other, g.at = c, a, now
	g.lookup.startAt(c, c.me.ID, g, a)
}

// located hears who owns this node's id in the other ring: the node itself, if
// it is the same ring.
func (g *merge) located(l *lookup) {
	c := g.c
	if len(l.owners) == 0 || !c.in() || l.owners[0] == c.me.Addr {
		return
	}
	if old := c.succs[0]; old != c.me {
		p2p.Send(c.env, old.peer(), meet{Through: g.other})
	}
	c.rival(c.ref(l.owners[0]))
}
