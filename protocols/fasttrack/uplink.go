package fasttrack

import (
	"slices"
	"time"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// attempt is how long a supernode may take to take a child.
const attempt = 4 * time.Second

// An uplink is a session with a supernode, from the child's side.
type uplink struct {
	n      *node
	peer   p2p.Peer
	addr   p2p.Addr
	since  time.Duration
	named  bool // it speaks: the cipher is agreed
	logged bool // this side has logged in
	heard  time.Duration
	asked  int    // pings that were sent
	told   int    // pongs that came
	waits  []wait // for pongs
}

// A wait is for a parent to have taken in what it was told: there is no answer to a
// Share, but the Pong to a Ping behind it is one.
type wait struct {
	ping int
	then func()
}

// confirm calls then when the parent has taken in all that it was told; at once if
// there is none, for the next will be told anew.
func (n *node) confirm(then func()) {
	u := n.parent
	if u == nil {
		then()
		return
	}
	u.ping()
	u.waits = append(u.waits, wait{u.asked, then})
}

func (u *uplink) ping() {
	u.asked++
	p2p.Send(u.n.env, u.peer, Ping{})
}

// ponged ends those waits that are over, or all.
func (u *uplink) ponged(all bool) {
	for u.told++; len(u.waits) > 0 && (all || u.waits[0].ping <= u.told); {
		w := u.waits[0]
		u.waits = u.waits[1:]
		w.then()
	}
}

// seek dials supernodes until one has taken this node: several at once, for whoever
// answers first is near, or idle, or both.
func (n *node) seek() {
	if n.super || n.gone || n.parent != nil {
		return
	}
	now := n.env.Now()
	for i := len(n.uplinks) - 1; i >= 0; i-- {
		if u := n.uplinks[i]; now-u.since > attempt {
			u.drop()
		}
	}
	for len(n.uplinks) < n.cfg.Tries {
		a := n.hosts.pick(now, n.env.Rand(), func(k *host) bool { return n.uplinkTo(k.addr) == nil })
		if a == 0 {
			break
		}
		n.dialUp(a)
	}
	if len(n.uplinks) == 0 {
		n.ask()
	}
	if now > n.despair && n.eligible() {
		n.rise()
	}
}

func (n *node) uplinkTo(a p2p.Addr) *uplink {
	for _, u := range n.uplinks {
		if u.addr == a {
			return u
		}
	}
	return nil
}

func (n *node) dialUp(a p2p.Addr) {
	n.hosts.tried(n.env.Now(), n.env.Rand(), a)
	u := &uplink{n: n, addr: a, since: n.env.Now()}
	u.peer = n.env.Dial(a, newSession(), u)
	n.uplinks = append(n.uplinks, u)
	p2p.Send(n.env, u.peer, ourHello())
}

// ourHello asks for the cipher that supernodes of this package choose.
func ourHello() Hello { return Hello{clientSeed, masks[clientSeed] ^ cipherPlain} }

// Handle hears of one session.
func (u *uplink) Handle(from p2p.Peer, m p2p.Msg) {
	n := u.n
	u.heard = n.env.Now()
	switch m := m.(type) {
	case *p2p.Up, *p2p.Room, *Welcome, *External, *Other:
	case *p2p.Down:
		u.lost()
	case *Network:
		u.greeted(m)
	case *Ping:
		p2p.Send(n.env, from, Pong{})
	case *Pong:
		u.ponged(false)
	case *Supernodes:
		n.hosts.told(n.env.Now(), n.env.Self(), m.List)
		if u.logged && slices.ContainsFunc(m.List, func(s Supernode) bool { return s.Addr == u.addr }) {
			u.taken()
		}
	case *Wanted:
		u.taken()
		n.shareAll()
	case *Results:
		n.found(m, 1)
	case *End:
		n.foundAll(m.ID)
	case *Push:
		n.give(m)
	case *Promote:
		n.promoted(u)
	default:
		u.lost()
		n.env.Close(from)
	}
}

func (u *uplink) greeted(m *Network) {
	if u.named || m.Name != network {
		u.lost()
		u.n.env.Close(u.peer)
		return
	}
	u.named = true
	u.n.hosts.hear(u.n.env.Now(), u.n.env.Self(), u.addr)
	u.n.choose()
}

// choose logs in to the supernode that has answered first, unless this node waits
// for another.
func (n *node) choose() {
	if n.parent != nil || slices.ContainsFunc(n.uplinks, func(u *uplink) bool { return u.logged }) {
		return
	}
	var first *uplink
	for _, u := range n.uplinks {
		if u.named && (first == nil || u.heard < first.heard) {
			first = u
		}
	}
	if first == nil {
		return
	}
	first.logged = true
	p2p.Send(n.env, first.peer, Network{network})
	p2p.Send(n.env, first.peer, Login{Addr: n.listens(), Bandwidth: bandwidth(n.cfg.Bandwidth), User: n.user})
}

// listens is where others can dial this node: port 0 if they cannot.
func (n *node) listens() p2p.Addr {
	if self := n.env.Self(); n.cfg.Firewalled {
		return p2p.MakeAddr(self.IP(), 0)
	}
	return n.env.Self()
}

// taken makes u the parent, and asks it what is being searched for.
func (u *uplink) taken() {
	n := u.n
	if n.super || n.parent != nil || !u.logged {
		return
	}
	n.parent = u
	n.dropUplinks(u)
	n.nextRep = 0
	n.recommend()
	for _, s := range n.searches {
		s.ask()
	}
}

// recommend tells the parent what makes this node fit to be a supernode.
func (n *node) recommend() {
	if now := n.env.Now(); n.parent != nil && n.eligible() && now >= n.nextRep {
		n.nextRep = now + time.Minute
		p2p.Send(n.env, n.parent.peer, Standing{Reputation: n.claim(), Addr: n.env.Self()})
	}
}

// dropUplinks closes all but one.
func (n *node) dropUplinks(but *uplink) {
	for _, u := range slices.Clone(n.uplinks) {
		if u != but {
			u.drop()
		}
	}
}

// drop closes a session and forgets it.
func (u *uplink) drop() {
	n := u.n
	n.env.Close(u.peer)
	n.uplinks = slices.DeleteFunc(n.uplinks, func(k *uplink) bool { return k == u })
	if n.parent == u {
		n.parent = nil
		n.orphaned()
	}
	u.ponged(true)
}

// lost turns to others: at once, for the spares are known.
func (u *uplink) lost() {
	n := u.n
	n.hosts.silent(u.addr, u == n.parent)
	if k := n.hosts.find(u.addr); k != nil && u == n.parent {
		n.hosts.tried(n.env.Now(), n.env.Rand(), u.addr)
	}
	u.drop()
	n.choose()
	n.seek()
}

// orphaned begins the time after which an able node helps itself.
func (n *node) orphaned() {
	n.despair = n.env.Now() + n.cfg.Orphan + time.Duration(n.env.Rand().Int64N(int64(n.cfg.Orphan)))
}

// ping asks those with whom there are sessions whether they live, and leaves those
// who have not answered.
func (n *node) ping() {
	now := n.env.Now()
	switch u := n.parent; {
	case u == nil:
	case now-u.heard > 2*n.cfg.Ping:
		u.lost()
	default:
		u.ping()
	}
	for _, c := range slices.Clone(n.children) {
		if silent := now - c.heard; c.in && silent > 3*n.cfg.Ping {
			c.drop()
		} else if c.in && silent > n.cfg.Ping {
			p2p.Send(n.env, c.peer, Ping{})
		}
	}
	for _, l := range slices.Clone(n.links) {
		if l.up && now-l.heard > 3*n.cfg.Ping {
			l.drop()
			l.lost()
		} else if l.up {
			p2p.Send(n.env, l.peer, Ping{})
		}
	}
}

// ask turns to the introducer, now and then.
func (n *node) ask() {
	if now := n.env.Now(); now >= n.nextAsk && (n.cfg.Introducer != "" || n.state == nil) {
		n.nextAsk = now + 2*time.Second
		n.intro.Ask()
	}
}

// introduced hears through whom to join.
func (n *node) introduced(m *introducer.Peers) {
	for _, a := range m.Addrs {
		n.hosts.hear(n.env.Now(), n.env.Self(), a)
	}
	switch {
	case n.super:
		n.announce() // who asks is forgotten
		n.tendLinks()
	case m.First && n.eligible():
		n.rise()
	case m.First: // it cannot be the first: let the introducer appoint another meanwhile
		n.nextAsk = n.env.Now() + greeting
	default:
		n.seek()
	}
}
