package kelips

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// Protocol is Kelips for the worlds.
var Protocol = &p2p.Protocol{
	Name:      "kelips",
	Doc:       "affinity groups that gossip: every member knows its whole group and each file of it, so that a lookup is one hop",
	Config:    p2p.Default[Config](),
	New:       func(cfg any, state *p2p.State) p2p.Node { return New(cfg.(Config), state) },
	Kinds:     slices.Concat(kinds, introducer.Kinds),
	Ticks:     []string{"round", "join"},
	Datagrams: format.Datagrams,
	Accept:    format.Accept,
	Cast:      cast,
	Ideal:     func(cfg any, addrs []p2p.Addr) []p2p.State { return ideal(cfg.(Config), addrs) },
	Detail:    Detail{},
	Angle:     angle,
	Whole:     Whole,
}

// A Detail is the State.Detail of a node: its soft state. State.Stored is the
// files whose home it is; Tuples are those that it only knows of.
type Detail struct {
	Group, Groups int        // which of how many
	Members       []p2p.Addr // the others of its group, in order
	Contacts      []p2p.Addr // in the order of their groups
	Tuples        []Tuple    `json:",omitempty"` // in order
}

// A Tuple says where a file is.
type Tuple struct {
	Name string
	Home p2p.Addr
}

// Entry returns whom an entry of the table names, called as in Hop.By: "member",
// "contact in group 3".
func (d Detail) Entry(by string) []p2p.Addr {
	if by == viaMember {
		return d.Members
	}
	number, ok := strings.CutPrefix(by, viaContact(0)[:len(viaContact(0))-1])
	g, err := strconv.Atoi(number)
	if !ok || err != nil {
		return nil
	}
	cfg := Config{Groups: d.Groups}
	var named []p2p.Addr
	for _, a := range d.Contacts {
		if cfg.groupOf(a) == g {
			named = append(named, a)
		}
	}
	return named
}

// cast is n nodes alike, with the root of n for the number of groups.
func cast(n int) p2p.Cast {
	cfg := p2p.Default[Config]()
	cfg.Groups = max(1, int(math.Round(math.Sqrt(float64(n)))))
	return p2p.Same(n, p2p.Role{Name: "peer", Config: cfg})
}

// angle gives each group an arc of the circle, and its nodes places there.
func angle(s p2p.State) float64 {
	d, _ := s.Detail.(Detail)
	within := float64(bits.Addr(s.Self)/ring.ID(max(d.Groups, 1))) / (float64(math.MaxUint64) / float64(max(d.Groups, 1)))
	return (float64(d.Group) + 0.1 + 0.8*within) / float64(max(d.Groups, 1))
}

// ideal returns the states of IdealOf for all.
func ideal(cfg Config, addrs []p2p.Addr) []p2p.State { return IdealOf(cfg, addrs, addrs) }

// IdealOf returns the states of some nodes of a network in which every node knows
// its whole group, and in every other as many contacts as it may have: those who
// come next in order of address, beginning in another place for each node, so that
// all are equally often chosen.
func IdealOf(cfg Config, all, some []p2p.Addr) []p2p.State {
	groups := make([][]p2p.Addr, cfg.Groups)
	for _, a := range all {
		g := cfg.groupOf(a)
		groups[g] = append(groups[g], a)
	}
	for _, g := range groups {
		slices.Sort(g)
	}
	states := make([]p2p.State, len(some))
	for n, a := range some {
		mine, from := cfg.groupOf(a), int(bits.Addr(a)%9973)
		d := Detail{Group: mine, Groups: cfg.Groups}
		for g, list := range groups {
			if g == mine {
				d.Members = slices.DeleteFunc(slices.Clone(list), func(m p2p.Addr) bool { return m == a })
				continue
			}
			for k := range min(cfg.Contacts, len(list)) {
				d.Contacts = append(d.Contacts, list[(from+7*g+k)%len(list)])
			}
		}
		states[n] = p2p.State{Self: a, ID: bits.Text(bits.Addr(a)), Neighbours: slices.Concat(d.Members, d.Contacts), Detail: d}
	}
	return states
}

// byGroup sorts the addresses of live nodes into their groups.
func byGroup(states []p2p.State) [][]p2p.Addr {
	var groups [][]p2p.Addr
	for _, s := range states {
		d := s.Detail.(Detail)
		for len(groups) < d.Groups {
			groups = append(groups, nil)
		}
		groups[d.Group] = append(groups[d.Group], s.Self)
	}
	for _, g := range groups {
		slices.SortFunc(g, cmp.Compare[p2p.Addr])
	}
	return groups
}
