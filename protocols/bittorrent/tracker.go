package bittorrent

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// Bounds of what a tracker keeps.
const (
	maxSwarms  = 20000
	maxMembers = 100000
	metaBudget = 256 << 20 // bytes of all metainfos together
)

// A tracker knows who is in which swarm. It knows no more of a torrent than its
// hash, but for those that were offered to it by name, which is our addition:
// how else would somebody who is to fetch "song" come by song.torrent?
type tracker struct {
	c      *client
	swarms map[Hash]*swarm
	order  []*swarm
	names  map[string]*swarm
	metas  int // bytes of them
	next   int // whose old members are forgotten next
	secret uint64
}

// A swarm is the peers of one torrent.
type swarm struct {
	hash      Hash
	name      string
	meta      []byte // nil: it was not offered
	members   []member
	places    map[p2p.Addr]int // in members
	seeds     int
	downloads uint32 // that were completed
}

// A member is one of them.
type member struct {
	addr p2p.Addr
	id   ID
	left int64
	seen time.Duration
}

func newTracker(c *client) *tracker {
	k := &tracker{c: c, secret: c.env.Rand().Uint64(), swarms: map[Hash]*swarm{}, names: map[string]*swarm{}}
	k.recall()
	return k
}

// answer answers one request.
func (k *tracker) answer(from p2p.Peer, m p2p.Msg) {
	env := k.c.env
	switch m := m.(type) {
	case *Announce:
		p2p.Send(env, from, k.announced(p2p.MakeAddr(from.Addr.IP(), m.Port), m))
	case *Wanted:
		s := k.names[m.Name]
		if s == nil || !s.alive() {
			p2p.Send(env, from, Refused{Code: 404})
			return
		}
		g := Given{Hash: s.hash, Seeds: s.complete()}
		if m.Meta {
			g.Meta = bytes.Clone(s.meta)
		}
		p2p.Send(env, from, g)
	case *Offer:
		h, ok := k.take(m.Name, m.Meta)
		if !ok {
			p2p.Send(env, from, Refused{Code: 409})
			return
		}
		k.save(h)
		p2p.Send(env, from, Given{Hash: h})
	}
}

// alive reports whether somebody is in the swarm.
func (s *swarm) alive() bool { return len(s.members) > 0 }

// swarm returns the swarm with this hash, made if there is room.
func (k *tracker) swarm(h Hash) *swarm {
	s := k.swarms[h]
	if s == nil && len(k.order) < maxSwarms {
		s = &swarm{hash: h, places: map[p2p.Addr]int{}}
		k.swarms[h] = s
		k.order = append(k.order, s)
	}
	return s
}

// announced notes the peer and names others.
func (k *tracker) announced(a p2p.Addr, m *Announce) Announced {
	s := k.swarm(m.Hash)
	if s == nil || m.Port == 0 {
		return Announced{Failure: "no room, or no port"}
	}
	s.remove(a)
	s.downloads += uint32(num(m.Event == Completed))
	if m.Event != Stopped && len(s.members) < maxMembers {
		s.add(member{a, m.ID, m.Left, k.c.env.Now()})
	}
	want := wantPeers
	if m.Want >= 0 {
		want = min(int(m.Want), maxPeers)
	}
	return Announced{Interval: k.c.cfg.Interval, Complete: uint32(s.seeds), Incomplete: uint32(len(s.members) - s.seeds),
		Peers: s.draw(k, want, a, m.Left == 0)}
}

func (s *swarm) add(m member) {
	s.places[m.addr] = len(s.members)
	s.members = append(s.members, m)
	if m.left == 0 {
		s.seeds++
	}
}

func (s *swarm) remove(a p2p.Addr) {
	i, ok := s.places[a]
	if !ok {
		return
	}
	if s.members[i].left == 0 {
		s.seeds--
	}
	last := len(s.members) - 1
	s.members[i] = s.members[last]
	s.places[s.members[i].addr] = i
	s.members = s.members[:last]
	delete(s.places, a)
}

// draw names some members at random, never the asker, and to a seed no seeds.
func (s *swarm) draw(k *tracker, n int, asker p2p.Addr, seed bool) []p2p.Addr {
	var out []p2p.Addr
	r := k.c.env.Rand()
	for i := range s.members {
		if len(out) == n {
			break
		}
		j := i + r.IntN(len(s.members)-i)
		if i != j {
			s.members[i], s.members[j] = s.members[j], s.members[i]
			s.places[s.members[i].addr], s.places[s.members[j].addr] = i, j
		}
		if m := &s.members[i]; m.addr != asker && !(seed && m.left == 0) {
			out = append(out, m.addr)
		}
	}
	return out
}

// mostSeeds is how many of those who have all are named to who looks for a
// torrent by its name.
const mostSeeds = 20

// complete names some who have all of it, those who announced last first.
func (s *swarm) complete() []p2p.Addr {
	var all []member
	for _, m := range s.members {
		if m.left == 0 {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b member) int { return cmp.Or(cmp.Compare(b.seen, a.seen), cmp.Compare(a.addr, b.addr)) })
	var out []p2p.Addr
	for _, m := range all[:min(mostSeeds, len(all))] {
		out = append(out, m.addr)
	}
	return out
}

// forget drops members that have not announced for two intervals: of one swarm
// each time, and of all in turn.
func (k *tracker) forget() {
	if len(k.order) == 0 {
		return
	}
	for range min(len(k.order), 1+len(k.order)/8) {
		k.next = (k.next + 1) % len(k.order)
		s := k.order[k.next]
		for i := len(s.members) - 1; i >= 0; i-- {
			if m := s.members[i]; k.c.env.Now()-m.seen > 2*k.c.cfg.Interval+k.c.cfg.Patience {
				s.remove(m.addr)
			}
		}
	}
}

// take keeps the metainfo of a torrent under its name. A name belongs to what
// it was given to first, as long as anybody is in that swarm.
func (k *tracker) take(name string, b []byte) (Hash, bool) {
	meta, err := ParseMetainfo(b)
	if err != nil || meta.Name != name {
		return Hash{}, false
	}
	old := k.names[name]
	s := k.swarm(meta.Hash)
	if s == nil || old != nil && old != s && old.alive() || k.metas+len(b)-len(s.meta) > metaBudget {
		return Hash{}, false
	}
	k.metas += len(b) - len(s.meta)
	s.name, s.meta = name, bytes.Clone(b)
	k.names[name] = s
	return meta.Hash, true
}
