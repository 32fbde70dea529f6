package hunt

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"peerbed/harness/plan"
	"peerbed/protocols/linkmodel"
)

// Mix is a plan of random events: the verbs in the proportion of their weights,
// with exponential times between them. Each plan has a pace of its own, from
// four times slower to sixteen times faster than Every, because some mistakes need a
// rush and others a slow decay.
type Mix struct {
	Every time.Duration // mean time between two events
	Least int           // nodes at first: this many at least; the others come with Restart. 0: all are there

	Crash, Vanish, Leave, Restart, Pause int // weights
	Cut, Drop, Shape                     int // of faults of the network, each for a while

	While   time.Duration  // mean length of a pause, cut, drop or shape; they are over when the plan is
	Loss    float64        // Drop: up to this share is lost
	Slowest linkmodel.Link // Shape: links up to as slow as this
}

// Events draws a plan. Times are whole milliseconds.
func (m Mix) Events(f plan.Facts) ([]plan.Event, error) {
	d := &draw{Mix: m, r: f.Rand(), f: f}
	for i, weight := range []int{m.Crash, m.Vanish, m.Leave, m.Restart, m.Pause, m.Cut, m.Drop, m.Shape} {
		for range weight {
			d.verbs = append(d.verbs, mixed[i])
		}
	}
	if len(d.verbs) == 0 || m.Every <= 0 {
		return nil, errors.New("Mix: want Every above 0 and a weight above 0")
	}
	if m.Least > f.Nodes {
		return nil, fmt.Errorf("Mix: Least %d of %d nodes", m.Least, f.Nodes)
	}
	d.people()
	pace := m.Every * 4 >> d.r.IntN(7)
	for at := linkmodel.Exp(pace, d.r); at < f.For; at += linkmodel.Exp(pace, d.r) {
		d.event(at.Round(time.Millisecond))
	}
	slices.SortStableFunc(d.events, func(a, b plan.Event) int { return cmp.Compare(a.At, b.At) })
	return d.events, nil
}

var mixed = [...]plan.Verb{plan.Crash, plan.Vanish, plan.Leave, plan.Restart, plan.Pause, plan.Cut, plan.Drop, plan.Shape}

// A draw is a Mix being drawn. It keeps in mind who would be up, so that few
// events come to nothing.
type draw struct {
	Mix
	r        *rand.Rand
	f        plan.Facts
	verbs    []plan.Verb
	up, down []int
	events   []plan.Event
}

func (d *draw) people() {
	order := d.r.Perm(d.f.Nodes)
	n := d.f.Nodes
	if d.Least > 0 {
		n = d.Least + d.r.IntN(d.f.Nodes-d.Least+1)
	}
	d.up, d.down = order[:n:n], order[n:]
	if len(d.down) > 0 {
		away := slices.Sorted(slices.Values(d.down))
		d.events = append(d.events, plan.Event{Do: plan.Away, Nodes: away})
	}
}

func (d *draw) event(at time.Duration) {
	e := plan.Event{At: at, Do: d.verbs[d.r.IntN(len(d.verbs))]}
	switch e.Do {
	case plan.Restart:
		e.Nodes = d.move(&d.down, &d.up)
	case plan.Crash, plan.Vanish, plan.Leave:
		e.Nodes = d.move(&d.up, &d.down)
	case plan.Pause:
		if len(d.up) > 0 {
			e.Nodes = []int{d.up[d.r.IntN(len(d.up))]}
			d.until(at, plan.Event{Do: plan.Resume, Nodes: e.Nodes})
		}
	default:
		d.fault(e)
		return
	}
	if len(e.Nodes) > 0 {
		d.events = append(d.events, e)
	}
}

// move takes a random node from one list to the other.
func (d *draw) move(from, to *[]int) []int {
	if len(*from) == 0 {
		return nil
	}
	k := d.r.IntN(len(*from))
	i := (*from)[k]
	*from = slices.Delete(*from, k, k+1)
	*to = append(*to, i)
	return []int{i}
}

// fault begins a fault of the network, which heals after a while.
func (d *draw) fault(e plan.Event) {
	e.Label = fmt.Sprintf("%s at %v", e.Do, e.At)
	switch e.Do {
	case plan.Cut:
		all := d.r.Perm(d.f.Nodes)
		k := 1 + d.r.IntN(max(1, d.f.Nodes-1))
		e.Groups = [][]int{slices.Sorted(slices.Values(all[:k])), slices.Sorted(slices.Values(all[k:]))}
		e.OneWay = d.r.IntN(4) == 0
	case plan.Drop:
		e.Groups = [][]int{nil, nil}
		e.Share = d.Loss * float64(d.r.IntN(101)) / 100
	case plan.Shape:
		part := time.Duration(d.r.IntN(101))
		e.Links = &linkmodel.Model{Default: linkmodel.Link{Delay: d.Slowest.Delay * part / 100, Jitter: d.Slowest.Jitter * part / 100}}
	}
	d.events = append(d.events, e)
	d.until(e.At, plan.Event{Do: plan.Heal, Label: e.Label})
}

// until adds what ends a fault that began at a time.
func (d *draw) until(began time.Duration, end plan.Event) {
	end.At = min(d.f.For, began+linkmodel.Exp(d.While, d.r)).Round(time.Millisecond)
	d.events = append(d.events, end)
}
