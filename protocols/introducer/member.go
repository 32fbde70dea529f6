package introducer

import (
	"slices"

	"peerbed/protocols/p2p"
)

// MostPeers bounds whom a Member keeps.
const MostPeers = 256

// A Member is the start of a node whose neighbours are whoever it has met, as in
// gossip: it asks the introducer for some, tells it that it is there, and keeps
// these and all from whom datagrams come. A Node embeds it, calls Enter in Start,
// and gives its Handle all that it hears.
type Member struct {
	p2p.Env
	Peers []p2p.Addr // in order; never oneself

	client Client
}

// Enter begins with the introducer, "host:port".
func (m *Member) Enter(env p2p.Env, introducer string) {
	m.Env = env
	m.client.Open(env, introducer, m)
	m.client.Ask()
}

// Handle takes what the introducer answers and the timers of asking; of anything
// else it notes who sent it.
func (m *Member) Handle(from p2p.Peer, msg p2p.Msg) {
	p, ok := msg.(*Peers)
	if !ok {
		m.client.Handle(from, msg)
		m.meet(from)
		return
	}
	for _, a := range p.Addrs {
		m.meet(a.Peer())
	}
	m.client.Joined()
}

// meet keeps who listens where datagrams come from, if there is room.
func (m *Member) meet(p p2p.Peer) {
	a := p.Addr
	if a == 0 || p.Link != 0 || a == m.Self() || len(m.Peers) == MostPeers {
		return
	}
	if i, known := slices.BinarySearch(m.Peers, a); !known {
		m.Peers = slices.Insert(m.Peers, i, a)
	}
}

// Inspect tells whom it knows. A Node that tells more has an Inspect of its own,
// which begins with this one.
func (m *Member) Inspect() p2p.State {
	return p2p.State{Self: m.Self(), Neighbours: slices.Clone(m.Peers)}
}

// Any draws one of Peers; oneself if there are none.
func (m *Member) Any() p2p.Addr {
	if len(m.Peers) == 0 {
		return m.Self()
	}
	return m.Peers[m.Rand().IntN(len(m.Peers))]
}
