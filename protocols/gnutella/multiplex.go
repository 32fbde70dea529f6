package gnutella

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// multiplexing sends one ping on for all that come within half a period of
// Ping. What comes back for it goes to all who wait: to each under the GUID
// that it asked with.
type multiplexing struct {
	round GUID // of the ping that went on last
	since time.Duration
	begun bool
	wait  []waiting
	heard []Pong // in this round
}

// A waiting is a ping that waits for pongs.
type waiting struct {
	link p2p.Link
	head Head
}

// Of one round, at most so many pings wait and so many pongs are kept.
const (
	maxWaiting = 64
	maxHeard   = 64
)

func (x *multiplexing) period(s *servent) { x.begin(s, s.links, s.cfg.PingTTL) }

func (x *multiplexing) begin(s *servent, links []*link, ttl int) {
	*x = multiplexing{round: s.ping(links, ttl).ID, since: s.env.Now(), begun: true}
}

func (x *multiplexing) pinged(l *link, m *Ping) {
	s := l.s
	h, ok := s.onward(m.Head)
	if !ok {
		return
	}
	if !x.begun || s.env.Now()-x.since > s.cfg.Ping/2 {
		x.begin(s, s.relayLinks(l), int(h.TTL))
	}
	w := waiting{l.peer.Link, m.Head}
	if len(x.wait) < maxWaiting {
		x.wait = append(x.wait, w)
	}
	for _, pong := range x.heard {
		s.pass(w, pong)
	}
}

func (x *multiplexing) ponged(l *link, m *Pong) {
	if m.ID != x.round {
		return
	}
	if len(x.heard) < maxHeard && !slices.ContainsFunc(x.heard, func(p Pong) bool { return p.Addr == m.Addr }) {
		x.heard = append(x.heard, *m)
	}
	for _, w := range x.wait {
		if w.link != l.peer.Link {
			l.s.pass(w, *m)
		}
	}
}

// pass hands a pong that came for another ping to one who waits.
func (s *servent) pass(w waiting, m Pong) {
	for _, l := range s.links {
		if l.peer.Link == w.link && s.takes(l) && l.addr != m.Addr {
			p2p.Send(s.env, l.peer, Pong{s.backFor(w.head, m), m.Addr, m.Files, m.KiB})
		}
	}
}

// backFor is the Head of a pong that answers the ping h and has come from
// farther away.
func (s *servent) backFor(h Head, m Pong) Head {
	b := s.back(h)
	b.Hops = max(m.Hops+1, m.Hops)
	return b
}
