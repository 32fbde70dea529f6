package main

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

const (
	length    = 3 // of the successor list
	patience  = 400 * time.Millisecond
	round     = time.Second
	fingering = time.Second
)

const (
	tickStabilize p2p.Tick = iota
	tickFinger
	tickCheck
)

type config struct {
	ID      string `flag:"id" doc:"four hex digits: this node's place on the circle"`
	Contact string `flag:"contact" doc:"a node of the ring; empty: the first"`
}

type node struct {
	cfg     config
	env     p2p.Env
	calls   p2p.Calls
	me      ref
	pred    ref
	succs   []ref // nearest first; empty: not in the ring; itself: alone
	fingers [16]ref
	row     int
	missed  map[p2p.Addr]int // answers in a row
}

func newNode(cfg config) *node { return &node{cfg: cfg, missed: map[p2p.Addr]int{}} }

func (n *node) Start(env p2p.Env) {
	n.env = env
	n.calls = p2p.Calls{Env: env, Patience: patience}
	id, _ := parse(n.cfg.ID)
	n.me = ref{env.Self(), id}
	if n.cfg.Contact == "" {
		n.succs = []ref{n.me}
	}
	n.again(tickStabilize, 0)
	n.again(tickFinger, fingering)
	n.again(tickCheck, round)
}

// again sets a timer for some time in the second half of d.
func (n *node) again(t p2p.Tick, d time.Duration) {
	n.env.After(d/2+time.Duration(n.env.Rand().Int64N(int64(d/2)+1)), t)
}

func (n *node) Handle(from p2p.Peer, m p2p.Msg) {
	switch m := m.(type) {
	case p2p.Tick:
		n.tick(m)
	case *next:
		n.way(from, m)
	case *ask:
		p2p.Reply(n.env, from, m.Tag, table{Pred: n.pred, Succs: n.succs})
	case *notify:
		n.claimed(m.Me)
	case *bye:
		n.forget(m.Me)
	default:
		n.calls.Handle(from, m)
	}
}

func (n *node) tick(t p2p.Tick) {
	switch t {
	case tickStabilize:
		n.stabilize()
		n.again(t, round)
	case tickFinger:
		n.finger()
		n.again(t, fingering)
	case tickCheck:
		n.check()
		n.again(t, 2*round)
	}
}

// way answers a question for the way to a key.
func (n *node) way(from p2p.Peer, m *next) {
	if len(n.succs) == 0 {
		return
	}
	if upTo(m.Key, n.me.ID, n.succs[0].ID) {
		p2p.Reply(n.env, from, m.Tag, hop{Last: true, Nodes: append([]ref{n.pred, n.me}, n.succs...)})
		return
	}
	p2p.Reply(n.env, from, m.Tag, hop{Nodes: n.nearer(m.Key)})
}

// nearer lists up to four nodes between this one and the key, the last first.
func (n *node) nearer(key point) []ref {
	var all []ref
	for _, r := range slices.Concat(n.fingers[:], n.succs) {
		if r.Addr != 0 && between(r.ID, n.me.ID, key) && !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b ref) int { return int(away(n.me.ID, b.ID)) - int(away(n.me.ID, a.ID)) })
	return all[:min(4, len(all))]
}

// A detail is what inspection tells beside the neighbours.
type detail struct {
	Predecessor p2p.Addr   `json:"predecessor"`
	Successors  []p2p.Addr `json:"successors"`
}

func (n *node) Inspect() p2p.State {
	d := detail{Predecessor: n.pred.Addr}
	for _, s := range n.succs {
		d.Successors = append(d.Successors, s.Addr)
	}
	known := slices.Clone(d.Successors)
	for _, f := range n.fingers {
		if f.Addr != 0 && !slices.Contains(known, f.Addr) {
			known = append(known, f.Addr)
		}
	}
	return p2p.State{ID: n.me.ID.String(), Neighbours: known, Detail: d}
}
