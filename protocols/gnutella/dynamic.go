package gnutella

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// Search says how a query leaves the servent that asks, or the ultrapeer of
// the leaf that asks.
type Search uint8

const (
	// ByRole is Flood for peers and Dynamic for ultrapeers, whose newer leaves
	// want it.
	ByRole Search = iota
	// Flood sends it to all neighbours at once, with the whole TTL.
	Flood
	// Dynamic sends it to one neighbour after the other, with a TTL that grows
	// if little is found, until enough is (Fisk, "Gnutella Dynamic Query
	// Protocol", 2003). What is common is found for a fraction of a flood.
	Dynamic
)

var searches = []string{"role", "flood", "dynamic"}

// MarshalText writes the word for it.
func (x Search) MarshalText() ([]byte, error) { return []byte(searches[x]), nil }

// UnmarshalText reads it.
func (x *Search) UnmarshalText(b []byte) error { return choose((*uint8)(x), searches, b) }

const (
	enough   = 50 // files, then a dynamic query ends
	probes   = 3  // neighbours that are asked first, at once, with probeTTL
	probeTTL = 2
	// How long a neighbour has to answer before the next is asked, for each
	// link that the query may cross. (Real servents wait 2.4 s.)
	stepPause = 200 * time.Millisecond
)

// A dynamic is one query on its way out.
type dynamic struct {
	s     *servent
	query Query // its Ext and Text are strings, so this is a copy
	from  *link // of the leaf that asks; nil: this servent
	asked []p2p.Link
	found int // files
	ttl   uint8
}

// nextStep is the timer of a dynamic.
type nextStep struct {
	p2p.Alarm
	d *dynamic
}

// steps reports whether queries leave step by step.
func (s *servent) steps() bool {
	_, upper := s.rank.(upperRank)
	return s.cfg.Search == Dynamic && s.rank.relays() || s.cfg.Search == ByRole && upper
}

// send lets a query leave, over all links but from, which it came over. With
// few neighbours there is nothing to be saved.
func (s *servent) send(from *link, q Query) {
	if to := s.upward(from); !s.steps() || len(to) <= probes {
		s.sendTo(to, q)
		return
	}
	d := &dynamic{s: s, query: q, from: from, ttl: min(probeTTL, q.TTL)}
	s.dynamics = append(s.dynamics, d)
	d.ask(probes)
}

// upward are the links over which a query of this servent's own leaves, or one
// of a leaf.
func (s *servent) upward(from *link) []*link {
	return slices.DeleteFunc(slices.Clone(s.links), func(l *link) bool { return l == from || l.tie == below })
}

func (s *servent) sendTo(links []*link, q Query) {
	for _, l := range links {
		if s.takes(l) {
			p2p.Send(s.env, l.peer, q)
		}
	}
}

// ask asks the next few neighbours, and waits. The GUID stays, so who has seen
// the query already drops it.
func (d *dynamic) ask(n int) {
	s := d.s
	q := d.query
	q.TTL = d.ttl
	for _, l := range s.upward(d.from) {
		if n > 0 && s.takes(l) && !slices.Contains(d.asked, l.peer.Link) {
			d.asked = append(d.asked, l.peer.Link)
			p2p.Send(s.env, l.peer, q)
			n--
		}
	}
	if n > 0 {
		d.end()
		return
	}
	s.env.After(stepPause*time.Duration(d.ttl), &nextStep{d: d})
}

// step asks one neighbour more, the farther the less has been found.
func (d *dynamic) step() {
	switch {
	case !slices.Contains(d.s.dynamics, d):
	case d.found >= enough:
		d.end()
	default:
		d.ttl = min(d.ttl+1, d.query.TTL)
		if d.found > 0 {
			d.ttl = min(d.reach(), d.query.TTL)
		}
		d.ask(1)
	}
}

// reach is the TTL with which one neighbour more brings about what is missing:
// the horizon of each was like the others', and grows with each link by a
// factor of about the degree.
func (d *dynamic) reach() (ttl uint8) {
	perNeighbour := max(1, d.found/len(d.asked))
	for ttl = probeTTL; perNeighbour < enough-d.found; ttl++ {
		perNeighbour *= max(2, d.s.cfg.Degree)
	}
	return ttl
}

func (d *dynamic) end() {
	d.s.dynamics = slices.DeleteFunc(d.s.dynamics, func(k *dynamic) bool { return k == d })
}

// counted notes what is found for a query on its way out.
func (s *servent) counted(m *Hit) {
	for _, d := range s.dynamics {
		if d.query.ID == m.ID {
			d.found += len(m.Files)
		}
	}
}
