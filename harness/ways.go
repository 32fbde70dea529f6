package harness

import (
	"math/rand/v2"
	"time"

	"peerbed/harness/fault"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// A way leads from one node to another. What is asked of it follows from the
// wanted network alone.
type way struct {
	from, to     int
	there, back  bool // datagrams get through
	stream       bool // streams can be opened
	loss         float64
	rtt          time.Duration // mean, there and back
	spread       time.Duration // of rtt: at least its standard deviation
	was          time.Duration // rtt before the change
	queue        time.Duration // what may wait before its lines
	anyRate      bool          // no line makes rtt longer
	streamUnsure bool          // so lossy that a stream may take its time
}

// heavy is the loss from which a stream's handshake may take seconds.
const heavy = 0.05

// asks works out what the network, with its model of links, asks of a way.
func (c *Cluster) asks(n *fault.Net, m *linkmodel.Model, from, to int) way {
	a, b := c.Addr(from), c.Addr(to)
	out, home := m.Link(a, b), m.Link(b, a)
	open, answers := !n.Blocked(a, b), !n.Blocked(b, a)
	w := way{from: from, to: to, loss: out.Loss}
	w.there = open && out.Loss < 1
	w.back = w.there && answers && home.Loss < 1
	w.stream = open && answers && !n.Walled(b)
	w.streamUnsure = w.stream && max(out.Loss, home.Loss) > heavy
	w.anyRate = len(m.Access) == 0
	for _, line := range []linkmodel.Access{m.AccessOf(a), m.AccessOf(b)} {
		w.queue += wait(line.Up) + wait(line.Down)
	}
	for _, l := range []linkmodel.Link{out, home} {
		w.rtt += l.Delay + l.Jitter/2
		w.spread += l.Jitter / 2
		if l.Law != linkmodel.Constant {
			w.spread += l.Delay
		}
		if l.Rate > 0 {
			w.anyRate = false
			w.queue += wait(l.Rate)
		}
	}
	return w
}

// wait is how long a full queue takes at a rate; 0: any.
func wait(rate int64) time.Duration {
	if rate == 0 {
		return 0
	}
	return time.Duration(float64(time.Second) * linkmodel.DefaultQueue / float64(rate))
}

// differs reports whether two networks ask different things of a way.
func (w way) differs(v way) bool {
	return w.there != v.there || w.back != v.back || w.stream != v.stream || w.loss != v.loss || w.rtt != v.rtt
}

// How many ways are probed, in each of the two directions between two nodes.
const (
	probedWays = 12 // of which a change asks something new
	keptWays   = 6  // of which it asks nothing new
	wayDraws   = 200
)

// ways draws a sample of ways: some that the change concerns and some that it
// must leave alone. Which ones follows from the seed and the faults so far.
func (c *Cluster) ways(was, is *fault.Net) []way {
	live := c.Live()
	if len(live) < 2 {
		return nil
	}
	r := rand.New(rand.NewPCG(c.set.Seed, uint64(len(c.Faults()))+1<<32))
	before, after := was.Model(), is.Model()
	sides := suspects(was, is)
	var changed, kept []way
	seen := map[[2]int]bool{}
	for k := 0; k < wayDraws && (len(changed) < probedWays || len(kept) < keptWays); k++ {
		i, j := live[r.IntN(len(live))], live[r.IntN(len(live))]
		if k%2 == 0 && len(sides) > 0 {
			i, j = c.drawFrom(r, sides[r.IntN(len(sides))], i, j)
		}
		for _, p := range [][2]int{{i, j}, {j, i}} {
			if i == j || seen[p] {
				continue
			}
			seen[p] = true
			w, old := c.asks(is, &after, p[0], p[1]), c.asks(was, &before, p[0], p[1])
			w.was = old.rtt
			if w.differs(old) {
				changed = append(changed, w)
			} else {
				kept = append(kept, w)
			}
		}
	}
	return append(changed[:min(len(changed), probedWays)], kept[:min(len(kept), keptWays)]...)
}

// suspects lists the sides between which one of the networks asks something:
// blind draws would hardly ever find a single cut link among many.
func suspects(nets ...*fault.Net) (sides []fault.Cut) {
	for _, n := range nets {
		sides = append(sides, n.Cuts...)
		for _, a := range n.Walls {
			sides = append(sides, fault.Cut{To: []p2p.Addr{a}})
		}
		for _, d := range n.Drops {
			sides = append(sides, fault.Cut{From: d.From, To: d.To})
		}
		for _, p := range n.Links.Pairs {
			sides = append(sides, fault.Cut{From: given(p.From), To: given(p.To)})
		}
	}
	return sides
}

func given(a p2p.Addr) []p2p.Addr {
	if a == 0 {
		return nil
	}
	return []p2p.Addr{a}
}

// drawFrom draws a live node of each side, or keeps the one drawn from all.
func (c *Cluster) drawFrom(r *rand.Rand, side fault.Cut, i, j int) (from, to int) {
	pick := func(set []p2p.Addr, otherwise int) int {
		if len(set) == 0 {
			return otherwise
		}
		if k := c.Index(set[r.IntN(len(set))]); k >= 0 && c.lives(k) {
			return k
		}
		return otherwise
	}
	return pick(side.From, i), pick(side.To, j)
}
