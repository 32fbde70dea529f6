package chord

import (
	"fmt"

	"peerbed/protocols/p2p"
)

// A removal is a user's wish that an object be forgotten: at the owner of its
// key, at those that hold copies, and at whom the ring's changes have left one:
// all that the lookup names are asked. Anybody may remove anything, for the
// papers know no owners of files.
type removal struct {
	lookup
	name string
	done func(p2p.Result)

	i     int // of owners, whose turn it is
	first int // of owners, that answered at all; -1: none yet
	had   []p2p.Addr
}

func (c *Chord) remove(name string, done func(p2p.Result)) {
	c.unshare(name)
	r := &removal{name: name, done: done, first: -1}
	r.search(c, c.cfg.M.Hash(name), r)
}

func (r *removal) located(*lookup) { r.next() }

func (r *removal) next() {
	if r.i == len(r.owners) {
		r.finish()
		return
	}
	p2p.Ask(&r.c.calls, r.owners[r.i].Peer(), remove{Name: r.name}, r, (*removal).answered)
}

func (r *removal) answered(m *removed) {
	if m != nil && r.first < 0 {
		r.first = r.i
	}
	if m != nil && m.Found {
		r.had = append(r.had, r.owners[r.i])
	}
	r.i++
	r.next()
}

func (r *removal) finish() {
	res := r.result(r.first)
	res.Found = r.had
	switch {
	case r.first < 0:
		res.Err = fmt.Errorf("%w: no node of those that may hold it", p2p.ErrTimeout)
	case len(r.had) == 0:
		res.Err = p2p.ErrNotFound
	}
	r.done(res)
}

// maxNotes bounds the notes of removals that a node keeps of names it never stored
// anything under.
const maxNotes = 1 << 12

// removeHere hears remove. A user's wish outdoes whatever lies here; another
// node's note, only what is as old.
func (c *Chord) removeHere(from p2p.Peer, m *remove) {
	have := c.known(m.Name)
	there := have.Version > 0 && !have.Gone
	version := m.Version
	if version == 0 {
		version = have.Version + 1
	}
	room := have.Version > 0 || c.notes() < maxNotes
	if m.Name != "" && version >= have.Version && room {
		c.bury(m.Name, version)
	}
	p2p.Reply(c.env, from, m.Tag, removed{Found: there})
}

// notes counts the notes of removals.
func (c *Chord) notes() int {
	n := 0
	for i := range c.stored() {
		if c.store[i].Gone {
			n++
		}
	}
	return n
}
