package fasttrack

import (
	"fmt"
	"slices"
	"strings"

	"peerbed/protocols/p2p"
)

// Detail is what a node's Inspect adds.
type Detail struct {
	Role       string // what it is now: ordinary or supernode
	Reputation int
	Parent     p2p.Addr // of an ordinary node; 0: it looks for one
	Children   []ChildState
	Links      []LinkState
	Files      int        // in a supernode's directory: its own and its children's
	Supernodes []p2p.Addr // that it knows beside: its spares
	Library    []FileState
	Seen       []Seen // the queries that came here last, the latest last
}

// A ChildState is one child of a supernode.
type ChildState struct {
	Addr       p2p.Addr
	User       string
	Files      int
	Reputation int // as it says
}

// A LinkState is one link of a supernode to another.
type LinkState struct {
	Addr    p2p.Addr
	Inbound bool // the other side dialled
	Up      bool
}

// A FileState is one file that a node shares.
type FileState struct {
	Name string
	Size int64
	Hash Hash
}

// Seen says from which neighbour a query came first. At the asker's own supernode it
// says instead who asked, and by which number.
type Seen struct {
	Flood uint64
	From  p2p.Addr
	Hops  uint8
	Asker p2p.Addr
	Num   uint16
}

// maxSeen is how many queries are remembered for pictures.
const maxSeen = 128

func (n *node) note(s Seen) {
	if len(n.seen) < maxSeen {
		n.seen = append(n.seen, s)
		return
	}
	n.seen[n.oldest] = s
	n.oldest = (n.oldest + 1) % maxSeen
}

// Inspect tells rank, sessions, shares and recent queries.
func (n *node) Inspect() p2p.State {
	merit := n.merit // counting changes it
	d := Detail{Role: roles[RoleOrdinary], Reputation: merit.value(n.env, &n.cfg)}
	s := p2p.State{Self: n.env.Self(), ID: n.user[len(userPrefix):]}
	if n.super {
		d.Role, d.Files = roles[RoleSupernode], len(n.library.listed.list)
	}
	if n.parent != nil {
		d.Parent = n.parent.addr
		s.Neighbours = append(s.Neighbours, d.Parent)
	}
	for _, c := range n.children {
		if c.in {
			a := addrOf(c.user, c.addr)
			d.Children = append(d.Children, ChildState{a, c.user, len(c.files.list), int(c.reported)})
			d.Files += len(c.files.list)
			s.Neighbours = append(s.Neighbours, a)
		}
	}
	for _, l := range n.links {
		d.Links = append(d.Links, LinkState{l.addr, l.inbound, l.up})
		if l.up {
			s.Neighbours = append(s.Neighbours, l.addr)
		}
	}
	slices.Sort(s.Neighbours)
	s.Neighbours = slices.Compact(s.Neighbours)
	for _, h := range n.hosts.list {
		d.Supernodes = append(d.Supernodes, h.addr)
	}
	for _, f := range n.library.files {
		d.Library = append(d.Library, FileState{f.name, f.size, f.hash})
		s.Stored = append(s.Stored, f.name)
	}
	slices.Sort(s.Stored)
	d.Seen = slices.Concat(n.seen[n.oldest:], n.seen[:n.oldest])
	s.Detail = d
	return s
}

// trail works out the way of a query to its best responder, or of one that nobody
// answered to the supernode that it got farthest to.
func trail(r p2p.Result, states []p2p.State) []p2p.Hop {
	flood, first, ok := asking(r.ID, states)
	if !ok || len(r.Path) == 0 {
		return r.Path
	}
	at := farthest(flood, states)
	if len(r.Found) > 0 {
		at = supernodeOf(r.Found[0], states)
	}
	var way []p2p.Hop
	for range states { // a way is never longer, whatever the states say
		way = append(way, p2p.Hop{Addr: at, By: "link"})
		if at == first {
			break
		}
		q, ok := seenAt(flood, at, states)
		if !ok {
			return r.Path
		}
		at = q.From
	}
	slices.Reverse(way)
	if self := r.Path[0]; self.Addr != first {
		way[0].By = "parent"
		way = append([]p2p.Hop{self}, way...)
	}
	way[0].By = ""
	return way
}

// asking finds the flood of a search, and the supernode where it began.
func asking(id string, states []p2p.State) (flood uint64, at p2p.Addr, ok bool) {
	for _, s := range states {
		d, _ := s.Detail.(Detail)
		for _, q := range d.Seen {
			if q.Asker != 0 && askedAs(q.Asker, q.Num) == id {
				flood, at, ok = q.Flood, s.Self, true
			}
		}
	}
	return flood, at, ok
}

func seenAt(flood uint64, at p2p.Addr, states []p2p.State) (Seen, bool) {
	for _, s := range states {
		d, _ := s.Detail.(Detail)
		if i := slices.IndexFunc(d.Seen, func(q Seen) bool { return q.Flood == flood }); s.Self == at && i >= 0 {
			return d.Seen[i], true
		}
	}
	return Seen{}, false
}

func farthest(flood uint64, states []p2p.State) (at p2p.Addr) {
	most := -1
	for _, s := range states {
		if q, ok := seenAt(flood, s.Self, states); ok && int(q.Hops) > most {
			at, most = s.Self, int(q.Hops)
		}
	}
	return at
}

// supernodeOf is who lists what the node at a has.
func supernodeOf(a p2p.Addr, states []p2p.State) p2p.Addr {
	for _, s := range states {
		if d, _ := s.Detail.(Detail); s.Self == a && d.Parent != 0 {
			return d.Parent
		}
	}
	return a
}

// Whole reports how the network of the given nodes falls short of one in which all
// supernodes are linked, and each other node has a supernode that lists its files:
// nil if it does not.
func Whole(states []p2p.State) error {
	place := map[p2p.Addr]int{}
	for i, s := range states {
		place[s.Self] = i
	}
	for _, s := range states {
		for _, a := range s.Neighbours {
			i, ok := place[a]
			if !ok {
				return fmt.Errorf("%v has a session with %v, which is not there", s.Self, a)
			}
			if !slices.Contains(states[i].Neighbours, s.Self) {
				return fmt.Errorf("%v has a session with %v, which has none with it", s.Self, a)
			}
		}
		if d, _ := s.Detail.(Detail); d.Role != roles[RoleSupernode] && d.Parent == 0 {
			return fmt.Errorf("%v has no supernode", s.Self)
		}
	}
	if err := Listed(states); err != nil {
		return err
	}
	return oneWhole(states, place)
}

// Listed reports a supernode whose directory does not have as many files of a child
// as that shares.
func Listed(states []p2p.State) error {
	shares := map[p2p.Addr]int{}
	for _, s := range states {
		d, _ := s.Detail.(Detail)
		shares[s.Self] = len(d.Library)
	}
	for _, s := range states {
		d, _ := s.Detail.(Detail)
		for _, c := range d.Children {
			if n, ok := shares[c.Addr]; ok && n != c.Files {
				return fmt.Errorf("%v lists %d files of %v, which shares %d", s.Self, c.Files, c.Addr, n)
			}
		}
	}
	return nil
}

// Single reports a node that has a parent and is a supernode, two children that are
// one node, or two links to one supernode; nil at any time, whatever happens.
func Single(states []p2p.State) error {
	for _, s := range states {
		d, _ := s.Detail.(Detail)
		super := d.Role == roles[RoleSupernode]
		if super && d.Parent != 0 || !super && len(d.Children)+len(d.Links) > 0 {
			return fmt.Errorf("%v is both an ordinary node and a supernode", s.Self)
		}
		for i, c := range d.Children {
			if slices.ContainsFunc(d.Children[:i], func(k ChildState) bool { return k.Addr == c.Addr }) {
				return fmt.Errorf("%v has %v twice among its children", s.Self, c.Addr)
			}
		}
		for i, l := range d.Links {
			if l.Addr == s.Self || slices.ContainsFunc(d.Links[:i], func(k LinkState) bool { return k.Addr == l.Addr }) {
				return fmt.Errorf("%v has a link too many to %v", s.Self, l.Addr)
			}
		}
	}
	return nil
}

// oneWhole walks from the first node over all sessions.
func oneWhole(states []p2p.State, place map[p2p.Addr]int) error {
	if len(states) == 0 {
		return nil
	}
	reached := make([]bool, len(states))
	reached[0] = true
	for queue := []int{0}; len(queue) > 0; queue = queue[1:] {
		for _, a := range states[queue[0]].Neighbours {
			if i := place[a]; !reached[i] {
				reached[i] = true
				queue = append(queue, i)
			}
		}
	}
	var apart []string
	for i, s := range states {
		if !reached[i] {
			apart = append(apart, s.Self.String())
		}
	}
	if len(apart) > 0 {
		return fmt.Errorf("%d of %d nodes cannot be reached from %v: %s", len(apart), len(states), states[0].Self,
			strings.Join(apart[:min(len(apart), 10)], ", "))
	}
	return nil
}
