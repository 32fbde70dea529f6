package fasttrack

import (
	"math/rand/v2"
	"slices"

	"peerbed/protocols/p2p"
)

// Tiers returns the cast of a network in which the first so many nodes are
// supernodes and the others are not, and stay so.
func Tiers(supernodes int) func(n int) p2p.Cast {
	return func(n int) p2p.Cast {
		cast := make(p2p.Cast, n)
		for i := range cast {
			cfg := Protocol.Config.(Config)
			cfg.Role = RoleOrdinary
			if i < supernodes {
				cfg.Role = RoleSupernode
			}
			cast[i] = p2p.Role{Name: roles[cfg.Role], Config: cfg}
		}
		return cast
	}
}

// ideal is a perfect network, with as many supernodes as the places for children
// ask for, half of them taken.
func ideal(cfg any, addrs []p2p.Addr) []p2p.State {
	c := cfg.(Config)
	return IdealTiers(max(c.Least, 2*len(addrs)/(c.Children+2)))(cfg, addrs)
}

// IdealTiers is the perfect network of Tiers: the supernodes are linked by Degree
// random rings, and have equally many children.
func IdealTiers(supernodes int) func(cfg any, addrs []p2p.Addr) []p2p.State {
	return func(cfg any, addrs []p2p.Addr) []p2p.State {
		c := cfg.(Config)
		n := max(1, min(supernodes, len(addrs)))
		details := make([]Detail, len(addrs))
		for i := range details {
			details[i].Role = roles[RoleOrdinary]
			if i < n {
				details[i].Role = roles[RoleSupernode]
			} else {
				details[i].Parent = addrs[i%n]
				details[i%n].Children = append(details[i%n].Children, ChildState{Addr: addrs[i], User: userOf(addrs[i])})
			}
		}
		rings(details[:min(n, len(addrs))], addrs, max(1, min(c.Degree, c.MaxLinks/2)))
		states := make([]p2p.State, len(addrs))
		for i := range states {
			states[i] = p2p.State{Self: addrs[i], ID: userOf(addrs[i])[len(userPrefix):], Neighbours: details[i].neighbours(), Detail: details[i]}
		}
		return states
	}
}

// rings links supernodes by random rings, in which each dials the next: an expander
// with high probability (Law and Siu, 2003). The same addresses give the same graph.
func rings(d []Detail, addrs []p2p.Addr, degree int) {
	r := rand.New(rand.NewPCG(uint64(len(addrs)), uint64(len(d))))
	ring := r.Perm(len(d))
	for range degree {
		for k, i := range ring {
			j := ring[(k+1)%len(ring)]
			if i != j && !slices.ContainsFunc(d[i].Links, func(l LinkState) bool { return l.Addr == addrs[j] }) {
				d[i].Links = append(d[i].Links, LinkState{Addr: addrs[j], Up: true})
				d[j].Links = append(d[j].Links, LinkState{Addr: addrs[i], Inbound: true, Up: true})
			}
		}
		r.Shuffle(len(ring), func(i, j int) { ring[i], ring[j] = ring[j], ring[i] })
	}
}

// neighbours are all that a node has sessions with.
func (d *Detail) neighbours() (list []p2p.Addr) {
	if d.Parent != 0 {
		list = append(list, d.Parent)
	}
	for _, c := range d.Children {
		list = append(list, c.Addr)
	}
	for _, l := range d.Links {
		list = append(list, l.Addr)
	}
	slices.Sort(list)
	return list
}

// resume takes up a State: a child dials its parent, and a supernode those that it
// had dialled.
func (n *node) resume(s *p2p.State) {
	d, _ := s.Detail.(Detail)
	for _, a := range d.Supernodes {
		n.hosts.hear(n.env.Now(), n.env.Self(), a)
	}
	if d.Role != roles[RoleSupernode] || n.cfg.Role == RoleOrdinary {
		n.hosts.hear(n.env.Now(), n.env.Self(), d.Parent)
		n.seek()
		return
	}
	for _, l := range d.Links {
		if !l.Inbound {
			n.hosts.hear(n.env.Now(), n.env.Self(), l.Addr)
			n.dialSuper(l.Addr)
		}
	}
	n.rise()
}
