package introducer

import "peerbed/protocols/p2p"

// The kinds of this language, which every protocol speaks.
const (
	kindWho p2p.Kind = p2p.Shared + iota
	kindPeers
	kindJoined
	kindNoted
)

// Kinds describes the messages. A protocol appends it to its own.
var Kinds = []p2p.KindInfo{
	{Name: "introducer_who", Class: p2p.Membership, Blank: new(who)},
	{Name: "introducer_peers", Class: p2p.Membership, Blank: new(list)},
	{Name: "introducer_joined", Class: p2p.Membership, Blank: new(joined)},
	{Name: "introducer_noted", Class: p2p.Membership, Blank: new(noted)},
}

// who asks for peers. Self is where the asker listens; 0: it only looks.
type who struct{ Self p2p.Addr }

// list answers who. Status tells what it means that Addrs is empty.
type list struct {
	Status status
	Addrs  []p2p.Addr
}

type status uint8

const (
	some  status = iota // Addrs are there
	first               // nobody is: the asker is appointed
	wait                // nobody is, and somebody else was appointed
)

// joined says that the node which listens at Self has joined.
type joined struct{ Self p2p.Addr }

// noted answers joined.
type noted struct{}

func (*who) Kind() p2p.Kind    { return kindWho }
func (*list) Kind() p2p.Kind   { return kindPeers }
func (*joined) Kind() p2p.Kind { return kindJoined }
func (*noted) Kind() p2p.Kind  { return kindNoted }

func (m *who) Size() int    { return size(m) }
func (m *list) Size() int   { return size(m) }
func (m *joined) Size() int { return size(m) }
func (m *noted) Size() int  { return size(m) }
