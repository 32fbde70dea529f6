package main

import (
	"slices"

	"peerbed/protocols/p2p"
)

// stabilize asks the successor who is before it, or joins.
func (n *node) stabilize() {
	switch {
	case len(n.succs) == 0:
		n.join()
	case n.succs[0] != n.me:
		r := &rounds{n, n.succs[0]}
		p2p.Ask(&n.calls, r.of.Addr.Peer(), ask{}, r, (*rounds).answered)
	}
}

// A rounds is a question of stabilisation to one node.
type rounds struct {
	n  *node
	of ref
}

func (r *rounds) answered(t *table) {
	n := r.n
	if t == nil {
		if n.silent(r.of) && len(n.succs) > 0 {
			n.stabilize()
		}
		return
	}
	n.missed[r.of.Addr] = 0
	n.adopt(r.of, t)
	if t.Pred.Addr != 0 && between(t.Pred.ID, n.me.ID, r.of.ID) {
		nearer := &rounds{n, t.Pred}
		p2p.Ask(&n.calls, t.Pred.Addr.Peer(), ask{}, nearer, (*rounds).tried)
		return
	}
	n.tell()
}

// tried hears of a node that may be a nearer successor: only who answers is one.
func (r *rounds) tried(t *table) {
	if t != nil {
		r.n.adopt(r.of, t)
	}
	r.n.tell()
}

func (n *node) tell() {
	if len(n.succs) > 0 && n.succs[0] != n.me {
		p2p.Send(n.env, n.succs[0].Addr.Peer(), notify{n.me})
	}
}

// adopt takes a node that has answered as successor, and its list behind it.
func (n *node) adopt(s ref, t *table) {
	if len(n.succs) > 0 && n.succs[0] != s && n.succs[0] != n.me && !between(s.ID, n.me.ID, n.succs[0].ID) {
		return
	}
	list := []ref{s}
	for _, r := range t.Succs {
		if r == n.me || len(list) == length {
			break
		}
		if r != s && !slices.Contains(list, r) {
			list = append(list, r)
		}
	}
	n.succs = list
}

// claimed hears that a node takes itself for the predecessor.
func (n *node) claimed(r ref) {
	if r.Addr == 0 || r == n.me {
		return
	}
	if n.pred.Addr == 0 || between(r.ID, n.pred.ID, n.me.ID) {
		n.pred = r
	}
	if len(n.succs) == 1 && n.succs[0] == n.me {
		n.succs = []ref{r}
	}
}

// check asks whether the predecessor lives.
func (n *node) check() {
	if n.pred.Addr == 0 {
		return
	}
	r := &rounds{n, n.pred}
	p2p.Ask(&n.calls, r.of.Addr.Peer(), ask{}, r, (*rounds).checked)
}

func (r *rounds) checked(t *table) {
	if t == nil {
		r.n.silent(r.of)
		return
	}
	r.n.missed[r.of.Addr] = 0
}

// silent counts an answer that did not come; the second ends the acquaintance.
func (n *node) silent(r ref) bool {
	n.missed[r.Addr]++
	if n.missed[r.Addr] < 2 {
		return false
	}
	n.forget(r)
	return true
}

func (n *node) forget(r ref) {
	delete(n.missed, r.Addr)
	if n.pred == r {
		n.pred = ref{}
	}
	alone := len(n.succs) > 0 && n.succs[0] == n.me
	n.succs = slices.DeleteFunc(slices.Clone(n.succs), func(s ref) bool { return s == r })
	for i := range n.fingers {
		if n.fingers[i] == r {
			n.fingers[i] = ref{}
		}
	}
	if len(n.succs) == 0 && !alone {
		n.succs = n.nearest()
	}
}

// nearest is the finger that comes first, or the predecessor: better a successor
// far away than none. Without any the node is a ring by itself, or joins again.
func (n *node) nearest() []ref {
	var best ref
	for _, f := range append(n.fingers[:], n.pred) {
		if f.Addr != 0 && f != n.me && (best.Addr == 0 || between(f.ID, n.me.ID, best.ID)) {
			best = f
		}
	}
	switch {
	case best.Addr != 0:
		return []ref{best}
	case n.cfg.Contact == "":
		return []ref{n.me}
	}
	return nil
}

// join looks the own place up and takes who answers there.
func (n *node) join() {
	contact, err := p2p.ParseAddr(n.cfg.Contact)
	if err != nil {
		return
	}
	n.lookup(along(n.me.ID, 1), ref{Addr: contact}, func(f found) {
		if len(n.succs) > 0 || f.err != nil || f.nodes[2] == n.me {
			return
		}
		r := &rounds{n, f.nodes[2]}
		p2p.Ask(&n.calls, r.of.Addr.Peer(), ask{}, r, (*rounds).tried)
	})
}

// finger repairs the next row of the finger table that the successor does not fill.
func (n *node) finger() {
	if len(n.succs) == 0 || n.succs[0] == n.me {
		return
	}
	for range n.fingers {
		row := n.row
		n.row = (n.row + 1) % len(n.fingers)
		start := along(n.me.ID, 1<<row)
		if upTo(start, n.me.ID, n.succs[0].ID) {
			n.fingers[row] = n.succs[0]
			continue
		}
		n.lookup(start, n.me, func(f found) {
			if f.err == nil {
				n.fingers[row] = f.nodes[2]
			}
		})
		return
	}
}
