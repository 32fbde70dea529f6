package sequence

import (
	"fmt"
	"slices"

	"peerbed/harness/record"
	"peerbed/harness/sim"
)

// maxDrawn and maxLanes are what an eye still follows.
const (
	maxDrawn = 600 // messages
	maxLanes = 64
)

// SpaceTime draws the events; only nodes to which something happens have a
// lifeline. The error says what is too much for a drawing.
func (t *Trace) SpaceTime(title string) (*record.SpaceTime, error) {
	nodes, sent := t.involved()
	if sent > maxDrawn || len(nodes) > maxLanes {
		return nil, fmt.Errorf("%d messages of %d nodes (a drawing holds %d of %d) are %w", sent, len(nodes), maxDrawn, maxLanes, ErrTooMany)
	}
	s := &record.SpaceTime{Title: title}
	lanes := map[int]int{}
	for i, n := range nodes {
		lanes[n] = i
		s.Lanes = append(s.Lanes, t.name(n))
	}
	d := drawing{t: t, s: s, lanes: lanes, under: map[uint64]int{}}
	at := t.at()
	for i := range t.Events {
		d.add(&t.Events[i], at(t.Events[i].Peer))
	}
	return s, nil
}

// involved lists the nodes to which something happens, and counts messages.
func (t *Trace) involved() (nodes []int, sent int) {
	seen := map[int]bool{}
	for i := range t.Events {
		seen[t.Events[i].Node] = true
		if t.Events[i].What == sim.Send {
			sent++
		}
	}
	for n := range seen {
		nodes = append(nodes, n)
	}
	slices.Sort(nodes)
	return nodes, sent
}

// A drawing grows event by event.
type drawing struct {
	t     *Trace
	s     *record.SpaceTime
	lanes map[int]int
	under map[uint64]int // messages on their way, by number: the step that sent them
}

func (d *drawing) add(e *sim.Event, peer int) {
	step := record.Step{At: e.At, Lane: d.lanes[e.Node], What: record.Marked, Toward: -1, Text: string(e.What),
		Note: fmt.Sprintf("%v %s: %s", e.At, d.t.name(e.Node), describe(e))}
	switch e.What {
	case sim.Send:
		step.What, step.Text = record.Sent, e.Kind
		if l, ok := d.lanes[peer]; ok && peer >= 0 {
			step.Toward = l
		}
		d.under[e.N] = len(d.s.Steps)
	case sim.Hear:
		if step.What = record.Ticked; e.N > 0 {
			step.What = record.Heard
		}
		if from, ok := d.under[e.N]; ok && e.N > 0 {
			d.s.Steps[from].Heard = len(d.s.Steps)
			delete(d.under, e.N)
		}
	case sim.Drop:
		if from, ok := d.under[e.N]; ok {
			d.s.Steps[from].Note += "; lost: " + e.Why
		}
		return
	case sim.Fire:
		step.What = record.Ticked
	case sim.Wish, sim.Result:
		step.Text = e.Why
	case sim.Dial, sim.Close:
		step.What = record.Ticked
	}
	d.s.Steps = append(d.s.Steps, step)
}

// describe writes an event in words.
func describe(e *sim.Event) string {
	words := string(e.What)
	if e.Kind != "" {
		words += " " + e.Kind
	}
	if e.Size > 0 {
		words += fmt.Sprintf(" (%d bytes)", e.Size)
	}
	if e.Peer != 0 {
		words += map[bool]string{true: " from ", false: " to "}[e.What == sim.Hear] + e.Peer.String()
	}
	if e.Why != "" {
		words += ": " + e.Why
	}
	return words
}
