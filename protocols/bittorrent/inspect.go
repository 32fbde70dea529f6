package bittorrent

import (
	"fmt"
	"slices"
	"strings"

	"peerbed/protocols/p2p"
)

// Detail is what a peer's Inspect adds.
type Detail struct {
	Trackers [][]string     // whom it would tell of what it publishes
	Torrents []TorrentState // in the order in which they began
	Swarms   []SwarmState   // of a tracker, in the order of their names
}

// A TorrentState is how far a peer is with a torrent.
type TorrentState struct {
	Name            string
	Hash            Hash
	Len             int64
	Pieces, Have    int
	Left            int64  // bytes
	Held            string // for every piece "1" if it is here, else "0"
	Sent, Received  int64
	Announces       bool // it has a tracker
	Seeds, Leechers int  // in the swarm, as its tracker said last
	Peers           []PeerState
	Copies          int // of all pieces, among this peer's neighbours, as it counts them
	Rarest          int // copies of the rarest piece
}

// A PeerState is one neighbour in a swarm.
type PeerState struct {
	ID             string   // as it calls itself; empty: it has not yet
	Addr           p2p.Addr // where it listens, as far as that is known
	Link           p2p.Link
	Have           int
	Choking        bool // this peer chokes it
	Choked         bool // it chokes this peer
	Interesting    bool
	Interested     bool
	Snubbed        bool
	Rate           int64 // bytes that came in the last two periods of rechoking
	Sent, Received int64
}

// A SwarmState is what a tracker knows of a torrent.
type SwarmState struct {
	Name            string
	Hash            Hash
	Seeds, Leechers int
}

// Progress says how many bytes of how many are here, of the torrent called
// name; of the last one, if name is a link.
func (d Detail) Progress(name string) (here, all int64) {
	last := len(d.Torrents) - 1
	for i, t := range d.Torrents {
		if t.Name == name || i == last && (strings.HasPrefix(name, magnetPrefix) || strings.HasPrefix(name, dataPrefix)) {
			return t.Len - t.Left, t.Len
		}
	}
	return 0, 0
}

// Link returns the magnet link of the torrent called name.
func (d Detail) Link(name string) string {
	for _, t := range d.Torrents {
		if t.Name == name {
			link := magnetPrefix + "xt=urn:btih:" + t.Hash.String() + "&dn=" + escape([]byte(name))
			for _, tier := range d.Trackers {
				for _, u := range tier {
					link += "&tr=" + escape([]byte(u))
				}
			}
			return link
		}
	}
	return ""
}

// Inspect tells the node's state.
func (c *client) Inspect() p2p.State {
	s := p2p.State{Self: c.env.Self(), ID: string(c.id[len(idPrefix):])}
	d := Detail{Trackers: c.ownTiers()}
	for _, t := range c.torrents {
		d.Torrents = append(d.Torrents, t.inspect())
		if t.complete() {
			s.Stored = append(s.Stored, t.name)
		}
		s.Neighbours = append(s.Neighbours, t.neighbours()...)
	}
	for _, tier := range c.trackers {
		for _, url := range tier {
			p, _ := parseURL(url)
			if a, err := p2p.ParseAddr(p.host); err == nil && a != s.Self {
				s.Neighbours = append(s.Neighbours, a)
			}
		}
	}
	slices.Sort(s.Neighbours)
	s.Neighbours = slices.Compact(s.Neighbours)
	slices.Sort(s.Stored)
	s.Stored = slices.Compact(s.Stored)
	if c.tracker != nil {
		d.Swarms = c.tracker.inspect()
	}
	s.Detail = d
	return s
}

func (t *torrent) inspect() TorrentState {
	s := TorrentState{Name: t.name, Hash: t.hash, Len: t.meta.Len, Pieces: t.have.n, Have: t.have.count, Left: t.left(),
		Sent: t.up, Received: t.loaded, Announces: len(t.meta.Trackers) > 0, Seeds: t.seeds, Leechers: t.leechers}
	held := make([]byte, t.have.n)
	for i, n := range t.avail {
		held[i] = '0' + byte(num(t.have.has(i)))
		if i == 0 || int(n) < s.Rarest {
			s.Rarest = int(n)
		}
		s.Copies += int(n)
	}
	s.Held = string(held)
	for _, p := range t.peers {
		id := ""
		if p.said {
			id = string(p.id[len(idPrefix):])
		}
		s.Peers = append(s.Peers, PeerState{ID: id, Addr: p.addr, Link: p.link.Link, Have: p.have.count, Choking: p.choking, Choked: p.choked,
			Interesting: p.interesting, Interested: p.interested, Snubbed: p.snubbed, Rate: p.in.rate(), Sent: p.out.total, Received: p.in.total})
	}
	return s
}

func (k *tracker) inspect() []SwarmState {
	var list []SwarmState
	for _, s := range k.order {
		list = append(list, SwarmState{s.name, s.hash, s.seeds, len(s.members) - s.seeds})
	}
	slices.SortStableFunc(list, func(a, b SwarmState) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Joined says that every peer knows a tracker, and that the trackers know of
// all who have all of a torrent.
func Joined(states []p2p.State) error {
	seeds, known := map[Hash]int{}, map[Hash]int{}
	var order []TorrentState
	for _, s := range states {
		d, ok := s.Detail.(Detail)
		if ok && len(d.Trackers) == 0 {
			return fmt.Errorf("%v knows no tracker yet", s.Self)
		}
		for _, w := range d.Swarms {
			known[w.Hash] = max(known[w.Hash], w.Seeds)
		}
		for _, t := range d.Torrents {
			if t.Left == 0 && t.Announces {
				seeds[t.Hash]++
				order = append(order, t)
			}
		}
	}
	for _, t := range order {
		if known[t.Hash] < seeds[t.Hash] {
			return fmt.Errorf("%d have all of %q, the tracker knows of %d", seeds[t.Hash], t.Name, known[t.Hash])
		}
	}
	return nil
}

// Unchoked says that no peer has more neighbours unchoked than five, or than
// its slots and the optimistic one are: most is both together (B6).
func Unchoked(most int) func(states []p2p.State) error {
	return func(states []p2p.State) error {
		for _, s := range states {
			d, _ := s.Detail.(Detail)
			for _, t := range d.Torrents {
				n := 0
				for _, p := range t.Peers {
					n += num(!p.Choking)
				}
				if n > most {
					return fmt.Errorf("%v has %d neighbours of %q unchoked, more than %d", s.Self, n, t.Name, most)
				}
			}
		}
		return nil
	}
}

// Counted says that the books of every torrent agree: it counts as many copies
// of pieces as its neighbours have, and no neighbour is there twice.
func Counted(states []p2p.State) error {
	for _, s := range states {
		d, _ := s.Detail.(Detail)
		for _, t := range d.Torrents {
			sum := 0
			for i, p := range t.Peers {
				sum += p.Have
				if p.ID != "" && slices.ContainsFunc(t.Peers[:i], func(o PeerState) bool { return o.ID == p.ID }) {
					return fmt.Errorf("%v has two streams to %v about %q", s.Self, p.Addr, t.Name)
				}
			}
			if sum != t.Copies {
				return fmt.Errorf("%v counts %d copies of pieces of %q, its neighbours have %d", s.Self, t.Copies, t.Name, sum)
			}
		}
	}
	return nil
}

// ideal is a network in which everybody knows the tracker, who is the first.
func ideal(_ any, addrs []p2p.Addr) []p2p.State {
	states := make([]p2p.State, len(addrs))
	for i, a := range addrs {
		states[i] = p2p.State{Self: a, Detail: Detail{Trackers: [][]string{{announceURL(addrs[0])}}}}
		if i > 0 {
			states[i].Neighbours = []p2p.Addr{addrs[0]}
		}
	}
	return states
}
