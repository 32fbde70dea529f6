package chord

import (
	"cmp"
	"iter"
	"slices"

	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// A view is the states of all members, as the invariants look at them.
type view struct {
	m       ring.Bits
	members []member // in the order of ids
	ringed  int      // how many are ring members
}

type member struct {
	addr   p2p.Addr
	id     ring.ID
	succs  []listed
	best   int  // the place of the best successor among the members; -1: none
	onRing bool // it is a ring member
	stored []string
}

// A listed is an entry of a list: a node, and its place among the members; -1: it is none.
type listed struct {
	id ring.ID
	at int
}

// look makes the view.
func look(states []p2p.State) *view {
	states = spread(states)
	v := &view{members: make([]member, 0, len(states))}
	entries := 0
	for _, s := range states {
		if d := s.Detail.(Detail); len(d.Successors) > 0 {
			v.m = d.M
			v.members = append(v.members, member{addr: s.Self, id: d.ID, stored: s.Stored, best: -1})
			entries += len(d.Successors)
		}
	}
	slices.SortFunc(v.members, func(a, b member) int { return cmp.Compare(a.id, b.id) })
	where := v.places()
	all := make([]listed, 0, entries)
	for _, s := range states {
		d := s.Detail.(Detail)
		if len(d.Successors) == 0 {
			continue
		}
		from := len(all)
		for _, a := range d.Successors {
			all = append(all, v.entry(where, a))
		}
		v.members[place(where, s.Self)].follow(all[from:len(all):len(all)])
	}
	v.walk()
	return v
}

// A where is a member's address, and its place among the members.
type where struct {
	addr p2p.Addr
	at   int
}

func (v *view) places() []where {
	list := make([]where, len(v.members))
	for i, m := range v.members {
		list[i] = where{m.addr, i}
	}
	slices.SortFunc(list, func(a, b where) int { return cmp.Compare(a.addr, b.addr) })
	return list
}

// place returns where the member stands that has an address, -1 if there is none.
func place(list []where, a p2p.Addr) int {
	i, found := slices.BinarySearchFunc(list, a, func(w where, a p2p.Addr) int { return cmp.Compare(w.addr, a) })
	if !found {
		return -1
	}
	return list[i].at
}

func (v *view) entry(list []where, a p2p.Addr) listed {
	if i := place(list, a); i >= 0 {
		return listed{v.members[i].id, i}
	}
	return listed{v.m.Addr(a), -1}
}

func (n *member) follow(succs []listed) {
	n.succs = succs
	for _, s := range succs {
		if s.at >= 0 {
			n.best = s.at
			return
		}
	}
}

// walk finds the ring members: from each member on along best successors, the
// first who is met twice is one, and all from there round to itself.
func (v *view) walk() {
	met := make([]int, len(v.members)) // in which walk, from 1 on
	for i := range v.members {
		n := i
		for n >= 0 && met[n] == 0 {
			met[n] = i + 1
			n = v.members[n].best
		}
		for n >= 0 && met[n] == i+1 && !v.members[n].onRing {
			v.members[n].onRing = true
			v.ringed++
			n = v.members[n].best
		}
	}
}

// from returns the place of the first member at or after id.
func (v *view) from(id ring.ID) int {
	i, _ := slices.BinarySearchFunc(v.members, id, func(m member, id ring.ID) int { return cmp.Compare(m.id, id) })
	return i % len(v.members)
}

// between goes through the places of the members that lie between a and b.
func (v *view) between(a, b ring.ID) iter.Seq[int] {
	return func(yield func(int) bool) {
		first := v.from(v.m.Add(a, 1))
		for i := range v.members {
			k := (first + i) % len(v.members)
			if !v.m.Between(v.members[k].id, a, b) || !yield(k) {
				return
			}
		}
	}
}
