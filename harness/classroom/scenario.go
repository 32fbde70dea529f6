package classroom

import (
	"math/rand/v2"
	"slices"
	"time"

	"peerbed/harness/hunt"
	"peerbed/harness/plan"
	"peerbed/protocols/linkmodel"
)

// lull is how long nothing fails after a failure: what one student's ring can
// mend and another's cannot is asked, not what none can.
const lull = 4 * time.Second

// draw makes the case of a seed: who joins, crashes and leaves when. The rest of
// a scenario comes after that: see run.tail.
func (t *Test) draw(o *oracle, seed uint64) *hunt.Case {
	r := rand.New(rand.NewPCG(seed, 1))
	s := t.Scenario
	n := s.Nodes[0] + r.IntN(s.Nodes[1]-s.Nodes[0]+1)
	d := &drawing{r: r, o: o, s: s, next: n, up: numbers(n),
		c: &hunt.Case{Protocol: t.ID, Seed: seed, Port: 1024 + uint16(seed%60_000), Links: o.links, Up: []int{0}}}
	for i := 1; i < n; i++ {
		d.at += time.Duration(s.Gap)/2 + linkmodel.Exp(time.Duration(s.Gap)/2, r)
		d.add(plan.Restart, i)
	}
	d.at += time.Duration(s.Settle)
	d.crash()
	d.leave()
	d.churn()
	d.c.End = d.at
	d.c.Nodes = d.next
	return d.c
}

func numbers(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// A drawing is a case being drawn.
type drawing struct {
	r    *rand.Rand
	o    *oracle
	s    Scenario
	c    *hunt.Case
	at   time.Duration
	next int   // the number of the next newcomer
	up   []int // node 0 first: it never fails
}

func (d *drawing) add(do plan.Verb, nodes ...int) {
	d.c.Events = append(d.c.Events, plan.Event{At: d.at.Round(time.Millisecond), Do: do, Nodes: nodes})
}

// crash ends a share of the nodes at once; they are drawn until the oracle says
// that what is left can mend itself.
func (d *drawing) crash() {
	n := int(d.s.Crash * float64(len(d.up)))
	if n == 0 {
		return
	}
	l := layOut(d.c.Port, len(d.up))
	for range 1000 {
		rest := slices.Clone(d.up[1:])
		d.r.Shuffle(len(rest), func(i, k int) { rest[i], rest[k] = rest[k], rest[i] })
		dead := slices.Sorted(slices.Values(rest[:n]))
		if d.o.mends == nil || d.o.mends(l, d.up, dead) {
			d.add(plan.Crash, dead...)
			d.up = slices.DeleteFunc(d.up, func(i int) bool { return slices.Contains(dead, i) })
			break
		}
	}
	d.at += lull
}

func (d *drawing) leave() {
	for range d.s.Leave {
		d.end(plan.Leave)
		d.at += lull
	}
}

// end has a random node crash or leave, but never node 0.
func (d *drawing) end(do plan.Verb) {
	k := 1 + d.r.IntN(len(d.up)-1)
	d.add(do, d.up[k])
	d.up = slices.Delete(d.up, k, k+1)
}

// churn has nodes join, crash and leave. Newcomers may come at any time; who
// fails does so no sooner than a lull after the last. Often that is a neighbour of
// a newcomer that has hardly come, because that is when least is known of both.
func (d *drawing) churn() {
	end, least, most := d.at+time.Duration(d.s.Churn), max(3, len(d.up)/2), len(d.up)*3/2
	last := d.at
	for d.s.Churn > 0 {
		if d.at += linkmodel.Exp(time.Duration(d.s.Every), d.r); d.at > end {
			break
		}
		may := len(d.up) > least && d.at >= last+lull
		switch {
		case may && d.r.IntN(3) == 0:
			d.end([]plan.Verb{plan.Crash, plan.Crash, plan.Leave}[d.r.IntN(3)])
			last = d.at
		case len(d.up) < most && d.next < d.o.most && (may || d.r.IntN(2) == 0):
			d.add(plan.Restart, d.next)
			d.up = append(d.up, d.next)
			d.next++
			if may && d.beside() {
				last = d.at
			}
		}
	}
	d.at = max(d.at, end)
}

// beside crashes a neighbour of the last who came, soon; it reports whether there
// is one that may.
func (d *drawing) beside() bool {
	if d.o.near == nil {
		return false
	}
	near := slices.DeleteFunc(d.o.near(layOut(d.c.Port, d.next), d.up, d.next-1), func(i int) bool { return i == 0 })
	if len(near) == 0 {
		return false
	}
	d.at += time.Duration(200+d.r.IntN(1500)) * time.Millisecond
	dead := near[d.r.IntN(len(near))]
	d.add(plan.Crash, dead)
	d.up = slices.DeleteFunc(d.up, func(i int) bool { return i == dead })
	return true
}
