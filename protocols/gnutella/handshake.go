package gnutella

import (
	"slices"
	"time"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// greeting is how long a stream may take to say what it wants, and a handshake
// to end.
const greeting = 10 * time.Second

// maxCallers is how many inbound streams may be silent at once.
const maxCallers = 64

// A caller is an inbound stream that has not spoken yet.
type caller struct {
	peer  p2p.Peer
	since time.Duration
}

func (s *servent) called(from p2p.Peer) {
	if len(s.callers) >= maxCallers {
		s.env.Close(from)
		return
	}
	s.callers = append(s.callers, caller{from, s.env.Now()})
}

func (s *servent) hungUp(from p2p.Peer) {
	s.callers = slices.DeleteFunc(s.callers, func(c caller) bool { return c.peer == from })
}

func (s *servent) refuse(from p2p.Peer) {
	s.hungUp(from)
	s.env.Close(from)
}

// A link joins two servents: a stream, first in the handshake, then up.
type link struct {
	s       *servent
	peer    p2p.Peer
	addr    p2p.Addr // where the other side listens; 0: it has not said
	inbound bool
	up      bool
	since   time.Duration
}

// linkTo returns the link to the servent that listens at a, or nil.
func (s *servent) linkTo(a p2p.Addr) *link {
	for _, l := range s.links {
		if l.addr == a {
			return l
		}
	}
	return nil
}

// fields are what this side says in a handshake with a servent at ip.
func (s *servent) fields(ip uint32) Fields {
	return Fields{Node: s.env.Self(), Remote: ip, Agent: agent, Ultrapeer: "False"}
}

func (s *servent) dial(a p2p.Addr) {
	l := &link{s: s, addr: a, since: s.env.Now()}
	l.peer = s.env.Dial(a, newOverlay(), l)
	s.links = append(s.links, l)
	p2p.Send(s.env, l.peer, Connect{Minor: 6, Fields: s.fields(a.IP())})
}

// connected answers the first block of a servent that dialled.
func (s *servent) connected(from p2p.Peer, m *Connect) {
	l := &link{s: s, peer: from, inbound: true, since: s.env.Now()}
	if m.Node.IP() == from.Addr.IP() { // else it names somebody else, or does not know itself
		l.addr = m.Node
	}
	code := s.admit(l.addr)
	switch {
	case m.Minor >= 6:
		a := Answer{Minor: 6, Code: code, Fields: s.fields(from.Addr.IP())}
		if code != 200 {
			a.Try = s.hosts.some(s.env.Rand(), l.addr)
		}
		p2p.Send(s.env, from, a)
	case code == 200: // version 0.4 has no other answer
		p2p.Send(s.env, from, Answer{Minor: 4, Code: 200})
	}
	if code != 200 {
		s.env.Close(from)
		return
	}
	s.links = append(s.links, l)
	s.env.Hand(from, l)
	if m.Minor < 6 {
		l.rise()
	}
}

// admit decides about a servent that listens at a and wants a link.
//
// Two servents that dial one another at once must not end with two links or
// with none. Both see both attempts, and both keep the one of the lower
// address. If the one at a has dialled before, it has forgotten that link (it
// crashed): the new one replaces it.
func (s *servent) admit(a p2p.Addr) (code uint16) {
	if a == s.env.Self() {
		return 409
	}
	if old := s.linkTo(a); old != nil && a != 0 {
		if !old.inbound && s.env.Self() < a {
			return 409
		}
		old.drop()
	}
	if len(s.links)+max(0, s.cfg.Degree-s.dialled()) >= s.cfg.MaxLinks { // room for its own
		return 503
	}
	return 200
}

// Handle hears of one link: its handshake, and descriptors.
func (l *link) Handle(from p2p.Peer, m p2p.Msg) {
	switch m := m.(type) {
	case *p2p.Up, *p2p.Room:
	case *p2p.Down:
		l.lost()
	case *Answer:
		l.answered(m)
	default:
		if !l.up || !l.s.hear(l, m) {
			l.drop() // out of turn
		}
	}
}

// answered hears the second block of the handshake, or the third.
func (l *link) answered(m *Answer) {
	switch {
	case l.up:
		l.drop()
	case m.Code != 200:
		l.s.hosts.hear(l.s.env.Now(), l.s.env.Self(), m.Try...)
		l.drop()
		l.s.tend()
	default:
		if !l.inbound && m.Minor >= 6 {
			p2p.Send(l.s.env, l.peer, Answer{Minor: 6, Code: 200})
		}
		l.rise()
	}
}

// rise begins the exchange of descriptors: with a ping, to fill the host cache.
func (l *link) rise() {
	s := l.s
	l.up = true
	s.hosts.hear(s.env.Now(), s.env.Self(), l.addr)
	ttl := s.cfg.PingTTL
	if !s.joined {
		s.joined = true
		s.intro.Joined()
		ttl = s.cfg.JoinTTL
	}
	s.ping([]*link{l}, ttl)
}

// drop closes the link and forgets it.
func (l *link) drop() {
	l.s.forget(l)
	l.s.env.Close(l.peer)
}

// lost replaces a link that broke.
func (l *link) lost() {
	l.s.forget(l)
	l.s.hosts.silent(l.addr, l.up && !l.inbound)
	l.s.tend()
}

func (s *servent) forget(l *link) {
	s.links = slices.DeleteFunc(s.links, func(k *link) bool { return k == l })
}

// introduced hears through whom to join.
func (s *servent) introduced(m *introducer.Peers) {
	s.hosts.hear(s.env.Now(), s.env.Self(), m.Addrs...)
	if m.First || s.joined { // asked again: the introducer has forgotten us meanwhile
		s.joined = true
		s.intro.Joined()
	}
	s.delayAsk()
	s.tend()
}

// resume takes up the links of a State: each is dialled from the side that had
// dialled it.
func (s *servent) resume(state *p2p.State) {
	s.joined = true
	s.given = s.env.Now() + greeting
	d, _ := state.Detail.(Detail)
	for _, a := range state.Neighbours {
		s.hosts.hear(s.env.Now(), s.env.Self(), a)
		s.hosts.silent(a, false) // until the link stands
		if d.dials(a, s.env.Self()) {
			s.ways = append(s.ways, a)
		}
	}
	s.dialGiven()
}
