package chord

import (
	"slices"

	"peerbed/protocols/p2p"
)

// A node that was the owner of an object, or kept a copy, may be neither any more:
// others have joined between. While repair has nothing to do, the node looks up now and
// then, for one object after the other that it does not own, who should have it. If it
// is not among these it offers the object to each of them once more, and drops its own
// when they have it.
type stray struct {
	lookup
	rest int // ticks of repair until the next
	i    int // of the store, whose turn is next
	e    entry
	to   []p2p.Addr // who still has to say that it has it
}

// unhurried is how many ticks of repair lie between two objects: nothing is lost while
// one lies here for nothing.
const unhurried = 5

// tidy looks after the next object that this node does not own, if it is time.
func (c *Chord) tidy() {
	t := &c.stray
	if t.rest++; t.busy || t.rest < unhurried || !c.pred.known() || c.alone() {
		return
	}
	t.rest = 0
	for range c.store {
		t.i = (t.i + 1) % len(c.store)
		t.e = c.store[t.i]
		if key := c.cfg.M.Hash(t.e.Name); !t.e.Gone && !c.cfg.M.UpTo(key, c.pred.ID, c.me.ID) {
			t.start(c, key, t)
			return
		}
	}
}

// located hears who owns it, and who follows.
func (t *stray) located(l *lookup) {
	c := t.c
	if len(l.owners) == 0 || !c.in() {
		return
	}
	beside := c.both() && l.owners[0] == c.succs[0].Addr
	t.to = distinct(l.owners)
	t.to = t.to[:min(len(t.to), c.cfg.Copies)]
	if !beside && !slices.Contains(t.to, c.me.Addr) {
		t.busy = true
		t.offer()
	}
}

func (t *stray) offer() { t.c.upload(t.to[0], t.e, t.c.blob(&t.e), t) }

// uploaded drops what the others have now, unless it has changed here meanwhile.
func (t *stray) uploaded(_ *upload, err error) {
	t.to = t.to[1:]
	if err == nil && len(t.to) > 0 {
		t.offer()
		return
	}
	t.busy = false
	c := t.c
	i, found := c.at(t.e.Name)
	if err != nil || !found || c.store[i] != t.e {
		return
	}
	c.clear(&t.e)
	c.store = slices.Delete(c.store, i, i+1)
	if t.e.noted() {
		c.saveNotes()
	}
}
