package pastry

import (
	"slices"

	"peerbed/protocols/p2p"
)

// The paper says that a partition may leave networks apart for good, and suggests
// to search for others by multicast now and then (section 2.4). This extension needs no
// multicast: a node remembers whom it has lost, pings one of them from time to
// time, and sends a scout to its own id from the first that answers. If that is
// in another network, the scout finds this node's neighbours there; the exchange
// of leaf sets then does the rest.

// maxLost bounds how many lost nodes are remembered: the newest.
const maxLost = 16

// A merge is what a node remembers of others. Where merging is off there is none:
// a nil merge does nothing.
type merge struct {
	p      *Pastry
	lost   []p2p.Addr
	probed p2p.Addr // whom it asks whether it is back
}

// lose remembers a node that has gone out of the tables.
func (g *merge) lose(a p2p.Addr) {
	if g == nil || a == g.p.me.Addr {
		return
	}
	g.lost = slices.DeleteFunc(g.lost, func(o p2p.Addr) bool { return o == a })
	if len(g.lost) == maxLost {
		g.lost = slices.Delete(g.lost, 0, 1)
	}
	g.lost = append(g.lost, a)
}

// probe asks one of the lost nodes.
func (g *merge) probe() {
	if g.probed != 0 || len(g.lost) == 0 {
		return
	}
	g.probed = g.lost[g.p.env.Rand().IntN(len(g.lost))]
	p2p.Ask(&g.p.calls, g.probed.Peer(), ping{}, g, (*merge).back)
}

// back hears that a lost node is back.
func (g *merge) back(m *pong) {
	a := g.probed
	g.probed = 0
	if m != nil && g.p.ready {
		g.p.seek(a)
	}
}

// seek looks for this node's neighbours in the network of the node at a.
func (p *Pastry) seek(a p2p.Addr) {
	p.met(a)
	p.sought = p.env.Rand().Uint64() | 1
	p2p.Ask(&p.calls, a.Peer(), scout{p.homeward(p.sought, a)}, p, (*Pastry).scouting)
}

// homeward is a route to this node's own id that begins at the node at a.
func (p *Pastry) homeward(nonce uint64, a p2p.Addr) route {
	return route{Key: p.me.ID, Nonce: nonce, Origin: p.me.Addr, Path: []stage{{Addr: a}}}
}

// scouting hears that the scout is on its way, or not: then another will be sent.
func (p *Pastry) scouting(*nod) {}

// scouted hears who is around this node's id there.
func (p *Pastry) scouted(from p2p.Addr, m *scouted) {
	if !p.ready || m.Nonce != p.sought || p.sought == 0 {
		return
	}
	p.sought = 0
	p.met(from)
	p.hear(m.sides)
}
