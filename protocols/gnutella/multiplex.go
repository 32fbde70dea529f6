package gnutella

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// multiplexing sends one ping on, this servent's own, for all that come within
// a period of Ping. Of what comes back, all who wait get a few pongs: each under
// the GUID that it asked with.
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
	got  int // pongs, but for this servent's own
}

// Of one round, at most so many pings wait and so many pongs are kept.
const (
	maxWaiting = 64
	maxHeard   = maxHosts
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
	if !x.begun || s.env.Now()-x.since > s.cfg.Ping {
		x.begin(s, s.relayLinks(l), int(h.TTL))
	}
	w := waiting{link: l.peer.Link, head: m.Head}
	for _, pong := range x.heard {
		w.pass(s, pong)
	}
	if len(x.wait) < maxWaiting {
		x.wait = append(x.wait, w)
	}
}

func (x *multiplexing) ponged(l *link, m *Pong) {
	again := slices.ContainsFunc(x.heard, func(p Pong) bool { return p.Addr == m.Addr })
	if m.ID != x.round || again || len(x.heard) == maxHeard || m.Addr == l.s.env.Self() {
		return // two who wait for one another would pass it to and fro for ever
	}
	x.heard = append(x.heard, *m)
	for i := range x.wait {
		if w := &x.wait[i]; w.link != l.peer.Link {
			w.pass(l.s, *m)
		}
	}
}

// pass hands a pong that came for another ping to the one who waits.
func (w *waiting) pass(s *servent, m Pong) {
	if w.got == maxPongs || s.far(m) {
		return
	}
	for _, l := range s.links {
		if l.peer.Link == w.link && s.takes(l) && l.addr != m.Addr {
			p2p.Send(s.env, l.peer, Pong{s.backFor(w.head, m), m.Addr, m.Files, m.KiB})
			w.got++
		}
	}
}
