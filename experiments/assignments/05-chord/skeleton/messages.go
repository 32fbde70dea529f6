package main

import (
	"peerbed/harness/classroom/step"
	"peerbed/protocols/p2p"
)

// A ping asks whether somebody is there; pong answers. They show how a message is
// declared: a struct, a kind, and a line in kinds. A question and its answer embed
// p2p.Tag, so that p2p.Ask brings them together.
type (
	ping struct{ p2p.Tag }
	pong struct{ p2p.Tag }
)

const (
	kindPing = p2p.First + iota
	kindPong
)

var kinds = []p2p.KindInfo{
	{Name: "ping", Class: p2p.Membership, Blank: &ping{}},
	{Name: "pong", Class: p2p.Membership, Blank: &pong{}},
}

func (*ping) Kind() p2p.Kind { return kindPing }
func (*pong) Kind() p2p.Kind { return kindPong }

func (m *ping) Size() int { return step.Size("ping", m) }
func (m *pong) Size() int { return step.Size("pong", m) }
