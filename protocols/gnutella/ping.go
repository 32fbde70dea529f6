package gnutella

import (
	"slices"

	"peerbed/protocols/p2p"
)

// spare is how many links beyond Degree a node may dial, to hosts that it has
// lost.
const spare = 2

// ping floods a ping over the given links.
func (s *servent) ping(links []*link, ttl int) {
	h := Head{ID: s.newID(), TTL: uint8(ttl)}
	s.routes.add(s.env.Now(), route{h.ID, typePing}, 0)
	for _, l := range links {
		if s.takes(l) {
			p2p.Send(s.env, l.peer, Ping{h})
		}
	}
}

// pinged answers a ping and passes it on.
func (s *servent) pinged(l *link, m *Ping) {
	if !s.routes.add(s.env.Now(), route{m.ID, typePing}, l.peer.Link) {
		return
	}
	if s.takes(l) {
		files, bytes := s.library.total()
		p2p.Send(s.env, l.peer, Pong{s.back(m.Head), s.env.Self(), files, uint32(bytes >> 10)})
	}
	h, ok := s.onward(m.Head)
	for _, to := range s.links {
		if ok && to != l && s.takes(to) {
			p2p.Send(s.env, to.peer, Ping{h})
		}
	}
}

// ponged learns of a servent and passes the pong back.
func (s *servent) ponged(l *link, m *Pong) {
	if l.addr == 0 && m.Hops == 0 && m.Addr.IP() == l.peer.Addr.IP() && s.linkTo(m.Addr) == nil {
		l.addr = m.Addr // version 0.4 says it nowhere else
	}
	to, ok := s.routes.find(route{m.ID, typePing})
	if !ok {
		return
	}
	s.hosts.hear(s.env.Now(), s.env.Self(), m.Addr)
	if to, h, ok := s.backward(to, m.Head); ok {
		p2p.Send(s.env, to, Pong{h, m.Addr, m.Files, m.KiB})
	}
}

// tend replaces links that are missing and ends streams that say nothing.
func (s *servent) tend() {
	now := s.env.Now()
	for i := len(s.links) - 1; i >= 0; i-- {
		if l := s.links[i]; !l.up && now-l.since > greeting {
			l.drop()
		}
	}
	for len(s.callers) > 0 && now-s.callers[0].since > greeting {
		s.refuse(s.callers[0].peer)
	}
	s.endIdle()
	if s.cfg.Degree == 0 || now < s.given {
		s.dialGiven()
		return
	}
	want := s.cfg.Degree
	if !s.joined {
		want = min(want, 2) // the others when pongs have come from farther away
	}
	for s.dialled() < want && s.dialOne(func(*host) bool { return true }) {
	}
	if len(s.links) == 0 {
		s.ask()
		return
	}
	s.reunite()
}

// dialled counts the links that this side has dialled.
func (s *servent) dialled() (n int) {
	for _, l := range s.links {
		if !l.inbound {
			n++
		}
	}
	return n
}

// ask turns to the introducer when nobody else is left, now and then.
func (s *servent) ask() {
	if now := s.env.Now(); s.cfg.Introducer != "" && now >= s.nextAsk {
		s.delayAsk()
		s.intro.Ask()
	}
}

// delayAsk lets the introducer rest. It forgets who asks until it hears that
// they have joined, so those who once did ask seldom.
func (s *servent) delayAsk() {
	s.nextAsk = s.env.Now() + minPause
	if s.joined {
		s.nextAsk = s.env.Now() + s.cfg.Ping
	}
}

// dialGiven dials those that its State wants dialled and that it has no link
// to.
func (s *servent) dialGiven() {
	for s.dialOne(func(k *host) bool { return slices.Contains(s.ways, k.addr) }) {
	}
}

// reunite dials a host that it has lost. After a cut each part of the network
// has enough links within itself, and only this brings the parts together.
func (s *servent) reunite() {
	if s.dialled() < s.cfg.Degree+spare && len(s.links) < s.cfg.MaxLinks {
		s.dialOne(func(k *host) bool { return k.lost })
	}
}

// dialOne dials a host of the cache that fits, and reports whether there was
// one.
func (s *servent) dialOne(fits func(*host) bool) bool {
	now := s.env.Now()
	a := s.hosts.pick(now, s.env.Rand(), func(k *host) bool { return s.linkTo(k.addr) == nil && fits(k) })
	if a == 0 {
		return false
	}
	s.hosts.tried(now, s.env.Rand(), a)
	s.dial(a)
	return true
}
