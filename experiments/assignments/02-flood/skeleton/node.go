package main

import (
	"peerbed/harness/classroom/step"
	"peerbed/protocols/p2p"
)

// A query asks who has a file. It shows how a message is declared: a struct, a kind,
// and a line in kinds.
type query struct {
	Name string
}

const kindQuery = p2p.First

var kinds = []p2p.KindInfo{{Name: "query", Class: p2p.Lookup, Blank: &query{}}}

func (*query) Kind() p2p.Kind { return kindQuery }
func (m *query) Size() int    { return step.Size("query", m) }

// A config is what a node is given when it starts.
type config struct {
	Neighbours string `flag:"neighbours" doc:"their addresses, with commas between"`
	Files      string `flag:"files" doc:"names of what this node has, with commas between"`
}

// A node is one of the network.
type node struct {
	cfg        config
	env        p2p.Env
	neighbours []p2p.Addr
}

func newNode(cfg config) *node {
	// Read cfg.Neighbours here: strings.Split, then p2p.ParseAddr.
	return &node{cfg: cfg}
}

// Start is called once, before anything else.
func (n *node) Start(env p2p.Env) { n.env = env }

// Handle hears all messages and timers.
func (n *node) Handle(from p2p.Peer, m p2p.Msg) {
	switch m := m.(type) {
	case *query:
		for _, a := range n.neighbours {
			p2p.Send(n.env, a.Peer(), *m) // for ever?
		}
	}
}

// Do carries out a wish and calls done once, now or later.
func (n *node) Do(op p2p.Op, done func(p2p.Result)) {
	done(p2p.Result{Err: p2p.ErrUnsupported})
}

// Inspect tells the state.
func (n *node) Inspect() p2p.State { return p2p.State{Neighbours: n.neighbours} }
