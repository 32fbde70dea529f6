package gnutella

import "peerbed/protocols/p2p"

// Pings says what becomes of a ping that comes from a neighbour.
type Pings uint8

const (
	// FloodPings passes each on, as version 0.4 does. In 2000 pings and pongs
	// were half of the traffic.
	FloodPings Pings = iota
	// MultiplexPings passes several on as one, and hands its pongs to all who
	// wait.
	MultiplexPings
	// CachePings passes none on, and answers with pongs that came lately.
	CachePings
)

var pingWords = []string{"flood", "multiplex", "cache"}

// MarshalText writes the word for it.
func (p Pings) MarshalText() ([]byte, error) { return []byte(pingWords[p]), nil }

// UnmarshalText reads it.
func (p *Pings) UnmarshalText(b []byte) error { return choose((*uint8)(p), pingWords, b) }

func (p Pings) variant() pinging {
	return [...]func() pinging{
		FloodPings:     func() pinging { return flooding{} },
		MultiplexPings: func() pinging { return &multiplexing{} },
		CachePings:     func() pinging { return &caching{} },
	}[p]()
}

// A pinging is one of the variants.
type pinging interface {
	period(s *servent)       // sends a ping of this servent's own
	pinged(l *link, m *Ping) // a ping that is new here, and is answered already
	ponged(l *link, m *Pong) // a pong for a ping that went this way, and is noted already
}

// ping sends a ping over the given links.
func (s *servent) ping(links []*link, ttl int) Head {
	h := Head{ID: s.newID(), TTL: uint8(ttl)}
	s.routes.add(s.env.Now(), route{h.ID, typePing}, 0)
	for _, l := range links {
		if s.takes(l) && l.tie != below {
			p2p.Send(s.env, l.peer, Ping{h})
		}
	}
	return h
}

// pinged answers a ping and does with it what the variant says.
func (s *servent) pinged(l *link, m *Ping) {
	if !s.routes.add(s.env.Now(), route{m.ID, typePing}, l.peer.Link) {
		return
	}
	if s.takes(l) {
		files, bytes := s.library.total()
		p2p.Send(s.env, l.peer, Pong{s.back(m.Head), s.env.Self(), files, uint32(bytes >> 10)})
	}
	if s.rank.relays() {
		s.pings.pinged(l, m)
	}
}

// ponged learns of a servent.
func (s *servent) ponged(l *link, m *Pong) {
	if l.addr == 0 && m.Hops == 0 && m.Addr.IP() == l.peer.Addr.IP() && s.linkTo(m.Addr) == nil {
		l.addr = m.Addr // version 0.4 says it nowhere else
	}
	if _, ok := s.routes.find(route{m.ID, typePing}); ok {
		s.hosts.hear(s.env.Now(), s.env.Self(), m.Addr)
		s.pings.ponged(l, m)
	}
}

// relayLinks are the links, but l, over which what is flooded goes on.
func (s *servent) relayLinks(l *link) []*link {
	var to []*link
	for _, k := range s.links {
		if k != l && k.tie == equal {
			to = append(to, k)
		}
	}
	return to
}

// maxPongs is how many pongs of others answer a ping that does not go on, as
// real servents have it.
const maxPongs = 10

// far reports whether a pong has come as far as any ping goes. It is not handed
// to those who ask for something else, or it would go round for ever, long after
// its servent has gone.
func (s *servent) far(m Pong) bool { return int(m.Hops)+1 >= max(s.cfg.PingTTL, s.cfg.JoinTTL) }

// backFor is the Head of a pong that answers the ping h and has come from
// farther away.
func (s *servent) backFor(h Head, m Pong) Head {
	b := s.back(h)
	b.Hops = max(m.Hops+1, m.Hops)
	return b
}

type flooding struct{}

func (flooding) period(s *servent) { s.ping(s.links, s.cfg.PingTTL) }

func (flooding) pinged(l *link, m *Ping) {
	s := l.s
	h, ok := s.onward(m.Head)
	for _, to := range s.relayLinks(l) {
		if ok && s.takes(to) {
			p2p.Send(s.env, to.peer, Ping{h})
		}
	}
}

func (flooding) ponged(l *link, m *Pong) {
	s := l.s
	to, _ := s.routes.find(route{m.ID, typePing})
	if to, h, ok := s.backward(to, m.Head); ok {
		p2p.Send(s.env, to, Pong{h, m.Addr, m.Files, m.KiB})
	}
}
