package chord

import "peerbed/protocols/p2p"

// Proximity choice of fingers (ToN, Table IV): any node
// between 2^k and 2^(k+1) away serves as the finger of row k, so of the first
// few there the one with the shortest round trip is taken. Lookups are as long
// as before, and each hop is quicker. Ownership depends on successors alone, and
// stays what it is.

// A race is between the nodes that may become one finger: all are pinged at
// once, and who answers first wins.
type race struct {
	c   *Chord
	row int // from which the finger stands
	won bool
}

// A racer is one of them.
type racer struct {
	*race
	node Ref
}

// race lets the first of the nodes, which follow one another on the ring, run
// for the rows from the given one on, as far as they lie in the row of the first.
func (c *Chord) race(nodes []p2p.Addr, row int) {
	r := &race{c: c, row: row}
	last := -1
	for _, a := range nodes[:min(len(nodes), c.cfg.Proximity)] {
		n := c.ref(a)
		if at := c.cfg.M.Row(c.me.ID, n.ID); last < 0 {
			last = at
		} else if at != last {
			return
		}
		p2p.Ask(&c.calls, n.peer(), ping{}, &racer{r, n}, (*racer).answered)
	}
}

func (r *racer) answered(m *pong) {
	if m != nil && !r.won && r.c.in() {
		r.won = true
		r.c.settle(r.row, r.node)
	}
}
