package main

import (
	"peerbed/harness/classroom/step"
	"peerbed/protocols/p2p"
)

// A ref is a node as others know it. The zero ref is nobody.
type ref struct {
	Addr p2p.Addr `json:"a"`
	ID   point    `json:"i"`
}

type (
	// next asks for the way to a key.
	next struct {
		p2p.Tag
		Key point
	}
	// hop answers: nodes nearer to the key, the nearest first; or, from the last
	// node before the key, the predecessor of that one, itself, and those after it.
	hop struct {
		p2p.Tag
		Last  bool
		Nodes []ref
	}
	// ask asks for predecessor and successor list, table answers.
	ask   struct{ p2p.Tag }
	table struct {
		p2p.Tag
		Pred  ref
		Succs []ref
	}
	// notify says: I believe that I am your predecessor.
	notify struct{ Me ref }
	// bye says that the sender leaves.
	bye struct{ Me ref }
)

const (
	kindNext = p2p.First + iota
	kindHop
	kindAsk
	kindTable
	kindNotify
	kindBye
)

var kinds = []p2p.KindInfo{
	{Name: "next", Class: p2p.Lookup, Blank: &next{}}, {Name: "hop", Class: p2p.Lookup, Blank: &hop{}},
	{Name: "ask", Class: p2p.Membership, Blank: &ask{}}, {Name: "table", Class: p2p.Membership, Blank: &table{}},
	{Name: "notify", Class: p2p.Membership, Blank: &notify{}}, {Name: "bye", Class: p2p.Membership, Blank: &bye{}},
}

func (*next) Kind() p2p.Kind   { return kindNext }
func (*hop) Kind() p2p.Kind    { return kindHop }
func (*ask) Kind() p2p.Kind    { return kindAsk }
func (*table) Kind() p2p.Kind  { return kindTable }
func (*notify) Kind() p2p.Kind { return kindNotify }
func (*bye) Kind() p2p.Kind    { return kindBye }

func (m *next) Size() int   { return step.Size("next", m) }
func (m *hop) Size() int    { return step.Size("hop", m) }
func (m *ask) Size() int    { return step.Size("ask", m) }
func (m *table) Size() int  { return step.Size("table", m) }
func (m *notify) Size() int { return step.Size("notify", m) }
func (m *bye) Size() int    { return step.Size("bye", m) }
