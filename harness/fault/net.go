// Package fault holds what can be done to a network, as plain values: the
// wanted state of the network (Net) and plans that disturb it over time. A
// value is printed with the seed and replayed from it, in every world.
package fault

import (
	"slices"

	"peerbed/harness/plan"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// A Net is the whole wanted state of a network: which directions are cut, who
// is behind a firewall, what is lost and what the links are like. A world makes
// it so in one step; applying the same Net twice changes nothing. The zero Net
// is an undisturbed network.
type Net struct {
	Cuts []Cut `json:",omitempty"`
	// Walls are the nodes behind a firewall: no stream that others dial gets
	// to them (the dialler hears p2p.ErrSilent), while those that they dial
	// and those that stand go on. Datagrams pass both ways, as through a
	// packet filter without memory, which stops the first segment of a
	// connection and nothing else. Only IP addresses count.
	Walls []p2p.Addr `json:",omitempty"`
	// Drops is loss on the way, beside what Links lose: by the kernel where
	// the world has one that can.
	Drops []linkmodel.Drop `json:",omitempty"`
	Links linkmodel.Model  `json:",omitzero"`
}

// Of is what an event that begins a fault makes of an undisturbed network: its cuts,
// walls, loss or access lines. at says where nodes are. (What a Shape makes of all
// links is for whoever knows what they were like before.)
func Of(e plan.Event, at func(nodes []int) []p2p.Addr) (n Net) {
	switch e.Do {
	case plan.Cut:
		groups := make([][]p2p.Addr, len(e.Groups))
		for i, g := range e.Groups {
			groups[i] = at(g)
		}
		if n.Cuts = Split(groups...); e.OneWay {
			n.Cuts = []Cut{{From: groups[0], To: groups[1]}}
		}
	case plan.Wall:
		n.Walls = at(e.Nodes)
	case plan.Drop:
		n.Drops = []linkmodel.Drop{{From: at(e.Groups[0]), To: at(e.Groups[1]), Share: e.Share}}
	case plan.Throttle:
		for _, a := range at(e.Nodes) {
			n.Links.Access = append(n.Links.Access, linkmodel.Access{Node: a, Up: e.Up, Down: e.Down})
		}
	}
	return n
}

// Add puts the cuts, walls, loss and access lines of another network beside those of
// this one.
func (n *Net) Add(m Net) {
	n.Cuts = append(n.Cuts, m.Cuts...)
	n.Walls = append(n.Walls, m.Walls...)
	n.Drops = append(n.Drops, m.Drops...)
	n.Links.Access = append(n.Links.Access, m.Links.Access...)
}

// Check reports the first value that makes no sense.
func (n *Net) Check() error {
	m := n.Model()
	return m.Check()
}

// Model returns Links with the loss of Drops in it, for worlds in which the
// model of links makes both.
func (n *Net) Model() linkmodel.Model {
	m := n.Links
	m.Drops = slices.Concat(m.Drops, n.Drops)
	return m
}

// Walled reports whether a node is behind a firewall.
func (n *Net) Walled(a p2p.Addr) bool { return has(n.Walls, a) }

// A Cut stops everything from any of From to any of To. Only IP addresses
// count. Datagrams are lost; streams stall, and are Down after p2p.Silence.
type Cut struct{ From, To []p2p.Addr }

// Split returns the cuts that part the groups from one another, both ways.
// Nodes in no group still reach all.
func Split(groups ...[]p2p.Addr) []Cut {
	var cuts []Cut
	for i, a := range groups {
		for j, b := range groups {
			if i != j {
				cuts = append(cuts, Cut{a, b})
			}
		}
	}
	return cuts
}

// Blocked reports whether the direction from one node to another is cut.
func (n *Net) Blocked(from, to p2p.Addr) bool {
	for _, c := range n.Cuts {
		if has(c.From, from) && has(c.To, to) {
			return true
		}
	}
	return false
}

// Share returns one node's part of the cuts: whom it cannot send to, and whom it
// cannot hear, each once and in order.
func (n *Net) Share(self p2p.Addr) (notTo, notFrom []p2p.Addr) {
	for _, c := range n.Cuts {
		if has(c.From, self) {
			notTo = append(notTo, c.To...)
		}
		if has(c.To, self) {
			notFrom = append(notFrom, c.From...)
		}
	}
	return others(notTo, self), others(notFrom, self)
}

// others sorts the set and drops repeats and the node itself.
func others(set []p2p.Addr, self p2p.Addr) []p2p.Addr {
	slices.Sort(set)
	set = slices.Compact(set)
	return slices.DeleteFunc(set, func(a p2p.Addr) bool { return a.IP() == self.IP() })
}

func has(set []p2p.Addr, a p2p.Addr) bool {
	return slices.ContainsFunc(set, func(b p2p.Addr) bool { return a.IP() == b.IP() })
}
