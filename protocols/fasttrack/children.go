package fasttrack

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// A child is a session with an ordinary node, from the supernode's side. Until the
// other side has said Login or Link it may be anybody.
type child struct {
	n         *node
	peer      p2p.Peer
	since     time.Duration
	heard     time.Duration
	named     bool     // it has named its network
	in        bool     // it is a child
	addr      p2p.Addr // where it can be dialled; port 0: nowhere
	user      string
	bandwidth uint8
	files     directory
	asks      int // searches that have not ended

	able     bool   // it could be a supernode
	reported uint16 // its reputation, as it says
}

// maxAsks is how many searches of one child go on at once.
const maxAsks = 32

// greet begins a session with whoever has said Hello.
func (n *node) greet(from p2p.Peer) {
	if !n.super {
		n.env.Close(from)
		return
	}
	if len(n.children)-n.taken() >= maxCallers { // of those who say nothing more the first goes
		n.children[slices.IndexFunc(n.children, func(c *child) bool { return !c.in })].drop()
	}
	c := &child{n: n, peer: from, since: n.env.Now()}
	n.children = append(n.children, c)
	n.env.Hand(from, c)
	p2p.Send(n.env, from, Welcome{supernodeSeed, masks[supernodeSeed] ^ cipherPlain})
	p2p.Send(n.env, from, Network{network})
}

// Handle hears of one session.
func (c *child) Handle(from p2p.Peer, m p2p.Msg) {
	n := c.n
	c.heard = n.env.Now()
	switch m := m.(type) {
	case *p2p.Up, *p2p.Room, *Pong, *Other:
	case *p2p.Down:
		c.forget()
	case *Network:
		if c.named || m.Name != network {
			c.drop()
		}
		c.named = true
	case *Login:
		c.login(m)
	case *Link:
		if !c.named || c.in {
			c.drop()
			return
		}
		n.linked(c, m)
	default:
		if !c.in {
			c.drop()
			return
		}
		c.hear(m)
	}
}

// hear takes what a child may say.
func (c *child) hear(m p2p.Msg) {
	n := c.n
	switch m := m.(type) {
	case *Ping:
		p2p.Send(n.env, c.peer, Pong{})
	case *Share:
		if len(c.files.list) < n.cfg.MaxFiles && c.files.bytes < maxListed {
			c.files.add(m.Media, m.File)
		}
	case *Unshare:
		c.files.remove(m.Hash, m.Tags.get(tagFilename))
	case *Search:
		n.searched(c, m)
	case *PushWanted:
		n.pushWanted(m)
	case *Standing:
		c.able, c.reported = m.Addr == c.addr, min(m.Reputation, maxReputation)
	default:
		c.drop()
	}
}

// login takes a child, or names others to it. A child that was here already has
// lost its other stream.
func (c *child) login(m *Login) {
	n := c.n
	if !c.named || c.in || m.User == "" {
		c.drop()
		return
	}
	c.addr = p2p.MakeAddr(c.peer.Addr.IP(), m.Addr.Port())
	c.user, c.bandwidth = m.User, m.Bandwidth
	for _, k := range slices.Clone(n.children) {
		if k.in && k.addr.IP() == c.addr.IP() && k.user == c.user {
			k.drop()
		}
	}
	if n.taken() >= n.cfg.Children {
		p2p.Send(n.env, c.peer, Supernodes{n.others(c.addr)})
		c.drop()
		return
	}
	c.in = true
	p2p.Send(n.env, c.peer, Supernodes{n.list(c.addr)})
	p2p.Send(n.env, c.peer, Wanted{})
	p2p.Send(n.env, c.peer, External{c.peer.Addr.IP()})
}

// taken counts the children.
func (n *node) taken() (taken int) {
	for _, c := range n.children {
		if c.in {
			taken++
		}
	}
	return taken
}

// load is how much of the places is taken, in per cent.
func (n *node) load() uint8 { return uint8(min(100, 100*n.taken()/n.cfg.Children)) }

// others lists supernodes to whoever is at a: those linked to first.
func (n *node) others(a p2p.Addr) (list []Supernode) {
	for _, l := range n.links {
		if l.up && l.addr != a {
			list = append(list, Supernode{l.addr, 0, l.load})
		}
	}
	for _, s := range n.hosts.live(n.env.Now(), a) {
		if n.linkTo(s.Addr) == nil {
			list = append(list, s)
		}
	}
	return list[:min(len(list), maxMatches)]
}

// list is that of others with this supernode before them.
func (n *node) list(a p2p.Addr) []Supernode {
	list := append([]Supernode{{n.env.Self(), 0, n.load()}}, n.others(a)...)
	return list[:min(len(list), maxMatches)]
}

// tendChildren ends sessions that did not begin in time, and tells the children of
// new supernodes now and then.
func (n *node) tendChildren() {
	now := n.env.Now()
	for i := len(n.children) - 1; i >= 0; i-- {
		if c := n.children[i]; !c.in && now-c.since > greeting {
			c.drop()
		}
	}
	for _, c := range n.children {
		if age := now - c.since; c.in && n.gossips(age) && !n.env.Full(c.peer) {
			p2p.Send(n.env, c.peer, Supernodes{n.list(c.addr)})
		}
	}
}

// gossips reports whether a session of that age is due to hear of other supernodes.
func (n *node) gossips(age time.Duration) bool {
	return age/n.cfg.Gossip != (age-tendEvery)/n.cfg.Gossip
}

func (c *child) drop() {
	c.forget()
	c.n.env.Close(c.peer)
}

func (c *child) forget() {
	n := c.n
	n.children = slices.DeleteFunc(n.children, func(k *child) bool { return k == c })
}

// childOf finds a child by what a Result says of it.
func (n *node) childOf(ip uint32, user string) *child {
	for _, c := range n.children {
		if c.in && c.addr.IP() == ip && c.user == user {
			return c
		}
	}
	return nil
}
