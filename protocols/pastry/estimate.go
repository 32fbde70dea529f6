package pastry

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// The heuristic of section 2.5. The k nodes that store an object may have other
// first digits than its key, if the key lies near the end of a prefix; routing by
// prefix then finds only some of them near. From the density of its leaf set a node
// estimates how far from the key the k closest reach, and sends a find to the
// nearest node that it knows among those. (The paper says no more than that it
// works so; the rest is ours.)

// reach is how far from a key its k closest nodes lie, by the density of the leaf
// set; 0: the node knows too few.
func (p *Pastry) reach(k int) ring.ID {
	low, high := p.leaves.sides[smaller], p.leaves.sides[larger]
	if len(low) < p.leaves.half || len(high) < p.leaves.half {
		return 0
	}
	spacing := p.leaves.away(smaller, low[len(low)-1].ID)/ring.ID(2*len(low)) + p.leaves.away(larger, high[len(high)-1].ID)/ring.ID(2*len(high))
	return spacing * ring.ID(k) / 2
}

// likely returns the nearest node that is known to be within reach of the key and
// so likely to have a copy; nobody, if there is none.
func (p *Pastry) likely(key ring.ID, not []p2p.Addr) (best Ref, by via) {
	reach := p.reach(p.cfg.Copies)
	nearest := time.Duration(0)
	try := func(c contact, v via) {
		if c.rtt > 0 && p.apart(key, c.ID) < reach && (nearest == 0 || c.rtt < nearest) && !slices.Contains(not, c.Addr) {
			best, by, nearest = c.Ref, v, c.rtt
		}
	}
	for _, s := range p.table {
		try(s.contact, entryOf(int(s.row), int(s.digit)))
	}
	for i, c := range p.near {
		try(c, nearOf(i))
	}
	return best, by
}
