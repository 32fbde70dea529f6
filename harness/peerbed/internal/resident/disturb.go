package resident

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"peerbed/harness"
	"peerbed/harness/plan"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// disturb takes one step: it names the nodes, plays the event and says what the
// cluster made of it.
func (r *Resident) disturb(ctx context.Context, q Disturbance) (d Done, err error) {
	err = r.change(ctx, string(q.Do), func() error {
		e, err := r.event(q)
		if err != nil {
			return err
		}
		before := r.cluster.Faults()
		if e.Do == plan.Leave {
			err = r.leave(ctx, e.Nodes)
		} else {
			d.Handle, err = r.cluster.Play(e)
		}
		if err != nil {
			return fmt.Errorf("%w; peerbed status shows how things stand now", err)
		}
		d.Text, d.Proof = r.told(e, before)
		return nil
	})
	return d, err
}

// leave has nodes say good-bye, one after the other, and waits until they have.
func (r *Resident) leave(ctx context.Context, nodes []int) error {
	for _, i := range nodes {
		if o := r.cluster.Ask(ctx, i, p2p.Leave{}); o.Err != nil {
			return fmt.Errorf("%s could not leave: %w", r.cluster.Name(i), o.Err)
		}
	}
	return nil
}

// event makes the event of a plan.
func (r *Resident) event(q Disturbance) (e plan.Event, err error) {
	e = plan.Event{Do: q.Do, OneWay: q.OneWay, Up: q.Up, Down: q.Down, Label: q.Heal}
	c := r.cluster
	active := func(i int) bool { return c.Condition(i) == "up" }
	switch q.Do {
	case plan.Leave, plan.Pause:
		e.Nodes, err = r.choose(q.Nodes, string(q.Do), active)
	case plan.Crash, plan.Vanish:
		e.Nodes, err = r.choose(q.Nodes, string(q.Do), c.Up)
	case plan.Restart:
		e.Nodes, err = r.choose(q.Nodes, "restart", func(i int) bool { return !c.Up(i) })
	case plan.Resume:
		e.Nodes, err = r.choose(q.Nodes, "resume", func(i int) bool { return c.Condition(i) == "paused" })
	case plan.Cut:
		e.Groups, err = r.groups(q.Groups)
		if err == nil && q.OneWay && len(e.Groups) != 2 {
			err = errors.New("-one-way: want two groups, from the first to the second")
		}
	case plan.Throttle:
		e.Nodes, err = r.choose(q.Nodes, "throttle", func(int) bool { return true })
	case plan.Shape:
		if e.File = q.Table; e.File == "" {
			e.Links, err = r.links(q)
		}
	case plan.Heal:
		if err = r.healable(q.Heal); err != nil {
			return e, err
		}
	default:
		err = fmt.Errorf("no disturbance %q; there are leave, crash, vanish, restart, pause, resume, cut, throttle, shape and heal", q.Do)
	}
	return e, err
}

// healable reports a name that no lasting fault heals by.
func (r *Resident) healable(name string) error {
	var all []string
	for _, f := range r.cluster.Lasting() {
		if f.Handle == "" {
			continue
		}
		if kind, _, _ := strings.Cut(f.Handle, " "); name == f.Handle || name == kind || name == f.Name {
			return nil
		}
		all = append(all, fmt.Sprintf("%q (%s)", f.Handle, f.Text))
	}
	switch {
	case len(all) == 0:
		return errors.New("there is nothing to heal; what is down comes back by peerbed restart, what is paused by peerbed resume, and peerbed shape without flags makes links perfect")
	case name == "":
		return nil
	}
	return fmt.Errorf("there is nothing called %q to heal; there is %s", name, strings.Join(all, ", "))
}

// links adds what is asked of links to what they are like already: of all, or
// of those between two groups, both ways.
func (r *Resident) links(q Disturbance) (*linkmodel.Model, error) {
	if q.Groups == "" {
		return &linkmodel.Model{Default: q.Link}, nil
	}
	groups, err := r.groups(q.Groups)
	if err != nil {
		return nil, err
	}
	m := r.cluster.Shaped()
	for g := range groups {
		for h := range groups {
			if g == h {
				continue
			}
			for _, i := range groups[g] {
				for _, j := range groups[h] {
					m.Pairs = append(m.Pairs, linkmodel.Pair{From: r.cluster.Addr(i), To: r.cluster.Addr(j), Link: q.Link})
				}
			}
		}
	}
	return &m, nil
}

// told says what came of an event, by the faults before it and after.
func (r *Resident) told(e plan.Event, before []harness.Fault) (text, proof string) {
	after := r.cluster.Faults()
	text = string(e.Do)
	switch {
	case len(after) > len(before) && e.Do != plan.Leave: // which is a fault for each node
		text = after[len(after)-1].Text
	case len(e.Nodes) > 0:
		text += " of " + r.cluster.Names(e.Nodes)
	case e.Do == plan.Heal:
		text = "healed: " + strings.Join(ended(before, after), ", ")
	case e.Do == plan.Shape:
		text = "links are perfect again"
	}
	for i, f := range after {
		n := len(f.Proofs)
		if n > 0 && (i >= len(before) || n > len(before[i].Proofs)) {
			proof = fmt.Sprintf("probed: asked %s; got %s", f.Proofs[n-1].Asked, f.Proofs[n-1].Got)
		}
	}
	return text, proof
}

// ended lists the faults that lasted before and do not any more.
func ended(before, after []harness.Fault) (texts []string) {
	for i, f := range before {
		if f.Until == 0 && after[i].Until != 0 {
			texts = append(texts, f.Text)
		}
	}
	return texts
}

func (r *Resident) wait(ctx context.Context, q Wait) (Done, error) {
	if q.For <= 0 {
		return Done{}, errors.New("want how long to wait: peerbed wait 30s")
	}
	pass := func() error { return r.cluster.Sleep(ctx, q.For) }
	var err error
	if r.cluster.About().Virtual {
		err = r.change(ctx, "wait", pass)
	} else {
		err = pass()
	}
	return Done{Text: fmt.Sprintf("%v have passed", q.For)}, err
}
