package kelips

import "peerbed/protocols/p2p"

// A Place says where a file lies.
type Place uint8

const (
	// Lecture: at the node that published it, wherever that is. What the members
	// of the file's group have are tuples that point there.
	Lecture Place = iota
	// Paper: at a random member of the file's group, which it is brought to. A
	// node keeps tuples only of files at members of its own group.
	Paper
)

var placeNames = []string{Lecture: "lecture", Paper: "paper"}

// MarshalText writes the place's name.
func (p Place) MarshalText() ([]byte, error) { return []byte(placeNames[p]), nil }

// UnmarshalText reads it.
func (p *Place) UnmarshalText(b []byte) (err error) {
	*p, err = pick[Place](b, placeNames)
	return err
}

// publishes holds how a file whose hash is known is published in each Place.
var publishes = [...]func(*publishing){Lecture: (*publishing).share, Paper: (*publishing).settle}

// keeps reports whether a node keeps a tuple.
func (c *Kelips) keeps(name string, home p2p.Addr) bool {
	return c.place(name) == c.group && (c.cfg.Place == Lecture || c.cfg.groupOf(home) == c.group)
}

// place returns the group that has the tuples of a file: that of its name, or,
// where that is empty, the next in which this node knows anybody. So a network
// of few nodes, where some groups are empty, has a place for every file. (An
// extension: the paper takes it that no group is empty, which holds if they have
// tens of members.)
func (c *Kelips) place(name string) int {
	group := c.cfg.groupFor(name)
	for !c.knows(group) {
		group = (group + 1) % c.cfg.Groups
	}
	return group
}
