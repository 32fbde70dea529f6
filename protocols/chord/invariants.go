package chord

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"peerbed/protocols/p2p"
)

// spread makes a state of each point, where nodes stand at several.
func spread(states []p2p.State) []p2p.State {
	if !slices.ContainsFunc(states, func(s p2p.State) bool { return len(s.Detail.(Detail).Points) > 0 }) {
		return states
	}
	var all []p2p.State
	for _, s := range states {
		d := s.Detail.(Detail)
		all = append(all, s)
		for i, p := range d.Points {
			all = append(all, p2p.State{Self: s.Self.At(i + 1), ID: d.M.Text(p.ID), Stored: s.Stored, Detail: p})
		}
	}
	return all
}

// byID puts the points of the live nodes in the order of their ids.
func byID(states []p2p.State) []p2p.State {
	nodes := slices.Clone(spread(states))
	slices.SortFunc(nodes, func(a, b p2p.State) int {
		return cmp.Compare(a.Detail.(Detail).ID, b.Detail.(Detail).ID)
	})
	return nodes
}

// Closed reports how the nodes, all that live, fall short of being one ring:
// each one's first successor must be the next in the order of ids, and its
// predecessor the one before. nil: the ring is closed.
func Closed(states []p2p.State) error {
	nodes := byID(states)
	var errs []error
	for i, s := range nodes {
		d := s.Detail.(Detail)
		after := nodes[(i+1)%len(nodes)].Self
		before := nodes[(i+len(nodes)-1)%len(nodes)].Self
		switch {
		case len(d.Successors) == 0:
			errs = append(errs, fmt.Errorf("%s (%v) is not in a ring", s.ID, s.Self))
		case d.Successors[0] != after:
			errs = append(errs, fmt.Errorf("%s (%v) has successor %v, want %v", s.ID, s.Self, d.Successors[0], after))
		case d.Predecessor != before && len(nodes) > 1:
			errs = append(errs, fmt.Errorf("%s (%v) has predecessor %v, want %v", s.ID, s.Self, d.Predecessor, before))
		}
	}
	return few(errs)
}

// What must hold of the states of all nodes that live, at any time, if the ring
// is to stay one. PODC 2002 claimed seven invariants for the operations of 2001;
// Zave (CCR 42(2), 2012) showed that none of them is one, gave them the names
// they have here, and told those whose violation no stabilisation repairs
// (Ordered) from those that heal. For her corrected operations (TSE 43(12),
// 2017) she proved OneLiveSuccessor and Principals, from which the others follow.
//
// A member is a live node that is in a ring. Its best successor is the first
// member in its list. Ring members are those who come back to themselves by best
// successors; the others are appendages.

// Claimed are PODC 2002's seven.
var Claimed = []Invariant{
	{"AtLeastOneRing", true, AtLeastOneRing}, {"AtMostOneRing", true, AtMostOneRing},
	{"OrderedRing", true, OrderedRing}, {"ConnectedAppendages", true, ConnectedAppendages},
	{"OrderedMerges", false, OrderedMerges}, {"OrderedAppendages", false, OrderedAppendages},
	{"ValidSuccessorList", false, ValidSuccessorList},
}

// An Invariant is one of them.
type Invariant struct {
	Name      string // in Zave's papers
	Permanent bool   // no stabilisation repairs what breaks it
	Check     func(states []p2p.State) error
}

// Ordered reports whether the members are one ordered ring with connected
// appendages: the four invariants whose violation is permanent.
func Ordered(states []p2p.State) error {
	v := look(states)
	return cmp.Or(v.atLeastOneRing(), v.atMostOneRing(), v.orderedRing(), v.connectedAppendages())
}

// AtLeastOneRing reports if no member comes back to itself.
func AtLeastOneRing(states []p2p.State) error { return look(states).atLeastOneRing() }

// AtMostOneRing reports if there are two rings, or more.
func AtMostOneRing(states []p2p.State) error { return look(states).atMostOneRing() }

// OrderedRing reports a ring member that lies between another and its best
// successor.
func OrderedRing(states []p2p.State) error { return look(states).orderedRing() }

// ConnectedAppendages reports a member from which no ring is reached.
func ConnectedAppendages(states []p2p.State) error { return look(states).connectedAppendages() }

// OrderedMerges reports an appendage that joins the ring at a wrong place: it
// must lie between the ring member where it joins and the one before that.
func OrderedMerges(states []p2p.State) error { return look(states).orderedMerges() }

// OrderedAppendages reports an appendage whose members do not follow one another
// in the order of ids.
func OrderedAppendages(states []p2p.State) error { return look(states).orderedAppendages() }

// ValidSuccessorList reports a list that skips a member which the list of the
// node before has.
func ValidSuccessorList(states []p2p.State) error { return look(states).validLists() }

// OneLiveSuccessor reports a member whose list holds no member.
func OneLiveSuccessor(states []p2p.State) error { return look(states).oneLiveSuccessor() }

// OrderedSuccessorLists reports a list, with the node itself before it, that
// does not go on clockwise.
func OrderedSuccessorLists(states []p2p.State) error { return look(states).orderedLists() }

// NoDuplicates reports a list that names a node twice, or the node itself
// (unless it is alone).
func NoDuplicates(states []p2p.State) error { return look(states).noDuplicates() }

// Principals counts the members that no member's list, with the node itself
// before it, skips. The corrected operations need r + 1 of them, for lists of
// length r.
//
// Zave's nodes read and adopt a list in one step. Here it travels: the answer of
// a node that has failed since may still bring a list that skips one. Whoever
// decides by this count who may fail has to count such lists in.
func Principals(states []p2p.State) int { return look(states).principals() }

// SufficientPrincipals returns the invariant that there are at least n.
func SufficientPrincipals(n int) func(states []p2p.State) error {
	return func(states []p2p.State) error { return look(states).sufficient(n) }
}

// Proved returns all that Zave's proof gives for the corrected operations, with
// n principals, as one invariant: cheap enough to be asked after every event.
func Proved(n int) func(states []p2p.State) error {
	return func(states []p2p.State) error {
		v := look(states)
		return cmp.Or(v.oneLiveSuccessor(), v.sufficient(n), v.atLeastOneRing(), v.atMostOneRing(), v.orderedRing(),
			v.connectedAppendages(), v.orderedLists(), v.noDuplicates())
	}
}

// KeysAtOwners reports an object that is stored, but not by the owner of its
// key: the first member at or after it. It holds when the ring has been quiet
// for a while.
func KeysAtOwners(states []p2p.State) error {
	v := look(states)
	if len(v.members) == 0 {
		return nil
	}
	var errs []error
	for _, s := range states {
		for _, name := range s.Stored {
			owner := v.members[v.from(v.m.Hash(name))]
			if !slices.Contains(owner.stored, name) {
				errs = append(errs, fmt.Errorf("%s lies at %v, and not at its owner %v", name, s.Self, owner.addr))
			}
		}
	}
	return few(errs)
}

func (v *view) atLeastOneRing() error {
	if v.ringed == 0 && len(v.members) > 0 {
		return fmt.Errorf("none of %d members comes back to itself: there is no ring", len(v.members))
	}
	return nil
}

func (v *view) atMostOneRing() error {
	first := slices.IndexFunc(v.members, func(m member) bool { return m.onRing })
	if first < 0 {
		return nil
	}
	size := 1
	for n := v.members[first].best; n != first; n = v.members[n].best {
		size++
	}
	if size < v.ringed {
		return fmt.Errorf("the ring of %v has %d of the %d ring members: there are two rings or more", v.members[first].addr, size, v.ringed)
	}
	return nil
}

func (v *view) orderedRing() error {
	for _, n := range v.members {
		if !n.onRing {
			continue
		}
		for k := range v.between(n.id, v.members[n.best].id) {
			if v.members[k].onRing {
				return fmt.Errorf("%v goes on to %v on the ring, past %v", n.addr, v.members[n.best].addr, v.members[k].addr)
			}
		}
	}
	return nil
}

// merge follows an appendage to the ring member where it joins, -1 if it does
// not, and says from which appendage it comes there.
func (v *view) merge(i int) (last, at int) {
	for range v.members {
		next := v.members[i].best
		if next < 0 || v.members[next].onRing {
			return i, next
		}
		i = next
	}
	return i, -1
}

func (v *view) connectedAppendages() error {
	for i, n := range v.members {
		if n.onRing {
			continue
		}
		if _, at := v.merge(i); at < 0 {
			return fmt.Errorf("from %v no ring is reached", n.addr)
		}
	}
	return nil
}

func (v *view) orderedMerges() error {
	for i, n := range v.members {
		if !n.onRing {
			continue
		}
		for _, a := range v.members {
			if !a.onRing && a.best == n.best && n.best >= 0 && n.best != i && !v.m.Between(a.id, n.id, v.members[n.best].id) {
				return fmt.Errorf("%v joins the ring at %v, but lies before %v, which comes before that", a.addr, v.members[n.best].addr, n.addr)
			}
		}
	}
	return nil
}

func (v *view) orderedAppendages() error {
	for i, n := range v.members {
		if n.onRing {
			continue
		}
		last, at := v.merge(i)
		if at < 0 {
			continue // that is for ConnectedAppendages
		}
		for k := i; k != last; k = v.members[k].best {
			b := v.members[k].best
			if !v.m.Between(v.members[b].id, v.members[k].id, v.members[at].id) {
				return fmt.Errorf("%v follows %v on the way to %v, against the order", v.members[b].addr, v.members[k].addr, v.members[at].addr)
			}
		}
	}
	return nil
}

func (v *view) validLists() error {
	for i := range v.members {
		n := &v.members[i]
		for k := range len(n.succs) - 1 {
			a, b := n.succs[k].id, n.succs[k+1].id
			for s := range v.between(a, b) {
				if who := v.antecedent(i, s); who >= 0 {
					return fmt.Errorf("the list of %v skips %v, which that of %v, before it, has", n.addr, v.members[s].addr, v.members[who].addr)
				}
			}
		}
	}
	return nil
}

// antecedent returns a member whose successor is the member at i, and whose
// list has the member at s; -1: there is none.
func (v *view) antecedent(i, s int) int {
	return slices.IndexFunc(v.members, func(a member) bool {
		return len(a.succs) > 0 && a.succs[0].at == i && slices.ContainsFunc(a.succs, func(e listed) bool { return e.at == s })
	})
}

func (v *view) oneLiveSuccessor() error {
	for _, n := range v.members {
		if n.best < 0 {
			return fmt.Errorf("none of the %d successors of %v lives", len(n.succs), n.addr)
		}
	}
	return nil
}

func (v *view) orderedLists() error {
	for _, n := range v.members {
		was := n.id
		for k, s := range n.succs {
			if !v.m.Between(s.id, was, n.id) && s.id != n.id {
				return fmt.Errorf("entry %d of the list of %v, %s, does not lie after the one before it", k, n.addr, v.m.Text(s.id))
			}
			was = s.id
		}
	}
	return nil
}

func (v *view) noDuplicates() error {
	for _, n := range v.members {
		if len(n.succs) == 1 {
			continue // itself, if it is alone
		}
		for k, s := range n.succs {
			if s.id == n.id || slices.ContainsFunc(n.succs[:k], func(e listed) bool { return e.id == s.id }) {
				return fmt.Errorf("the list of %v has %s twice, or is its own", n.addr, v.m.Text(s.id))
			}
		}
	}
	return nil
}

func (v *view) sufficient(n int) error {
	if got := v.principals(); got < n {
		return fmt.Errorf("%d principals, want %d", got, n)
	}
	return nil
}

func (v *view) principals() int {
	skipped := make([]bool, len(v.members))
	for _, n := range v.members {
		was := n.id
		for _, s := range n.succs {
			for k := range v.between(was, s.id) {
				skipped[k] = true
			}
			was = s.id
		}
	}
	n := 0
	for _, s := range skipped {
		if !s {
			n++
		}
	}
	return n
}

// few joins errors, but not more than three.
func few(errs []error) error {
	if n := len(errs); n > 3 {
		errs = append(errs[:3], fmt.Errorf("and %d more", n-3))
	}
	return errors.Join(errs...)
}
