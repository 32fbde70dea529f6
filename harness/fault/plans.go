package fault

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"peerbed/harness/links"
	"peerbed/harness/plan"
	"peerbed/protocols/linkmodel"
)

// some draws a share of the nodes, in order; 0 stands for all.
func some(r *rand.Rand, nodes int, share float64) []int {
	all := r.Perm(nodes)
	if share > 0 {
		all = all[:count(nodes, share)]
	}
	slices.Sort(all)
	return all
}

func fraction(name string, v float64) error {
	if !(v >= 0 && v <= 1) { // also NaN
		return fmt.Errorf("%s %v: want 0 to 1", name, v)
	}
	return nil
}

// count is the share of n, rounded to the nearest.
func count(n int, share float64) int { return int(share*float64(n) + 0.5) }

// Crashes kills a share of the nodes at one moment.
type Crashes struct {
	At       time.Duration
	Fraction float64       // 0 to 1, of all nodes
	For      time.Duration // then they come back; 0: they stay away
	Vanish   bool          // they fall silent instead of dying loudly
}

// Events draws who is hit.
func (c Crashes) Events(f plan.Facts) ([]plan.Event, error) {
	if err := fraction("Fraction", c.Fraction); err != nil {
		return nil, err
	}
	hit := f.Rand().Perm(f.Nodes)[:count(f.Nodes, c.Fraction)]
	slices.Sort(hit)
	if len(hit) == 0 {
		return nil, nil
	}
	verb := plan.Crash
	if c.Vanish {
		verb = plan.Vanish
	}
	events := []plan.Event{{At: c.At, Do: verb, Nodes: hit, Label: "crashes"}}
	if c.For > 0 {
		events = append(events, plan.Event{At: c.At + c.For, Do: plan.Restart, Nodes: hit, Label: "crashes"})
	}
	return events, nil
}

// Partition parts the network into groups for a while.
type Partition struct {
	At  time.Duration
	For time.Duration // then it heals; 0: it stays
	// Groups says who is parted from whom; nodes in none reach all. nil: two
	// random halves.
	Groups [][]int
	// OneWay cuts only what goes from the first group to the second.
	OneWay bool
}

// Events draws the halves, if there are no Groups.
func (p Partition) Events(f plan.Facts) ([]plan.Event, error) {
	for _, i := range slices.Concat(p.Groups...) {
		if i < 0 || i >= f.Nodes {
			return nil, fmt.Errorf("node %d is in a group, but there are only 0 to %d", i, f.Nodes-1)
		}
	}
	groups := p.Groups
	if groups == nil {
		all := f.Rand().Perm(f.Nodes)
		groups = [][]int{all[:f.Nodes/2], all[f.Nodes/2:]}
		slices.Sort(groups[0])
		slices.Sort(groups[1])
	}
	label := fmt.Sprintf("partition at %v", p.At)
	events := []plan.Event{{At: p.At, Do: plan.Cut, Groups: groups, OneWay: p.OneWay, Label: label}}
	if p.For > 0 {
		events = append(events, plan.Event{At: p.At + p.For, Do: plan.Heal, Label: label})
	}
	return events, nil
}

// Shape changes all links at one moment: delay, jitter, loss, bandwidth.
type Shape struct {
	At    time.Duration
	For   time.Duration // then they are as before; 0: they stay so
	Links linkmodel.Model
	File  string // in place of Links: a table, as links.Read takes it
}

// Events lists the change, and its end.
func (s Shape) Events(plan.Facts) ([]plan.Event, error) {
	if s.File != "" {
		_, err := links.Read(s.File) // what is wrong with it is better known now
		return while(s.At, s.For, "links", plan.Event{Do: plan.Shape, File: s.File}), err
	}
	if err := s.Links.Check(); err != nil {
		return nil, err
	}
	return while(s.At, s.For, "links", plan.Event{Do: plan.Shape, Links: &s.Links}), nil
}
