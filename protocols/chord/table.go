package chord

import (
	"math/bits"
	"slices"
	"strconv"

	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// A via names a row of a node's table: 0 is the node itself, 1 + i its finger
// i, 127 its predecessor, 128 + i its successor i.
type via uint8

const (
	own         via = 0
	finger      via = 1
	predecessor via = 127
	successor   via = 128
)

// String writes a row as people say it: "finger 5", "successor", and
// "successor 2" for the one after it.
func (v via) String() string { return viaNames[v] }

// viaNames holds them ready: every hop of every result has one.
var viaNames = func() (names [256]string) {
	for v := finger; v < predecessor; v++ {
		names[v] = "finger " + strconv.Itoa(int(v-finger))
	}
	names[predecessor], names[successor] = "predecessor", "successor"
	for i := int(successor) + 1; i < len(names); i++ {
		names[i] = "successor " + strconv.Itoa(i-int(successor)+1)
	}
	return names
}()

// ref returns a node by its address. Ids of those it lists the node knows
// already; only others are hashed.
func (c *Chord) ref(a p2p.Addr) Ref {
	if a == c.pred.Addr {
		return c.pred
	}
	for _, r := range c.succs {
		if r.Addr == a {
			return r
		}
	}
	for _, r := range c.fingers {
		if r.Addr == a {
			return r
		}
	}
	return Ref{a, c.cfg.M.Addr(a)}
}

// way works out what this node knows about the way to a key, leaving out the
// nodes in not. It refills to.Nodes: the owner and those after it, which hold the
// copies, or the one next hop.
func (c *Chord) way(key ring.ID, not []p2p.Addr, to *choice) {
	done, v, a := c.toward(key, not)
	*to = choice{Done: done, Via: v, Nodes: to.Nodes[:0]}
	switch {
	case done && v == own:
		to.Nodes = c.successors(append(to.Nodes, a), 0, not)
	case done:
		to.Nodes = c.successors(to.Nodes, int(v-successor), not)
	case a != 0:
		to.Nodes = append(to.Nodes, a)
	}
}

// toward returns the owner of a key (done), if it is this node or one that
// follows it; else the next hop, and 0 if it cannot tell. If the key lies between
// the node and its successor, that is the owner. Otherwise the next hop is the
// node nearest to the key, among fingers and successors, that still comes before
// it.
func (c *Chord) toward(key ring.ID, not []p2p.Addr) (done bool, v via, a p2p.Addr) {
	if c.alone() || c.pred.known() && c.cfg.M.UpTo(key, c.pred.ID, c.me.ID) {
		return true, own, c.me.Addr
	}
	first := 0
	for first < len(c.succs) && slices.Contains(not, c.succs[first].Addr) {
		first++
	}
	if first == len(c.succs) { // all are dead: it cannot tell who follows
		return false, own, 0
	}
	if head := c.succs[first]; c.cfg.M.UpTo(key, c.me.ID, head.ID) {
		return true, successor + via(first), head.Addr
	}
	hop, v := c.preceding(key, not)
	return false, v, hop.Addr
}

// successors appends the successors from the given one on to dst.
func (c *Chord) successors(dst []p2p.Addr, from int, not []p2p.Addr) []p2p.Addr {
	for _, r := range c.succs[from:] {
		if r != c.me && !slices.Contains(not, r.Addr) {
			dst = append(dst, r.Addr)
		}
	}
	return dst
}

// preceding returns the node of the table that comes last before the key.
func (c *Chord) preceding(key ring.ID, not []p2p.Addr) (best Ref, row via) {
	best = c.me
	for i := c.nearest(key); i >= 0; i-- {
		if r := c.fingers[i]; !slices.Contains(not, r.Addr) {
			best, row = r, finger+via(c.cfg.M.Row(c.me.ID, r.ID))
			break
		}
	}
	for i := len(c.succs) - 1; i >= 0; i-- {
		if r := c.succs[i]; c.cfg.M.Between(r.ID, best.ID, key) && !slices.Contains(not, r.Addr) {
			return r, successor + via(i)
		}
	}
	return best, row
}

// nearest returns the place of the last finger before the key; -1: there is
// none. Fingers are about one for each row, so that the row of the key tells
// where to begin to look.
func (c *Chord) nearest(key ring.ID) int {
	i := c.guess(key)
	for i+1 < len(c.fingers) && c.cfg.M.Between(c.fingers[i+1].ID, c.me.ID, key) {
		i++
	}
	for i >= 0 && !c.cfg.M.Between(c.fingers[i].ID, c.me.ID, key) {
		i--
	}
	return i
}

// guess returns a place in the finger table near that of the last before the key;
// -1: it is empty.
func (c *Chord) guess(key ring.ID) int {
	i := len(c.fingers) - 1
	if i > 0 && key != c.me.ID {
		i = max(0, min(i, i-int(c.cfg.M)+1+c.cfg.M.Row(c.me.ID, key)))
	}
	return i
}

// Scout implements [p2p.Scout]: to hand a lookup on, the node will read a finger,
// and the path.
func (c *Chord) Scout(m p2p.Msg) uint64 {
	q, ok := m.(*route)
	if !ok || len(c.fingers) == 0 || len(q.Path) == 0 {
		return 0
	}
	return uint64(c.fingers[c.guess(q.Key)].ID) + uint64(q.Path[len(q.Path)-1].Addr)
}

// listLength is the length r that the successor list may have: the one that was
// configured, or 2 log2 N, with N from the density of ids in the list. So many
// outlive, with high probability, the death of every second node (ToN, section
// IV-E.3).
func (c *Chord) listLength() int {
	if c.cfg.Successors > 0 {
		return c.cfg.Successors
	}
	n := len(c.succs)
	if n == 0 || c.alone() {
		return maxSuccessors
	}
	gap := c.cfg.M.Distance(c.me.ID, c.succs[n-1].ID) / ring.ID(n)
	return twice(int(c.cfg.M) - bits.Len64(uint64(gap)) + 1)
}

// twice is 2 log2 N, within the bounds of a list.
func twice(log int) int { return min(max(2*log, 4), maxSuccessors) }

// follow makes head the successor, and those that it lists the ones after it:
// its list less the last, as long as it goes on clockwise and has not come
// round to this node.
func (c *Chord) follow(head Ref, list []p2p.Addr) {
	var scratch [maxSuccessors]Ref
	succs := append(scratch[:0], head)
	most := c.listLength()
	for _, a := range list {
		if len(succs) == most {
			break
		}
		r := c.ref(a)
		if !c.cfg.M.Between(r.ID, succs[len(succs)-1].ID, c.me.ID) {
			break
		}
		succs = append(succs, r)
	}
	c.merge.loseLeftOut(c.succs, succs)
	c.succs = append(c.succs[:0], succs...)
}

// failed takes a node that did not answer out of the table.
func (c *Chord) failed(a p2p.Addr) {
	c.merge.lose(a)
	c.drop(a)
}

// drop takes a node out of the table. A node that loses its last successor goes
// on with its nearest finger, and stabilisation walks back from there; without
// one it is alone.
func (c *Chord) drop(a p2p.Addr) {
	if a == c.me.Addr || !c.in() {
		return
	}
	is := func(r Ref) bool { return r.Addr == a }
	if is(c.pred) {
		c.pred = Ref{}
	}
	c.fingers = slices.DeleteFunc(c.fingers, is)
	c.succs = slices.DeleteFunc(c.succs, is)
	if c.in() {
		return
	}
	if len(c.fingers) > 0 {
		c.succs = append(c.succs, c.fingers[0])
		return
	}
	c.solitude()
}

func (c *Chord) neighbour(list []p2p.Addr, a p2p.Addr) []p2p.Addr {
	if a = a.Node(); a == c.me.Addr.Node() || slices.Contains(list, a) {
		return list
	}
	return append(list, a)
}

// lists reports whether a node stands in the table.
func (c *Chord) lists(r Ref) bool {
	return r == c.pred || slices.Contains(c.succs, r) || slices.Contains(c.fingers, r)
}
