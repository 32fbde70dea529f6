package fault

import (
	"fmt"
	"slices"
	"time"

	"peerbed/harness/plan"
	"peerbed/protocols/linkmodel"
)

// Pauses has a share of the nodes stand still for a while, as under a debugger
// or on a machine that swaps: their streams stay up and they are not there.
type Pauses struct {
	At       time.Duration
	For      time.Duration // then they go on; 0: they stay so
	Fraction float64       // 0 to 1, of all nodes
}

// Events draws who is hit.
func (p Pauses) Events(f plan.Facts) ([]plan.Event, error) {
	hit, err := hosts(f, p.Fraction)
	return while(p.At, p.For, "pause", plan.Event{Do: plan.Pause, Nodes: hit}), err
}

// Firewalls puts a share of the nodes behind firewalls: nobody can dial them.
type Firewalls struct {
	At       time.Duration
	For      time.Duration // then the walls fall; 0: they stay
	Fraction float64       // 0 to 1, of all nodes
}

// Events draws who is hit.
func (w Firewalls) Events(f plan.Facts) ([]plan.Event, error) {
	hit, err := hosts(f, w.Fraction)
	return while(w.At, w.For, "firewall", plan.Event{Do: plan.Wall, Nodes: hit}), err
}

// Loss loses packets on the way, streams' too, by the kernel where the world
// has one that can; see Shape for what the model of links loses.
type Loss struct {
	At       time.Duration
	For      time.Duration // then nothing is lost any more; 0: it stays
	Share    float64       // 0 to 1, of all packets
	From, To []int         // nodes; nil: all
}

// Events lists the beginning and the end.
func (l Loss) Events(f plan.Facts) ([]plan.Event, error) {
	d := linkmodel.Drop{Share: l.Share}
	for _, i := range slices.Concat(l.From, l.To) {
		if i < 0 || i >= f.Nodes {
			return nil, fmt.Errorf("there is no node %d, only 0 to %d", i, f.Nodes-1)
		}
	}
	return while(l.At, l.For, "drop", plan.Event{Do: plan.Drop, Groups: [][]int{l.From, l.To}, Share: l.Share}), d.Check()
}

// Throttle gives a share of the nodes slow access lines.
type Throttle struct {
	At       time.Duration
	For      time.Duration // then the lines carry any rate; 0: they stay slow
	Fraction float64       // 0 to 1, of all nodes
	Up, Down int64         // bytes per second; 0: any
}

// Events draws who is hit.
func (t Throttle) Events(f plan.Facts) ([]plan.Event, error) {
	m := linkmodel.Model{Access: []linkmodel.Access{{Up: t.Up, Down: t.Down}}}
	if err := m.Check(); err != nil {
		return nil, err
	}
	hit, err := hosts(f, t.Fraction)
	return while(t.At, t.For, "throttle", plan.Event{Do: plan.Throttle, Nodes: hit, Up: t.Up, Down: t.Down}), err
}

// hosts draws a share of the nodes, in order.
func hosts(f plan.Facts, share float64) ([]int, error) {
	if err := fraction("Fraction", share); err != nil {
		return nil, err
	}
	hit := f.Rand().Perm(f.Nodes)[:count(f.Nodes, share)]
	slices.Sort(hit)
	return hit, nil
}

// while gives an event its time and a name that it is healed by, if it is.
func while(at, length time.Duration, kind string, e plan.Event) []plan.Event {
	e.At, e.Label = at, fmt.Sprintf("%s at %v", kind, at)
	if length == 0 {
		return []plan.Event{e}
	}
	return []plan.Event{e, {At: at + length, Do: plan.Heal, Label: e.Label}}
}
