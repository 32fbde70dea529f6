package gnutella

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// caching answers pings from the pongs that came lately ("Ping/Pong scheme",
// Rohrs and Falco, 2001). Pings cross one link only: every servent asks its
// neighbours now and then, and hears of far ones through theirs.
type caching struct{ pongs []cachedPong }

// A cachedPong came at a time from a neighbour.
type cachedPong struct {
	Pong
	at   time.Duration
	from p2p.Link
}

const (
	maxCached  = 100         // pongs; the oldest go
	pingPeriod = time.Second // of one neighbour; what comes faster is not answered from the cache
)

func (c *caching) period(s *servent) { s.ping(s.links, s.cfg.PingTTL) }

func (c *caching) pinged(l *link, m *Ping) {
	s, now := l.s, l.s.env.Now()
	if _, far := s.onward(m.Head); !far || l.pinged > 0 && now-l.pinged < pingPeriod {
		return
	}
	l.pinged = now
	n := 0
	for _, p := range slices.Backward(c.pongs) {
		if n == maxPongs || !c.lately(s, p) || !s.takes(l) {
			return
		}
		if p.from != l.peer.Link && p.Addr != l.addr && !s.far(p.Pong) {
			p2p.Send(s.env, l.peer, Pong{s.backFor(m.Head, p.Pong), p.Addr, p.Files, p.KiB})
			n++
		}
	}
}

// lately reports whether p has come within the last period, so that its
// servent is still there, or was when the neighbour that told of it heard of it.
func (c *caching) lately(s *servent, p cachedPong) bool { return s.env.Now()-p.at <= s.cfg.Ping }

// ponged keeps the pong of each servent that has come the shortest way.
func (c *caching) ponged(l *link, m *Pong) {
	s := l.s
	if i := slices.IndexFunc(c.pongs, func(p cachedPong) bool { return p.Addr == m.Addr }); i >= 0 {
		if p := c.pongs[i]; p.Hops < m.Hops && c.lately(s, p) {
			return
		}
		c.pongs = slices.Delete(c.pongs, i, i+1)
	}
	if len(c.pongs) == maxCached {
		c.pongs = slices.Delete(c.pongs, 0, 1)
	}
	c.pongs = append(c.pongs, cachedPong{*m, s.env.Now(), l.peer.Link})
}
