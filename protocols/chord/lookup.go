package chord

import (
	"slices"

	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// A Style says who drives a user's lookup. Joining and the repair of fingers
// always go iteratively.
type Style uint8

const (
	// Iterative: the asker asks each node on the way for the next one. It
	// sees the whole way, and pays a round trip for each hop.
	Iterative Style = iota
	// Recursive: each node hands the question on, and the last one answers
	// the asker. It costs about half the time.
	Recursive
	// Unacknowledged: recursive, but nobody says ack to the node before. It
	// costs half the messages, and one dead node on the way costs the attempt.
	// Most simulators' Chord looks up so, SimGrid's among them.
	Unacknowledged
)

var (
	styleNames = []string{Iterative: "iterative", Recursive: "recursive", Unacknowledged: "unacknowledged"}
	// begins holds how a lookup of each Style begins.
	begins = [...]func(*lookup){Iterative: (*lookup).consult, Recursive: (*lookup).send, Unacknowledged: (*lookup).send}
)

// MarshalText writes the style's name.
func (s Style) MarshalText() ([]byte, error) { return []byte(styleNames[s]), nil }

// UnmarshalText reads it.
func (s *Style) UnmarshalText(b []byte) (err error) {
	*s, err = pick[Style](b, styleNames)
	return err
}

// A lookup finds out who owns a key. It belongs to an operation, which hears
// of its end.
type lookup struct {
	p2p.Alarm // as its own timer; see recursive.go
	c         *Chord
	key       ring.ID
	then      seeker
	busy      bool
	upkeep    bool // for the ring itself: seek instead of next

	path  []stage    // the asker, those who answered, at last the one being asked
	dead  []p2p.Addr // who did not answer, or knew no way
	here  choice     // scratch
	nonce uint64     // recursive
	next  *lookup    // recursive: of Chord.routes
	left  int        // recursive: attempts
	timer p2p.Timer

	// The end: the owner of the key and the nodes after it, and in which row
	// of the table of the last on the path the owner stands. Empty: not found.
	owners []p2p.Addr
	row    via
}

// A seeker is what looks up a key.
type seeker interface{ located(l *lookup) }

// search begins the lookup of a user.
func (l *lookup) search(c *Chord, key ring.ID, then seeker) {
	l.reset(c, key, then)
	begins[c.cfg.Lookup](l)
}

// start begins a lookup for the ring's own sake.
func (l *lookup) start(c *Chord, key ring.ID, then seeker) {
	l.reset(c, key, then)
	l.upkeep = true
	l.consult()
}

// startAt begins one at another node: this one is not in the ring.
func (l *lookup) startAt(c *Chord, key ring.ID, then seeker, a p2p.Addr) {
	l.reset(c, key, then)
	l.upkeep = true
	l.ask(stage{Addr: a})
}

func (l *lookup) reset(c *Chord, key ring.ID, then seeker) {
	*l = lookup{c: c, key: key, then: then, busy: true,
		path: append(slices.Grow(l.path[:0], 8), stage{Addr: c.me.Addr}), dead: l.dead[:0], owners: l.owners[:0]}
}

// finish ends the lookup with what the last node on the path knew.
func (l *lookup) finish(end *choice) {
	l.busy = false
	l.owners = append(l.owners[:0], end.Nodes...)
	l.row = end.Via
	l.then.located(l)
}

// consult asks the last node on the path for the way, which may be the asker.
func (l *lookup) consult() {
	last := l.path[len(l.path)-1]
	if len(l.path) > 1 {
		l.path = l.path[:len(l.path)-1]
		l.ask(last)
		return
	}
	if l.upkeep { // the successors themselves, and not who has copies
		l.c.way(l.key, l.dead, &l.here)
	} else {
		l.c.wayToCopies(l.key, l.dead, &l.here)
	}
	l.advance(&l.here)
}

// ask appends a node to the path and asks it.
func (l *lookup) ask(s stage) {
	l.path = append(l.path, s)
	q := next{Key: l.key, Not: slices.Clone(l.dead)}
	if l.upkeep {
		p2p.Ask(&l.c.calls, s.Addr.Peer(), seek{q}, l, (*lookup).sought)
		return
	}
	p2p.Ask(&l.c.calls, s.Addr.Peer(), q, l, (*lookup).stepped)
}

func (l *lookup) sought(r *sought) {
	if r == nil {
		l.stepped(nil)
		return
	}
	l.stepped(&r.step)
}

// stepped takes the answer of the last node on the path. If it is dead, the
// node before it is told and names the next best.
func (l *lookup) stepped(r *step) {
	if r == nil {
		l.back()
		return
	}
	l.advance(&r.choice)
}

func (l *lookup) advance(to *choice) {
	switch {
	case to.Done && len(to.Nodes) > 0:
		l.finish(to)
	case len(to.Nodes) == 0 && len(l.path) > 1:
		l.back()
	case len(to.Nodes) == 0 || len(l.path) == maxHops:
		l.finish(&choice{})
	default:
		l.ask(stage{to.Nodes[0], to.Via})
	}
}

// back gives up the last node on the path and consults the one before.
func (l *lookup) back() {
	last := l.path[len(l.path)-1].Addr
	if len(l.dead) == maxDead {
		l.finish(&choice{})
		return
	}
	l.dead = append(l.dead, last)
	l.path = l.path[:len(l.path)-1]
	if len(l.path) > 1 {
		l.consult()
		return
	}
	if !l.c.in() { // it began at another node, which does not answer
		l.finish(&choice{})
		return
	}
	l.c.suspect(last)
	l.consult()
}

func (c *Chord) answerNext(from p2p.Peer, q *next) {
	m := p2p.New[step](c.env)
	m.Tag = q.Tag
	c.wayToCopies(q.Key, q.Not, &m.choice)
	c.suspectAll(q.Not)
	p2p.Ship(c.env, from, m)
}

func (c *Chord) answerSeek(from p2p.Peer, q *seek) {
	m := p2p.New[sought](c.env)
	m.Tag = q.Tag
	c.way(q.Key, q.Not, &m.choice)
	c.suspectAll(q.Not)
	p2p.Ship(c.env, from, m)
}

// result describes the lookup for a user: its way, and at its end the one of
// its owners that answered (-1: none did).
func (l *lookup) result(answered int) p2p.Result {
	r := p2p.Result{Path: make([]p2p.Hop, 0, len(l.path)+1)}
	for _, s := range l.path {
		r.Path = append(r.Path, p2p.Hop{Addr: s.Addr, By: s.Via.String()})
	}
	if answered >= 0 {
		r.Found = []p2p.Addr{l.owners[answered]}
		if v := l.rowOf(answered); v != own {
			r.Path = append(r.Path, p2p.Hop{Addr: l.owners[answered], By: v.String()})
		}
	}
	r.Hops = len(r.Path) - 1
	return r
}

// rowOf says in which row of the table of the last on the path an owner
// stands, counting those on different nodes. That node may be the owner itself,
// and then its successors follow it, or have the copy of the owner's predecessor.
func (l *lookup) rowOf(i int) via {
	if l.c.both() && i > 0 {
		i-- // the predecessor came before these
		switch {
		case i == 0 && l.row == own:
			return predecessor
		case i == 0:
			return own
		}
	}
	switch {
	case l.row != own:
		return l.row + via(i)
	case i > 0:
		return successor + via(i-1)
	}
	return own
}
