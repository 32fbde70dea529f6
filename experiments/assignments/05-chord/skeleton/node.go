package main

import (
	"time"

	"peerbed/protocols/p2p"
)

const tickStabilize p2p.Tick = iota

// A config is what a node is given when it starts.
type config struct {
	ID      string `flag:"id" doc:"four hex digits: this node's place on the circle"`
	Contact string `flag:"contact" doc:"a node of the ring; empty: this is the first"`
}

// A node is one of the ring.
type node struct {
	cfg   config
	env   p2p.Env
	calls p2p.Calls

	predecessor p2p.Addr
	successors  []p2p.Addr
}

// Start is called once, before anything else.
func (n *node) Start(env p2p.Env) {
	n.env = env
	n.calls = p2p.Calls{Env: env, Patience: 400 * time.Millisecond}
	if contact, err := p2p.ParseAddr(n.cfg.Contact); err == nil {
		p2p.Ask(&n.calls, contact.Peer(), ping{}, n, (*node).ponged)
	}
	env.After(time.Second, tickStabilize)
}

// ponged hears the answer to a ping, or nil if none came in time.
func (n *node) ponged(m *pong) {}

// Handle hears all messages and timers.
func (n *node) Handle(from p2p.Peer, m p2p.Msg) {
	switch m := m.(type) {
	case p2p.Tick:
		// Stabilise, here or in a method.
		n.env.After(time.Second, tickStabilize)
	case *ping:
		p2p.Reply(n.env, from, m.Tag, pong{})
	default:
		n.calls.Handle(from, m) // answers to what this node has asked
	}
}

// Do carries out a wish and calls done once, now or later.
func (n *node) Do(op p2p.Op, done func(p2p.Result)) {
	switch op.(type) {
	case p2p.Find:
		// A node without a contact is alone, so far: every key is its own.
		done(p2p.Result{Err: p2p.ErrUnsupported})
	default:
		done(p2p.Result{})
	}
}

// A detail is what the tests look at.
type detail struct {
	Predecessor p2p.Addr   `json:"predecessor"`
	Successors  []p2p.Addr `json:"successors"` // the nearest first
}

// Inspect tells the state.
func (n *node) Inspect() p2p.State {
	return p2p.State{ID: n.cfg.ID, Neighbours: n.successors, Detail: detail{n.predecessor, n.successors}}
}
