package fasttrack

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// spareLinks is how many links beyond Degree a supernode may dial, to hosts that it
// has lost.
const spareLinks = 2

// A link joins two supernodes: a session in which both have said Link.
type link struct {
	n       *node
	peer    p2p.Peer
	addr    p2p.Addr
	inbound bool
	up      bool
	since   time.Duration
	heard   time.Duration

	reputation uint16
	load       uint8
}

func (n *node) linkTo(a p2p.Addr) *link {
	for _, l := range n.links {
		if l.addr == a {
			return l
		}
	}
	return nil
}

// linksUp counts the links that stand.
func (n *node) linksUp() (up int) {
	for _, l := range n.links {
		if l.up {
			up++
		}
	}
	return up
}

// tendLinks replaces links that are missing.
func (n *node) tendLinks() {
	now := n.env.Now()
	for i := len(n.links) - 1; i >= 0; i-- {
		if l := n.links[i]; !l.up && now-l.since > greeting {
			l.drop()
		}
	}
	if n.cfg.Degree == 0 || !n.super {
		return
	}
	for n.dialled() < n.cfg.Degree && n.dialLink(func(*host) bool { return true }) {
	}
	if n.dialled() < n.cfg.Degree+spareLinks && len(n.links) < n.cfg.MaxLinks {
		n.dialLink(func(k *host) bool { return k.lost }) // the way back to one another after a cut
	}
	if n.dialled() < n.cfg.Degree && now >= n.nextAsk {
		n.ask() // seldom: it forgets who asks, until that announces itself again
		if n.nextAsk = now + greeting; n.linksUp() > 0 {
			n.nextAsk = now + n.cfg.Gossip
		}
	}
	for _, l := range n.links {
		if age := now - l.since; l.up && n.gossips(age) && !n.env.Full(l.peer) {
			l.tell()
		}
	}
}

// dialled counts the links that this side has dialled.
func (n *node) dialled() (dialled int) {
	for _, l := range n.links {
		if !l.inbound {
			dialled++
		}
	}
	return dialled
}

// dialLink dials a supernode that fits, and reports whether there was one.
func (n *node) dialLink(fits func(*host) bool) bool {
	a := n.hosts.pick(n.env.Now(), n.env.Rand(), func(k *host) bool { return n.linkTo(k.addr) == nil && fits(k) })
	if a == 0 {
		return false
	}
	n.dialSuper(a)
	return true
}

func (n *node) dialSuper(a p2p.Addr) {
	n.hosts.tried(n.env.Now(), n.env.Rand(), a)
	l := &link{n: n, addr: a, since: n.env.Now()}
	l.peer = n.env.Dial(a, newSession(), l)
	n.links = append(n.links, l)
	p2p.Send(n.env, l.peer, ourHello())
}

// says is what this supernode says of itself on a link.
func (n *node) says() Link {
	return Link{Addr: n.env.Self(), Reputation: n.claim(), Load: n.load()}
}

// tell says how this supernode is, and which others it knows.
func (l *link) tell() {
	p2p.Send(l.n.env, l.peer, l.n.says())
	p2p.Send(l.n.env, l.peer, Supernodes{l.n.others(l.addr)})
}

// Handle hears of one link.
func (l *link) Handle(from p2p.Peer, m p2p.Msg) {
	n := l.n
	l.heard = n.env.Now()
	switch m := m.(type) {
	case *p2p.Up, *p2p.Room, *Welcome, *Pong, *Other:
	case *p2p.Down:
		l.lost()
	case *Network:
		if l.up || m.Name != network {
			l.drop()
			return
		}
		p2p.Send(n.env, from, Network{network})
		p2p.Send(n.env, from, n.says())
	case *Link:
		l.reputation, l.load = m.Reputation, m.Load
		if !l.up {
			l.stands()
		}
	case *Supernodes:
		n.hosts.told(n.env.Now(), n.env.Self(), m.List)
	default:
		if !l.up {
			l.drop()
			return
		}
		l.hear(m)
	}
}

func (l *link) hear(m p2p.Msg) {
	switch m := m.(type) {
	case *Ping:
		p2p.Send(l.n.env, l.peer, Pong{})
	case *Query:
		l.n.queried(l, m)
	case *Hits:
		l.n.hit(m)
	default:
		l.drop()
	}
}

// linked turns the session of c into a link, which another supernode wants.
//
// Two supernodes that dial one another at once must not end with two links or with
// none. Both see both attempts, and both keep the one of the lower address. If the
// one at m.Addr has dialled before, it has forgotten that link (it crashed): the new
// one replaces it.
func (n *node) linked(c *child, m *Link) {
	c.forget()
	known := m.Addr.IP() == c.peer.Addr.IP() && dialable(m.Addr, n.env.Self())
	old := n.linkTo(m.Addr)
	mine := old != nil && !old.inbound && n.env.Self() < m.Addr
	if !known || mine || old == nil && len(n.links) >= n.cfg.MaxLinks {
		n.env.Close(c.peer)
		return
	}
	if old != nil {
		old.drop()
	}
	l := &link{n: n, peer: c.peer, addr: m.Addr, inbound: true, since: n.env.Now(), reputation: m.Reputation, load: m.Load}
	n.links = append(n.links, l)
	n.env.Hand(c.peer, l)
	p2p.Send(n.env, l.peer, n.says())
	l.stands()
}

func (l *link) stands() {
	n := l.n
	l.up, l.heard = true, n.env.Now()
	n.hosts.hear(n.env.Now(), n.env.Self(), l.addr)
	p2p.Send(n.env, l.peer, Supernodes{n.others(l.addr)})
	n.goodbye(l.addr)
	for _, s := range n.searches {
		p2p.Send(n.env, l.peer, Query{Flood: s.flood, TTL: uint8(n.cfg.TTL), Search: s.question()})
	}
}

func (l *link) drop() {
	l.forget()
	l.n.env.Close(l.peer)
}

func (l *link) lost() {
	l.forget()
	l.n.hosts.silent(l.addr, l.up)
	l.n.goodbye(l.addr)
	l.n.tendLinks()
}

func (l *link) forget() {
	n := l.n
	n.links = slices.DeleteFunc(n.links, func(k *link) bool { return k == l })
}
