package pastry

import (
	"errors"
	"slices"

	"peerbed/protocols/p2p"
)

// A repair brings objects to where they belong after the leaf set has changed:
// the root of a key offers the object to the others that keep copies; who is not
// the root (any more) offers it to the root. What is offered is sent only if it
// is not there yet. Objects are never dropped for lying elsewhere.
type repair struct {
	p      *Pastry
	around []p2p.Addr // the leaf set that it was last done for
	i      int        // of the store, whose turn is next
	e      entry      // the object in hand
	to     []p2p.Addr // whom it is still to be offered to
	busy   bool
	ticks  bool // from the first object on
}

// repairStore begins anew if the leaf set is another than the last time.
func (p *Pastry) repairStore() {
	r := &p.repair
	if r.busy {
		return
	}
	p.forget()
	var scratch [2 * maxSide]p2p.Addr
	around := p.leaves.all(scratch[:0])
	if !slices.Equal(around, r.around) {
		r.around = append(r.around[:0], around...)
		r.p, r.i = p, 0
	}
	if r.i < len(p.store) {
		r.busy = true
		r.next()
	}
}

// next offers an object to one more node.
func (r *repair) next() {
	for len(r.to) == 0 {
		if r.i >= len(r.p.store) {
			r.busy = false
			return
		}
		r.e = r.p.store[r.i]
		r.to = r.p.belongs(&r.e)
		r.i++
	}
	if r.e.Gone {
		p2p.Ask(&r.p.calls, r.to[0].Peer(), remove{Name: r.e.Name, Version: r.e.Version}, r, (*repair).told)
		return
	}
	r.p.upload(r.to[0], r.e, r.e.blob(), r)
}

// told hears that a node has noted a removal.
func (r *repair) told(m *removed) {
	if m == nil {
		r.stop()
		return
	}
	r.to = r.to[1:]
	r.next()
}

// belongs returns to whom this node should offer an object.
func (p *Pastry) belongs(e *entry) []p2p.Addr {
	nodes := p.closest(p.Hash(e.Name), p.cfg.Copies)
	if nodes[0] == p.me.Addr {
		return nodes[1:]
	}
	return nodes[:1]
}

// uploaded goes on, also if that node refused the object. If it says that the
// object was removed, it is removed here too.
func (r *repair) uploaded(u *upload, err error) {
	r.to = r.to[1:]
	switch {
	case errors.Is(err, errGone):
		r.p.bury(r.e.Name, u.version)
		r.to = nil
	case err != nil && !errors.Is(err, p2p.ErrRefused) && !errors.Is(err, p2p.ErrCorrupt):
		r.stop()
		return
	}
	r.next()
}

// stop ends a repair in which a node fell silent or broke off. All begins anew at
// the next tick, by when the leaf set may have noticed.
func (r *repair) stop() { r.to, r.around, r.busy = nil, r.around[:0], false }
