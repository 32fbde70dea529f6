package pastry

import (
	"slices"

	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// A Ref is a node as others know it: its address, and its id, which is worked
// out from the address here and never taken from a message. So nobody can
// choose its place on the circle. The zero Ref is nobody.
type Ref struct {
	Addr p2p.Addr
	ID   ring.ID
}

func (r Ref) known() bool    { return r.Addr != 0 }
func (r Ref) peer() p2p.Peer { return r.Addr.Peer() }

// The sides of a leaf set.
const (
	smaller = 0 // counter-clockwise
	larger  = 1
)

// A leafSet is the nodes that come next on the circle in both directions
// (section 2.1). Where there are few, a node stands on both sides.
type leafSet struct {
	space
	me      ring.ID
	half    int
	sides   [2][]Ref // nearest first
	version uint32   // counts the changes
}

// away is how far an id is in the direction of a side.
func (l *leafSet) away(side int, id ring.ID) ring.ID {
	if side == smaller {
		return l.Distance(id, l.me)
	}
	return l.Distance(l.me, id)
}

// place returns where on a side an id stands, or would stand.
func (l *leafSet) place(side int, id ring.ID) int {
	far := l.away(side, id)
	for i, r := range l.sides[side] {
		if l.away(side, r.ID) >= far {
			return i
		}
	}
	return len(l.sides[side])
}

// fits reports whether a node that is not there would be taken in.
func (l *leafSet) fits(r Ref) bool {
	return r.ID != l.me && !l.has(r.Addr) && (l.place(smaller, r.ID) < l.half || l.place(larger, r.ID) < l.half)
}

func (l *leafSet) has(a p2p.Addr) bool {
	is := func(r Ref) bool { return r.Addr == a }
	return slices.ContainsFunc(l.sides[smaller], is) || slices.ContainsFunc(l.sides[larger], is)
}

// add takes a node in, on each side where it belongs, and returns whom it
// crowds out of the leaf set, the zero Ref if nobody.
func (l *leafSet) add(r Ref) (out [2]Ref) {
	if r.ID == l.me {
		return out
	}
	for side, list := range l.sides {
		i := l.place(side, r.ID)
		if i == l.half || i < len(list) && list[i].ID == r.ID {
			continue
		}
		list = slices.Insert(list, i, r)
		if len(list) > l.half {
			out[side] = list[l.half]
			list = list[:l.half]
		}
		l.sides[side] = list
		l.version++
	}
	return out
}

// drop takes a node out, and reports from which sides.
func (l *leafSet) drop(a p2p.Addr) (from [2]bool) {
	for side, list := range l.sides {
		i := slices.IndexFunc(list, func(r Ref) bool { return r.Addr == a })
		if i >= 0 {
			l.sides[side] = slices.Delete(list, i, i+1)
			l.version++
			from[side] = true
		}
	}
	return from
}

// empty reports whether there is nobody.
func (l *leafSet) empty() bool { return len(l.sides[smaller])+len(l.sides[larger]) == 0 }

// covers reports whether a key lies between the outermost leaves, so that one of
// the set, or the node itself, is the closest to it of all.
func (l *leafSet) covers(key ring.ID) bool {
	low, high := l.sides[smaller], l.sides[larger]
	if len(low) < l.half || len(high) < l.half { // it knows everybody, or too few to tell
		return true
	}
	below, above := l.away(smaller, low[l.half-1].ID), l.away(larger, high[l.half-1].ID)
	if below > l.Max()-above { // all the way round
		return true
	}
	return l.away(smaller, key) <= below || l.away(larger, key) <= above
}

// closest returns the leaf numerically closest to a key, leaving out the nodes in
// not, and where it stands. nobody is closer than the node at from: the zero Ref.
func (l *leafSet) closest(key, from ring.ID, not []p2p.Addr) (best Ref, by via) {
	id := from
	for side, list := range l.sides {
		for i, r := range list {
			if l.closer(key, r.ID, id) && !slices.Contains(not, r.Addr) {
				best, by, id = r, leaf(side, i), r.ID
			}
		}
	}
	return best, by
}

// next returns the nearest node on a side, leaving out one; the zero Ref: nobody.
func (l *leafSet) next(side int, but p2p.Addr) Ref {
	for _, r := range l.sides[side] {
		if r.Addr != but {
			return r
		}
	}
	return Ref{}
}

// all appends the nodes of the set to dst, each once.
func (l *leafSet) all(dst []p2p.Addr) []p2p.Addr {
	for _, list := range l.sides {
		for _, r := range list {
			if !slices.Contains(dst, r.Addr) {
				dst = append(dst, r.Addr)
			}
		}
	}
	return dst
}
