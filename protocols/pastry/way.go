package pastry

import (
	"slices"

	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// way is the routing of section 2.2: the next hop towards a key, and the entry of
// the tables that names it, leaving out the nodes in not. It is this node if it
// is the root: the closest to the key of all it knows, those in not included,
// for a node that was only silent must not lose its keys to another. (Only except
// does not count: a node that looks for its own place is not the one to find.) It
// is nobody where only nodes in not would do.
//
// A key between the leaves goes to the closest of them; else to the node that
// shares one more digit with it; else, rarely, to any that shares as many and is
// closer. So no hop goes back.
func (p *Pastry) way(key ring.ID, except p2p.Addr, not []p2p.Addr) (next Ref, by via) {
	if p.leaves.covers(key) {
		if best, _ := p.leaves.closest(key, p.me.ID, []p2p.Addr{except}); !best.known() {
			return p.me, 0
		}
		return p.leaves.closest(key, p.me.ID, not)
	}
	row := p.shared(p.me.ID, key)
	digit := p.digit(key, row)
	if i, taken := p.table.at(row, digit); taken && !slices.Contains(not, p.table[i].Addr) {
		return p.table[i].Ref, entryOf(row, digit)
	}
	return p.rare(key, row, not)
}

// rare finds, among all that the node knows, the closest to the key that shares
// row digits with it and is closer than the node itself.
func (p *Pastry) rare(key ring.ID, row int, not []p2p.Addr) (best Ref, by via) {
	id := p.me.ID
	try := func(r Ref, v via) {
		if p.closer(key, r.ID, id) && p.shared(r.ID, key) >= row && !slices.Contains(not, r.Addr) {
			best, by, id = r, v, r.ID
		}
	}
	for side, list := range p.leaves.sides {
		for i, r := range list {
			try(r, leaf(side, i))
		}
	}
	for _, s := range p.table {
		try(s.Ref, entryOf(int(s.row), int(s.digit)))
	}
	for i, c := range p.near {
		try(c.Ref, nearOf(i))
	}
	return best, by
}

// closest returns the n nodes closest to a key, of the leaf set and this node:
// the first is the root, if this node is among them.
func (p *Pastry) closest(key ring.ID, n int) []p2p.Addr {
	list := []Ref{p.me}
	for _, side := range p.leaves.sides {
		for _, r := range side {
			if !slices.Contains(list, r) {
				list = append(list, r)
			}
		}
	}
	slices.SortFunc(list, func(a, b Ref) int {
		if a == b {
			return 0
		}
		if p.closer(key, a.ID, b.ID) {
			return -1
		}
		return 1
	})
	addrs := make([]p2p.Addr, 0, n)
	for _, r := range list[:min(n, len(list))] {
		addrs = append(addrs, r.Addr)
	}
	return addrs
}

// keeps reports whether this node is one of those that store a key's objects.
func (p *Pastry) keeps(key ring.ID) bool {
	return slices.Contains(p.closest(key, p.cfg.Copies), p.me.Addr)
}
