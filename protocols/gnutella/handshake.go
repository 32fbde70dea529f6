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
	tie     tie
	said    Fields        // by the other side, in its first block
	via     bool          // dialled because the one before named it; see attach.go
	pinged  time.Duration // when its last ping was answered from a cache

	table routeTable // tie below: what the leaf has; above: what it was told
	told  int        // above: one more than the library's changes it was told
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
	f := Fields{Node: s.env.Self(), Remote: ip, Agent: agent, Bye: true, Inflates: s.cfg.Deflate}
	s.rank.says(s, &f)
	return f
}

func (s *servent) dial(a p2p.Addr) *link {
	l := &link{s: s, addr: a, since: s.env.Now()}
	l.peer = s.env.Dial(a, newOverlay(), l)
	s.links = append(s.links, l)
	p2p.Send(s.env, l.peer, Connect{Minor: 6, Fields: s.fields(a.IP())})
	return l
}

// connected answers the first block of a servent that dialled.
func (s *servent) connected(from p2p.Peer, m *Connect) {
	l := &link{s: s, peer: from, inbound: true, since: s.env.Now(), said: cloned(&m.Fields)}
	if m.Node.IP() == from.Addr.IP() { // else it names somebody else, or does not know itself
		l.addr = m.Node
	}
	code := s.admit(l)
	switch {
	case m.Minor >= 6:
		a := Answer{Minor: 6, Code: code, Fields: s.fields(from.Addr.IP())}
		if code != 200 {
			a.Try = s.hosts.some(s.env.Rand(), l.addr)
		} else {
			a.Needed, a.Try = s.needed(&m.Fields), s.successors(l)
			a.Deflates = s.cfg.Deflate && m.Inflates
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

// cloned is what is kept of a message's fields.
func cloned(f *Fields) Fields {
	c := *f
	c.Try = slices.Clone(f.Try)
	return c
}

// admit decides about a link that another servent wants.
//
// Two servents that dial one another at once must not end with two links or
// with none. Both see both attempts, and both keep the one of the lower
// address. If the one at a has dialled before, it has forgotten that link (it
// crashed): the new one replaces it.
func (s *servent) admit(l *link) (code uint16) {
	a := l.addr
	if l.tie, code = s.rank.ties(&l.said); l.tie == above {
		return 204 // whom a leaf needs it dials itself
	}
	if code != 200 {
		return code
	}
	if a == s.env.Self() {
		return 409
	}
	if old := s.linkTo(a); old != nil && a != 0 {
		if !old.inbound && s.env.Self() < a {
			return 409
		}
		old.drop()
	}
	if !s.room(l.tie) {
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
	s := l.s
	switch {
	case l.up:
		l.drop()
	case m.Code != 200:
		s.hosts.hear(s.env.Now(), s.env.Self(), m.Try...)
		l.drop()
		s.tend()
	case l.inbound:
		l.confirmed(m)
	default:
		l.accepted(m)
	}
}

// accepted answers the second block, which has accepted this side, with the
// third.
func (l *link) accepted(m *Answer) {
	s := l.s
	l.said = cloned(&m.Fields)
	var code uint16
	a := Answer{Minor: 6, Code: 200}
	if s.demoted(l, &l.said) {
		a.Ultrapeer = "False"
	}
	switch l.tie, code = s.rank.ties(&l.said); {
	case l.tie == below: // who dials becomes nobody's ultrapeer
		code = 403
	case code == 200 && s.redirects(l):
		code = 302
	}
	if a.Code = code; code == 200 {
		a.Deflates = s.cfg.Deflate && m.Inflates
	}
	if m.Minor >= 6 {
		p2p.Send(s.env, l.peer, a)
	}
	if code == 200 {
		l.rise()
		return
	}
	l.drop()
	if code == 302 {
		s.redirect(l)
		return
	}
	s.tend()
}

// confirmed hears the third block. It may say that its sender will be a leaf.
func (l *link) confirmed(m *Answer) {
	if m.Ultrapeer == "False" && l.tie == equal && l.said.Ultrapeer == "True" {
		if !l.s.room(below) {
			l.quit(503, "No room for a leaf")
			return
		}
		l.said.Ultrapeer, l.said.Routing, l.tie = "False", true, below
	}
	l.rise()
}

// rise begins the exchange of descriptors: with a ping, to fill the host cache.
func (l *link) rise() {
	s := l.s
	l.up = true
	s.linked = s.env.Now()
	if l.tie != below { // which nobody is told to dial
		s.hosts.hear(s.env.Now(), s.env.Self(), l.addr)
	}
	ttl := s.cfg.PingTTL
	if !s.joined {
		s.joined = true
		s.announce()
		ttl = s.cfg.JoinTTL
	}
	s.ping([]*link{l}, ttl)
	s.tellRoutes()
}

// drop closes the link and forgets it.
func (l *link) drop() {
	l.s.forget(l)
	l.s.env.Close(l.peer)
}

// quit ends the link with a Bye, if the other side wants to know why.
func (l *link) quit(code uint16, why string) {
	if l.up && l.said.Bye {
		p2p.Send(l.s.env, l.peer, Bye{Head: Head{ID: l.s.newID(), TTL: 1}, Code: code, Text: why})
	}
	l.drop()
}

// lost replaces a link that broke.
func (l *link) lost() {
	l.s.forget(l)
	l.s.hosts.silent(l.addr, l.up && !l.inbound)
	l.s.tend()
}

func (s *servent) forget(l *link) {
	if l.up {
		s.linked = s.env.Now()
	}
	s.links = slices.DeleteFunc(s.links, func(k *link) bool { return k == l })
}

// introduced hears through whom to join.
func (s *servent) introduced(m *introducer.Peers) {
	s.hosts.hear(s.env.Now(), s.env.Self(), m.Addrs...)
	stranded := s.alone() && s.env.Now()-s.began > p2p.Silence
	if m.First || s.joined || stranded { // asked again: the introducer has forgotten us meanwhile
		s.announce() // stranded: all whom it names are gone, and others may look for us
	}
	s.delayAsk()
	if m.First && !s.joined { // it cannot be the first: let the introducer appoint another meanwhile
		s.nextAsk = s.env.Now() + greeting
	}
	s.tend()
}

// announce tells the introducer that newcomers may dial this servent. One that
// they cannot dial, and a leaf, keeps silent, and starts no network either.
func (s *servent) announce() {
	if !s.cfg.Firewalled && s.rank.relays() {
		s.joined = true
		s.intro.Joined()
	}
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
