package pastry

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// A via names an entry of a node's tables: 0 is the node itself.
type via uint16

const (
	viaLeaf  via = 1 << 13 // + 64 * side + place
	viaNear  via = 1 << 14 // + place
	viaTable via = 1 << 15 // + 64 * row + digit
	viaMask      = viaLeaf - 1
)

func leaf(side, i int) via       { return viaLeaf + via(64*side+i) }
func entryOf(row, digit int) via { return viaTable + via(64*row+digit) }
func nearOf(i int) via           { return viaNear + via(i) }

// String writes an entry as people say it: "row 2 digit 7", "leaf +1", "leaf -3"
// (the third on the smaller side), "near 4".
func (v via) String() string {
	n := int(v & viaMask)
	switch {
	case v == 0:
		return ""
	case v&viaTable != 0:
		return fmt.Sprintf("row %d digit %d", n/64, n%64)
	case v&viaNear != 0:
		return fmt.Sprintf("near %d", n+1)
	case n < 64:
		return fmt.Sprintf("leaf -%d", n+1)
	}
	return fmt.Sprintf("leaf +%d", n-63)
}

// A contact is a node and how long a message takes there and back; 0: nobody
// has measured it.
type contact struct {
	Ref
	rtt time.Duration
}

// A slot of the routing table is for nodes that share row digits with the table's
// owner and have another one, digit, next (section 2.1).
type slot struct {
	row, digit uint8
	contact
}

// A table is the slots that are taken, in their order. Only they take memory:
// log_2^b N rows of up to 2^b - 1.
type table []slot

func (t table) at(row, digit int) (i int, taken bool) {
	return slices.BinarySearchFunc(t, row<<8|digit, func(s slot, want int) int {
		return cmp.Compare(int(s.row)<<8|int(s.digit), want)
	})
}

// row returns the slots of one row that are taken.
func (t table) row(row int) table {
	from, _ := t.at(row, 0)
	to, _ := t.at(row+1, 0)
	return t[from:to]
}

func (t table) index(a p2p.Addr) int {
	return slices.IndexFunc(t, func(s slot) bool { return s.Addr == a })
}

// offer puts a node into its slot if that is free or, by proximity, further away.
func (p *Pastry) offer(c contact) {
	row := p.shared(p.me.ID, c.ID)
	digit := p.digit(c.ID, row)
	i, taken := p.table.at(row, digit)
	switch {
	case !taken:
		p.table = slices.Insert(p.table, i, slot{uint8(row), uint8(digit), c})
	case p.table[i].Addr == c.Addr:
		p.table[i].rtt = c.rtt
	case p.cfg.Proximity == Nearest && c.rtt < p.table[i].rtt:
		p.table[i].contact = c
	}
}

// approach keeps a node in the neighbourhood set if it is among the nearest.
func (p *Pastry) approach(c contact) {
	p.near = slices.DeleteFunc(p.near, func(n contact) bool { return n.Addr == c.Addr })
	i, _ := slices.BinarySearchFunc(p.near, c.rtt, func(n contact, rtt time.Duration) int { return cmp.Compare(n.rtt, rtt) })
	if i < p.cfg.Near {
		p.near = slices.Insert(p.near, i, c)
		p.near = p.near[:min(len(p.near), p.cfg.Near)]
	}
}

// place takes a node that has just answered, after rtt, into all tables where it
// belongs. Nobody enters them unheard.
func (p *Pastry) place(r Ref, rtt time.Duration) {
	if r.ID == p.me.ID {
		return
	}
	p.takeLeaf(r)
	c := contact{r, max(rtt, 1)}
	p.offer(c)
	p.approach(c)
}

// takeLeaf takes a node into the leaf set, if it belongs there. Who is crowded out
// may be wanted again.
func (p *Pastry) takeLeaf(r Ref) {
	for _, out := range p.leaves.add(r) {
		if out.known() && !p.leaves.has(out.Addr) {
			p.merge.lose(out.Addr)
		}
	}
}

// useful reports whether a node might enter a table: the leaf set, an empty slot,
// or, in a contest, one that another has.
func (p *Pastry) useful(r Ref, contest bool) bool {
	if r.ID == p.me.ID {
		return false
	}
	row := p.shared(p.me.ID, r.ID)
	i, taken := p.table.at(row, p.digit(r.ID, row))
	other := taken && p.table[i].Addr != r.Addr
	return p.leaves.fits(r) || !taken || contest && other && p.cfg.Proximity == Nearest
}

// ref returns a node by its address. Ids of those in the tables are known
// already; only others are hashed.
func (p *Pastry) ref(a p2p.Addr) Ref {
	for _, list := range p.leaves.sides {
		for _, r := range list {
			if r.Addr == a {
				return r
			}
		}
	}
	if i := p.table.index(a); i >= 0 {
		return p.table[i].Ref
	}
	return Ref{a, p.Addr(a)}
}

// lists reports whether a node stands in one of the tables.
func (p *Pastry) lists(a p2p.Addr) bool {
	return p.leaves.has(a) || p.table.index(a) >= 0 || slices.ContainsFunc(p.near, func(c contact) bool { return c.Addr == a })
}

// everybody returns the addresses in all tables, each once.
func (p *Pastry) everybody() []p2p.Addr {
	list := p.leaves.all(nil)
	add := func(a p2p.Addr) {
		if !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	for _, s := range p.table {
		add(s.Addr)
	}
	for _, c := range p.near {
		add(c.Addr)
	}
	return list
}
