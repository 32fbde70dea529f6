package chord

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// The papers leave the healing of a partition to future work: two halves that
// had time to forget each other stay two rings. This extension keeps the
// addresses of nodes that have gone out of its table, and asks them from time to
// time. If one answers, and its ring does not know this node, the rings are
// merged, as in the simple ring unification of Shafaat, Ghodsi and Haridi (IEEE
// P2P 2007): each node looks up its own id in the other ring, takes whom it finds
// there for its successor if that is nearer, and tells its old successor to do the
// same.

// maxLost bounds how many lost nodes are remembered: the newest. One that is found
// to be in the same ring stays among them, because under cuts that overlap two
// rings touch and come apart again (random plans show it). One that has said nothing
// for as long as mourning is forgotten, for whoever leaves for good would be asked for
// ever.
const (
	maxLost  = 16
	mourning = time.Hour
)

// A missed node went out of the table, or answered last, at a time.
type missed struct {
	addr p2p.Addr
	at   time.Duration
}

// A merge is what a node remembers and does to find its way back.
type merge struct {
	c      *Chord
	lost   []missed
	probed p2p.Addr      // whom it asks whether it is back
	other  p2p.Addr      // the node of the other ring through which it looks up its id
	at     time.Duration // when it began to, the last time; 0: never
	lookup lookup
}

// lose remembers a node that has gone out of the table: it did not answer, or
// another took its place. (Where merging is off there is no merge: lose and begin
// do nothing.)
func (g *merge) lose(a p2p.Addr) {
	if g == nil || a == g.c.me.Addr || g.find(a) >= 0 {
		return
	}
	if len(g.lost) == maxLost {
		g.lost = slices.Delete(g.lost, 0, 1)
	}
	g.lost = append(g.lost, missed{a, g.c.env.Now()})
}

func (g *merge) find(a p2p.Addr) int {
	return slices.IndexFunc(g.lost, func(m missed) bool { return m.addr == a })
}

// loseLeftOut remembers whom a new list leaves out: others may be wrong about it,
// or cut off from it.
func (g *merge) loseLeftOut(was, is []Ref) {
	if g == nil {
		return
	}
	for _, r := range was {
		if !slices.Contains(is, r) {
			g.lose(r.Addr)
		}
	}
}

// probe asks one of the lost nodes.
func (g *merge) probe() {
	now := g.c.env.Now()
	g.lost = slices.DeleteFunc(g.lost, func(m missed) bool { return now-m.at > mourning })
	if g.probed != 0 || len(g.lost) == 0 {
		return
	}
	g.probed = g.lost[g.c.env.Rand().IntN(len(g.lost))].addr
	p2p.Ask(&g.c.calls, g.probed.Peer(), ping{}, g, (*merge).back)
}

// back hears that a lost node is back.
func (g *merge) back(r *pong) {
	a := g.probed
	g.probed = 0
	if i := g.find(a); r != nil && i >= 0 {
		g.lost[i].at = g.c.env.Now()
	}
	if r != nil && g.c.in() {
		g.begin(a)
	}
}

// begin looks up this node's id in the ring of the node at a. However many tell
// it to, it does so once at a time, and not twice within the time of Merge.
func (g *merge) begin(a p2p.Addr) {
	if g == nil || g.lookup.busy || g.at != 0 && g.c.env.Now() < g.at+g.c.cfg.Merge {
		return
	}
	g.other, g.at = a, g.c.env.Now()
	g.lookup.startAt(g.c, g.c.me.ID, g, a)
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
