package chord

import (
	"errors"
	"slices"

	"peerbed/protocols/p2p"
)

// A repair brings objects to where they belong after the ring around this node
// has changed: the owner offers each to those that keep copies; who is not the
// owner (any more) offers it to its successor, if that is, or to its predecessor,
// from where it finds its way to the owner, a newcomer for example. What is
// offered is sent only if it is not there yet. See stray for what need not lie here
// any more.
type repair struct {
	c      *Chord
	around []p2p.Addr // the neighbours that it was last done for
	i      int        // of the store, whose turn is next
	e      entry      // the object in hand
	to     []p2p.Addr // whom it is still to be offered to
	busy   bool
	ticks  bool // from the first object on
}

// repairStore begins anew if the neighbours are others than the last time.
func (c *Chord) repairStore() {
	r := &c.own().repair
	if r.busy {
		return
	}
	c.forget()
	var scratch [maxSuccessors + 2]p2p.Addr
	around := c.keepers(append(scratch[:0], c.pred.Addr))
	if !slices.Equal(around, r.around) {
		r.around = append(r.around[:0], around...)
		r.c, r.i = c, 0
	}
	if r.i >= len(c.store) {
		c.tidy()
		return
	}
	r.busy = true
	r.next()
}

// next offers an object to one more node.
func (r *repair) next() {
	for len(r.to) == 0 {
		if r.i >= len(r.c.store) {
			r.busy = false
			return
		}
		r.e = r.c.store[r.i]
		r.to = r.c.belongs(&r.e)
		r.i++
	}
	if r.e.Gone {
		p2p.Ask(&r.c.calls, r.to[0].Peer(), remove{Name: r.e.Name, Version: r.e.Version}, r, (*repair).told)
		return
	}
	r.c.upload(r.to[0], r.e, r.c.blob(&r.e), r)
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
func (c *Chord) belongs(e *entry) []p2p.Addr {
	switch {
	case !c.pred.known():
		return nil
	case c.cfg.M.UpTo(c.cfg.M.Hash(e.Name), c.pred.ID, c.me.ID):
		return c.keepers(nil)
	case c.cfg.M.UpTo(c.cfg.M.Hash(e.Name), c.me.ID, c.succs[0].ID):
		return []p2p.Addr{c.succs[0].Addr}
	}
	return []p2p.Addr{c.pred.Addr}
}

// uploaded goes on, also if that node refused the object. If it says that the
// object was removed, it is removed here too.
func (r *repair) uploaded(u *upload, err error) {
	r.to = r.to[1:]
	switch {
	case errors.Is(err, errGone):
		r.c.bury(r.e.Name, u.version)
		r.to = nil
	case err != nil && !errors.Is(err, p2p.ErrRefused) && !errors.Is(err, p2p.ErrCorrupt):
		r.stop()
		return
	}
	r.next()
}

// stop ends a repair in which a node fell silent or broke off. All begins anew at
// the next tick, by when the ring may have noticed.
func (r *repair) stop() { r.to, r.around, r.busy = nil, r.around[:0], false }
