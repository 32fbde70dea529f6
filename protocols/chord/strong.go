package chord

import "peerbed/protocols/p2p"

// A Stabilizer says what a round of stabilisation does.
type Stabilizer uint8

const (
	// Weak asks the successor only (2001; ToN, section IV-E.1). A ring that
	// goes round the circle twice, in which every node is the predecessor of
	// its successor, stays so for ever: PODC 2002 calls it loopy.
	Weak Stabilizer = iota
	// Strong also looks for the node's own place, from the successor on round
	// the ring (PODC 2002, the strong stabilisation), and so mends loopy rings.
	// It costs N/r messages a round, where r is the length of the lists.
	Strong
)

var stabilizerNames = []string{Weak: "weak", Strong: "strong"}

// MarshalText writes the name of the stabiliser.
func (s Stabilizer) MarshalText() ([]byte, error) { return []byte(stabilizerNames[s]), nil }

// UnmarshalText reads it.
func (s *Stabilizer) UnmarshalText(b []byte) (err error) {
	*s, err = pick[Stabilizer](b, stabilizerNames)
	return err
}

// round is a round of stabilisation.
func (c *Chord) round() {
	c.stabilize()
	if c.cfg.Stabilizer == Strong && !c.alone() && (c.tour == nil || !c.tour.busy) {
		c.tour = &tour{c: c, at: c.succs[0], busy: true}
		c.tour.ask()
	}
}

// maxTour bounds how many nodes a tour asks: somebody who lies must not keep it
// going for ever.
const maxTour = 1 << 12

// A tour goes round the ring, along successors and never by fingers, until it
// comes to where this node belongs. The paper asks the successor to look that
// up; here the node itself goes from one successor list to the next.
type tour struct {
	c     *Chord
	at    Ref // whom it asks
	asked int
	busy  bool
}

func (t *tour) ask() {
	t.asked++
	p2p.Ask(&t.c.calls, t.at.peer(), getNeighbours{}, t, (*tour).answered)
}

// answered follows a list until it goes past this node's own id.
func (t *tour) answered(r *neighbours) {
	if t.busy = r != nil && len(r.Succs) > 0 && t.asked < maxTour && t.c.in(); !t.busy {
		return
	}
	for _, a := range r.Succs {
		x := t.c.ref(a)
		if t.c.cfg.M.UpTo(t.c.me.ID, t.at.ID, x.ID) {
			t.busy = false
			t.c.rival(x)
			return
		}
		t.at = x
	}
	t.ask()
}

// rival hears who stands, somewhere, where this node ought to be. If that one
// is nearer than the successor, it becomes the successor as soon as it answers.
func (c *Chord) rival(r Ref) {
	if r != c.me && r.ID != c.me.ID && c.cfg.M.Between(r.ID, c.me.ID, c.succs[0].ID) {
		c.ask(r)
	}
}
