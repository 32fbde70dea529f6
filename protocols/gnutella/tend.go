package gnutella

import "slices"

// spare is how many links beyond Degree a node may dial, to hosts that it has
// lost.
const spare = 2

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
	s.promote()
	s.tellRoutes()
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
	if s.alone() {
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
