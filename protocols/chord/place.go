package chord

import (
	"slices"

	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// A Place says where copies of an object lie.
type Place uint8

const (
	// OnSuccessors: at the owner and those that follow it, which will own the
	// key when it dies (ToN, section IV-E.3).
	OnSuccessors Place = iota
	// OnBoth: also at the owner's predecessor, as the lecture draws it: the
	// lookup has come to that one before it comes to the owner.
	OnBoth
)

var placeNames = []string{OnSuccessors: "successors", OnBoth: "both"}

// MarshalText writes the name of the place.
func (p Place) MarshalText() ([]byte, error) { return []byte(placeNames[p]), nil }

// UnmarshalText reads it.
func (p *Place) UnmarshalText(b []byte) (err error) {
	*p, err = pick[Place](b, placeNames)
	return err
}

// both reports whether the owner's predecessor has a copy too.
func (c *Chord) both() bool { return c.cfg.Place == OnBoth && c.cfg.Copies > 1 }

// holders counts the nodes that store each object.
func (c *Chord) holders() int {
	if c.both() {
		return c.cfg.Copies + 1
	}
	return c.cfg.Copies
}

// keepers appends the nodes that keep copies of what this node owns.
func (c *Chord) keepers(dst []p2p.Addr) []p2p.Addr {
	if c.both() && c.pred.known() && c.pred.Addr.Node() != c.me.Addr.Node() {
		dst = append(dst, c.pred.Addr)
	}
	for i, left := 0, c.cfg.Copies-1; i < len(c.succs) && left > 0; i++ {
		if a := c.succs[i].Addr; a.Node() != c.me.Addr.Node() && !sameNode(dst, a) {
			dst = append(dst, a)
			left--
		}
	}
	return dst
}

// wayToCopies is way for a user's lookup: it names the owner and the nodes after
// it in the order in which they have copies.
func (c *Chord) wayToCopies(key ring.ID, not []p2p.Addr, to *choice) {
	c.way(key, not, to)
	if !to.Done {
		return
	}
	if c.both() {
		c.insertPredecessor(not, to)
	}
	to.Nodes = distinct(to.Nodes)
}

// insertPredecessor names the owner's predecessor, which is this node unless it is
// the owner itself, next to the owner.
func (c *Chord) insertPredecessor(not []p2p.Addr, to *choice) {
	pred := c.me.Addr
	if to.Via == own {
		pred = c.pred.Addr
	}
	if pred == 0 || slices.Contains(not, pred) {
		return
	}
	to.Nodes = slices.DeleteFunc(to.Nodes, func(a p2p.Addr) bool { return a == pred })
	to.Nodes = slices.Insert(to.Nodes, min(1, len(to.Nodes)), pred)
	to.Nodes = to.Nodes[:min(len(to.Nodes), maxSuccessors+1)]
}

// sameNode reports whether a stands on the node of one of the list: copies on
// several points of one node would die together.
func sameNode(list []p2p.Addr, a p2p.Addr) bool {
	return slices.ContainsFunc(list, func(o p2p.Addr) bool { return o.Node() == a.Node() })
}

// distinct keeps the first point of each node.
func distinct(list []p2p.Addr) []p2p.Addr {
	kept := list[:0]
	for _, a := range list {
		if !sameNode(kept, a) {
			kept = append(kept, a)
		}
	}
	return kept
}
