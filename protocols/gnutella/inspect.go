package gnutella

import (
	"fmt"
	"slices"
	"strings"

	"peerbed/protocols/p2p"
)

// Detail is what a servent's Inspect adds.
type Detail struct {
	Role    string // what it is now: peer, leaf or ultrapeer
	Links   []LinkState
	Hosts   []p2p.Addr // of the host cache, those heard of lately
	Library []FileState
	Seen    []Seen // the queries that came here last, the latest last
}

// A LinkState is one link of a servent.
type LinkState struct {
	Addr    p2p.Addr // where the other side listens; 0: not known
	Inbound bool     // the other side dialled
	Leaf    bool     // the other side is a leaf of this one
	Up      bool     // the handshake is over
}

// dials reports whether the link to a is to be dialled from self. Where the
// Detail does not say who had dialled, the lower address does.
func (d *Detail) dials(a, self p2p.Addr) bool {
	for _, l := range d.Links {
		if l.Addr == a {
			return !l.Inbound
		}
	}
	return self < a
}

// A FileState is one file that a servent shares.
type FileState struct {
	Index uint32
	Name  string
	Size  int64
	URN   string
}

// Seen says from which neighbour a query came first; the asker's own came from
// 0. It lets a flood's way be told after the fact.
type Seen struct {
	ID   GUID
	From p2p.Addr
	Hops uint8
}

// lasting is for how many periods of Ping a sign of life counts.
const lasting = 4

// fresh reports whether a host was heard of lately.
func (s *servent) fresh(h *host) bool { return s.env.Now()-h.heard < lasting*s.cfg.Ping }

// maxSeen is how many queries are remembered for pictures.
const maxSeen = 128

func (s *servent) note(q Seen) {
	if len(s.seen) < maxSeen {
		s.seen = append(s.seen, q)
		return
	}
	s.seen[s.oldest] = q
	s.oldest = (s.oldest + 1) % maxSeen
}

// Inspect tells links, shares and recent queries.
func (s *servent) Inspect() p2p.State {
	var d Detail
	d.Role = s.rank.name()
	state := p2p.State{Self: s.env.Self(), ID: s.id.String()}
	for _, l := range s.links {
		d.Links = append(d.Links, LinkState{l.addr, l.inbound, l.tie == below, l.up})
		if l.up && l.addr != 0 {
			state.Neighbours = append(state.Neighbours, l.addr)
		}
	}
	slices.Sort(state.Neighbours)
	state.Neighbours = slices.Compact(state.Neighbours)
	for i := range s.hosts.list {
		if h := &s.hosts.list[i]; s.fresh(h) {
			d.Hosts = append(d.Hosts, h.addr)
		}
	}
	for _, f := range s.library.files {
		d.Library = append(d.Library, FileState{f.index, f.name, f.size, formatURN(f.sum)})
		state.Stored = append(state.Stored, f.name)
	}
	slices.Sort(state.Stored)
	d.Seen = slices.Concat(s.seen[s.oldest:], s.seen[:s.oldest])
	state.Detail = d
	return state
}

// trail works out the way of a query to its best responder, or of one that
// nobody answered to the node that it got farthest to.
func trail(r p2p.Result, states []p2p.State) []p2p.Hop {
	var id GUID
	if err := id.UnmarshalText([]byte(r.ID)); err != nil {
		return r.Path
	}
	at := farthest(id, states)
	if len(r.Found) > 0 {
		at = r.Found[0]
	}
	var way []p2p.Hop
	for range states { // a way is never longer, whatever the states say
		seen, ok := lookup(id, at, states)
		if !ok {
			return r.Path
		}
		if seen.From == 0 {
			way = append(way, p2p.Hop{Addr: at})
			slices.Reverse(way)
			return way
		}
		way = append(way, p2p.Hop{Addr: at, By: "link"})
		at = seen.From
	}
	return r.Path
}

func lookup(id GUID, at p2p.Addr, states []p2p.State) (Seen, bool) {
	for _, s := range states {
		d, ok := s.Detail.(Detail)
		if i := slices.IndexFunc(d.Seen, func(q Seen) bool { return q.ID == id }); ok && s.Self == at && i >= 0 {
			return d.Seen[i], true
		}
	}
	return Seen{}, false
}

func farthest(id GUID, states []p2p.State) (at p2p.Addr) {
	most := -1
	for _, s := range states {
		if q, ok := lookup(id, s.Self, states); ok && int(q.Hops) > most {
			at, most = s.Self, int(q.Hops)
		}
	}
	return at
}

// Connected reports how the overlay of the given nodes falls short of one
// network whose links both ends know: nil if it does not.
func Connected(states []p2p.State) error {
	place := map[p2p.Addr]int{}
	for i, s := range states {
		place[s.Self] = i
	}
	for _, s := range states {
		for _, a := range s.Neighbours {
			i, ok := place[a]
			if !ok {
				return fmt.Errorf("%v has a link to %v, which is not there", s.Self, a)
			}
			if !slices.Contains(states[i].Neighbours, s.Self) {
				return fmt.Errorf("%v has a link to %v, which has none to it", s.Self, a)
			}
		}
	}
	return oneWhole(states, place)
}

// Single reports a servent with two links to another, or with one to itself;
// nil at any time, whatever happens.
func Single(states []p2p.State) error {
	for _, s := range states {
		d, _ := s.Detail.(Detail)
		for i, l := range d.Links {
			twice := slices.ContainsFunc(d.Links[:i], func(k LinkState) bool { return k.Addr == l.Addr })
			if l.Addr == s.Self || l.Addr != 0 && twice {
				return fmt.Errorf("%v has a link too many to %v", s.Self, l.Addr)
			}
		}
	}
	return nil
}

// oneWhole walks from the first node over all links.
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
