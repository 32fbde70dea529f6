package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"peerbed/protocols/p2p"
)

// A found is the end of a lookup: the predecessor of the last node before the key,
// that node, and its successors.
type found struct {
	nodes []ref
	hops  int
	err   error
}

// A lookup is one under way.
type lookup struct {
	n     *node
	key   point
	tried []ref
	open  []ref // the best last
	hops  int
	then  func(found)
}

// lookup finds the last node before the key, beginning at from.
func (n *node) lookup(key point, from ref, then func(found)) {
	l := &lookup{n: n, key: key, open: []ref{from}, then: then}
	l.on()
}

// most bounds the nodes that one lookup asks.
const most = 64

func (l *lookup) on() {
	n := l.n
	if len(l.open) == 0 || l.hops > most {
		l.then(found{err: p2p.ErrNotFound})
		return
	}
	to := l.open[len(l.open)-1]
	l.open = l.open[:len(l.open)-1]
	l.tried = append(l.tried, to)
	if to == n.me {
		if upTo(l.key, n.me.ID, n.succs[0].ID) {
			l.then(found{nodes: append([]ref{n.pred, n.me}, n.succs...), hops: l.hops})
			return
		}
		l.add(n.nearer(l.key))
		l.on()
		return
	}
	l.hops++
	p2p.Ask(&n.calls, to.Addr.Peer(), next{Key: l.key}, l, (*lookup).heard)
}

func (l *lookup) heard(h *hop) {
	switch {
	case h == nil:
		l.n.silent(l.tried[len(l.tried)-1])
	case h.Last && len(h.Nodes) > 2:
		l.then(found{nodes: slices.Clone(h.Nodes), hops: l.hops})
		return
	default:
		l.add(h.Nodes)
	}
	l.on()
}

// add puts nodes that were named, the best first, on top of those still open.
func (l *lookup) add(nodes []ref) {
	for _, r := range slices.Backward(nodes) {
		if !slices.ContainsFunc(l.tried, func(t ref) bool { return t.Addr == r.Addr }) && r != l.n.me {
			l.open = append(l.open, r)
		}
	}
}

func (n *node) Do(op p2p.Op, done func(p2p.Result)) {
	switch op := op.(type) {
	case p2p.Leave:
		n.leave()
		done(p2p.Result{})
	case p2p.Find:
		n.find(op.Name, done)
	default:
		done(p2p.Result{Err: p2p.ErrUnsupported})
	}
}

func (n *node) leave() {
	if n.pred.Addr != 0 {
		p2p.Send(n.env, n.pred.Addr.Peer(), bye{n.me})
	}
	for _, s := range n.succs {
		if s != n.me && s != n.pred {
			p2p.Send(n.env, s.Addr.Peer(), bye{n.me})
		}
	}
}

// find answers a user: "3fa2" for the owner of a key, "arc:3fa2" and the like for
// the course's operation.
func (n *node) find(name string, done func(p2p.Result)) {
	operation, text, extra := strings.Cut(name, ":")
	if !extra {
		operation, text = "", name
	}
	key, err := parse(text)
	if err != nil || extra && operation != asked.operation {
		done(p2p.Result{Err: errors.Join(err, fmt.Errorf("%q: %w", name, p2p.ErrUnsupported))})
		return
	}
	if len(n.succs) == 0 {
		done(p2p.Result{Err: p2p.ErrNotJoined})
		return
	}
	if operation == "opposite" {
		key += 1 << 15
	}
	n.lookup(key, n.me, func(f found) {
		if f.err != nil {
			done(p2p.Result{Err: f.err, Hops: f.hops})
			return
		}
		done(answer(operation, key, f))
	})
}

// answer makes what the user hears of what was found.
func answer(operation string, key point, f found) p2p.Result {
	if f.nodes[0].Addr == 0 {
		f.nodes[0] = f.nodes[1]
	}
	ring := f.nodes // before the owner, the owner, those after it
	if own := asked.owner == "after" || key == f.nodes[2].ID; own {
		ring = f.nodes[1:]
	}
	if len(f.nodes) < 2+length || len(ring) < 3 {
		ring = append(slices.Clone(ring), f.nodes[1])
	}
	owner, after := ring[1], ring[2]
	r := p2p.Result{Found: []p2p.Addr{owner.Addr}, Hops: f.hops}
	switch operation {
	case "next":
		for _, o := range ring[2:] {
			if !slices.Contains(r.Found, o.Addr) && len(r.Found) < 3 {
				r.Found = append(r.Found, o.Addr)
			}
		}
	case "arc":
		r.ID = arc(ring[0].ID, owner.ID, after.ID)
	default:
		r.ID = field(key, ring[0].ID, owner.ID, after.ID)
	}
	return r
}

// arc counts the ids that belong to an owner.
func arc(before, owner, after point) string {
	d := away(before, owner)
	if asked.owner == "before" {
		d = away(owner, after)
	}
	if d == 0 {
		return "10000"
	}
	return d.String()
}

// field is what the course wants to hear of an owner.
func field(key, before, owner, after point) string {
	switch asked.field {
	case "predecessor":
		return before.String()
	case "successor":
		return after.String()
	case "distance":
		if asked.owner == "before" {
			return away(owner, key).String()
		}
		return away(key, owner).String()
	}
	return owner.String()
}
