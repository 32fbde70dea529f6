package chord

import "slices"

// Row i of the paper's finger table is the first node at id + 2^i or after.
// Most rows of a ring with N nodes hold the same few: the table has about
// log2 N distinct nodes. Only those are kept, one for each row k such that the
// node lies 2^k to 2^(k+1) away; row i of the paper's table is then the first
// kept one with k at least i (or the node itself, where there is none).

// fixFingers looks up where one row begins. Rows up to the successor's are
// known without.
func (c *Chord) fixFingers() {
	if c.fix != nil || c.alone() {
		return
	}
	if low := c.cfg.M.Row(c.me.ID, c.succs[0].ID) + 1; int(c.row) < low || int(c.row) >= int(c.cfg.M) {
		c.settle(0, c.succs[0])
		c.row = int16(low)
	}
	if int(c.row) < int(c.cfg.M) {
		c.fix = &lookup{}
		c.fix.start(c, c.cfg.M.Power(c.me.ID, int(c.row)), c)
	}
}

// located hears of the first node after the beginning of a row. It fills all
// rows up to the one in which it lies itself.
func (c *Chord) located(l *lookup) {
	c.fix = nil
	if len(l.owners) == 0 {
		c.row++
		return
	}
	r := c.ref(l.owners[0])
	last := c.cfg.M.Row(c.me.ID, r.ID)
	if r == c.me || last < int(c.row) { // nobody is as far away
		r, last = c.me, int(c.cfg.M)-1
	}
	if c.cfg.Proximity > 1 && r != c.me {
		c.race(l.owners, int(c.row))
	} else {
		c.settle(int(c.row), r)
	}
	c.row = int16(last + 1)
}

// settle makes r the first node from row k on: rows from k to its own hold no
// other. If r is the node itself, all rows from k on are empty.
func (c *Chord) settle(k int, r Ref) {
	last := int(c.cfg.M)
	if r != c.me {
		last = c.cfg.M.Row(c.me.ID, r.ID)
	}
	c.fingers = slices.DeleteFunc(c.fingers, func(f Ref) bool {
		row := c.cfg.M.Row(c.me.ID, f.ID)
		out := k <= row && row <= last
		if out && f != r {
			c.merge.lose(f.Addr)
		}
		return out
	})
	if r == c.me {
		return
	}
	i := 0
	for i < len(c.fingers) && c.cfg.M.Row(c.me.ID, c.fingers[i].ID) < last {
		i++
	}
	c.fingers = slices.Insert(c.fingers, i, r)
}
