package fasttrack

import (
	"slices"

	"peerbed/protocols/p2p"
)

// Push: whoever cannot be dialled is asked, through its supernode, to dial and offer
// a file.

// push asks the peer of f to dial this node and to say Give with id; false: nobody
// can be asked to pass that on.
func (n *node) push(f *source, id uint32) bool {
	m := PushWanted{Push{id, n.env.Self()}, f.Result.Addr, f.supernode, f.User}
	switch {
	case n.super:
		n.pushWanted(&m)
	case n.parent != nil:
		p2p.Send(n.env, n.parent.peer, m)
	default:
		return false
	}
	return true
}

// pushWanted takes a Push to a child of this supernode, or towards another's.
func (n *node) pushWanted(m *PushWanted) {
	if m.Supernode == n.env.Self() {
		n.deliver(m)
	} else if dialable(m.Supernode, n.env.Self()) {
		p2p.Send(n.env, m.Supernode.Peer(), PushOn{*m})
	}
}

// deliver tells a child, or this node itself, to dial.
func (n *node) deliver(m *PushWanted) {
	if c := n.childOf(m.Who.IP(), m.User); c != nil {
		p2p.Send(n.env, c.peer, m.Push)
	} else if m.User == n.user {
		n.give(&m.Push)
	}
}

// give dials who wants a file. The other side asks then, as if it had dialled.
func (n *node) give(m *Push) {
	if !dialable(m.To, n.env.Self()) || len(n.uploads) >= n.cfg.Uploads {
		return
	}
	u := &upload{n: n, last: n.env.Now()}
	u.peer = n.env.Dial(m.To, newTransfer(), u)
	n.uploads = append(n.uploads, u)
	p2p.Send(n.env, u.peer, Give{m.ID})
}

// given hears who has dialled because a Push said so.
func (n *node) given(from p2p.Peer, m *Give) {
	for _, d := range n.downloads {
		i := slices.IndexFunc(d.legs, func(l *leg) bool { return l.pushed == m.ID && l.peer.Link == 0 })
		if i >= 0 && m.ID != 0 {
			n.env.Hand(from, d.legs[i])
			d.legs[i].peer, d.legs[i].up = from, true
			d.legs[i].ask()
			return
		}
	}
	n.env.Close(from)
}
