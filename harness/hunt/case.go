package hunt

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"peerbed/harness/plan"
	"peerbed/protocols/linkmodel"
)

// A Case is one run as it can be kept and played again: all that it follows
// from, but for the code. Node numbers are those of the plan.
type Case struct {
	Protocol string
	Config   []string        `json:",omitempty"`
	Nodes    int             // numbered from 0; some may never be there
	Seed     uint64          // of nodes and links
	Port     uint16          // where all listen: it lays out the ids
	Links    linkmodel.Model `json:",omitzero"` // the zero Model: sim.Usual
	Up       []int           // who is there at first
	Events   []plan.Event    // their times count from the end of the lead
	End      time.Duration   // of the plan; the rest comes after it
	Strict   bool            `json:",omitempty"` // played strict and poisoned

	Violation
	Story []string `json:",omitempty"` // what happened around the violation, if it is kept
}

// A Violation is what was found wrong.
type Violation struct {
	Invariant string        `json:",omitempty"` // its name
	At        time.Duration `json:",omitempty"` // on the plan's clock
	Why       string        `json:",omitempty"`
}

// outset is the case of a seed before anything has shrunk.
func (s *Sweep) outset(seed uint64) (*Case, error) {
	f := plan.Facts{Seed: seed, Nodes: s.Nodes, For: s.For}
	events, err := plan.Timeline(f, s.Draw)
	if err != nil {
		return nil, fmt.Errorf("hunt: seed %d: %w", seed, err)
	}
	c := &Case{Protocol: s.Protocol.Name, Config: s.Config, Nodes: s.Nodes, Seed: seed, Port: 1024 + uint16(seed%60_000),
		Links: s.Links, End: s.For, Strict: seed%s.strict() == 0}
	for i := range s.Nodes {
		c.Up = append(c.Up, i)
	}
	if slices.ContainsFunc(events, func(e plan.Event) bool { return each(e.Do) && len(e.Nodes) > 1 }) {
		c.Events = make([]plan.Event, 0, len(events))
	} else {
		c.Events = events[:0] // in their own places: they are large, and may be many
	}
	for i := range events {
		c.add(&events[i])
	}
	return c, nil
}

// each reports whether each node could do what is asked without the others.
func each(do plan.Verb) bool {
	switch do {
	case plan.Crash, plan.Vanish, plan.Leave, plan.Restart, plan.Pause, plan.Resume:
		return true
	}
	return false
}

// add takes an event over: as one for each node, if each node could do without
// the others.
func (c *Case) add(e *plan.Event) {
	switch {
	case e.Do == plan.Away:
		c.Up = slices.DeleteFunc(c.Up, func(i int) bool { return slices.Contains(e.Nodes, i) })
	case each(e.Do) && len(e.Nodes) != 1:
		for _, i := range e.Nodes {
			one := *e
			one.Nodes = []int{i}
			c.Events = append(c.Events, one)
		}
	default:
		c.Events = append(c.Events, *e)
	}
}

// clone returns a copy that shares nothing that shrinking changes.
func (c *Case) clone() *Case {
	d := *c
	d.Up, d.Events = slices.Clone(c.Up), slices.Clone(c.Events)
	d.Violation, d.Story = Violation{}, nil
	return &d
}

// Save writes the case to a file that Run plays with -plan, and people read.
func (c *Case) Save(file string) error {
	b, err := json.MarshalIndent(c, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}

// load reads a case, and checks that it is one of the sweep's protocol.
func (s *Sweep) load(file string) (*Case, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("hunt: %w", err)
	}
	c := &Case{}
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("hunt: %s is no plan that a hunt has saved: %w", file, err)
	}
	if c.Protocol != s.Protocol.Name {
		return nil, fmt.Errorf("hunt: %s is a plan for %s; this sweep is of %s", file, c.Protocol, s.Protocol.Name)
	}
	return c, c.Check()
}

// maxNodes bounds what a file can ask for.
const maxNodes = 10_000

// Check reports what makes no sense in a case that was read.
func (c *Case) Check() error {
	if c.Nodes < 1 || c.Nodes > maxNodes {
		return fmt.Errorf("hunt: a plan for %d nodes: want 1 to %d", c.Nodes, maxNodes)
	}
	wrong := func(list []int) error {
		for _, i := range list {
			if i < 0 || i >= c.Nodes {
				return fmt.Errorf("hunt: there is no node %d: they are numbered from 0 to %d", i, c.Nodes-1)
			}
		}
		return nil
	}
	err := wrong(c.Up)
	for _, e := range c.Events {
		if err == nil {
			err = errors.Join(wrong(slices.Concat(append(e.Groups, e.Nodes)...)), sound(e))
		}
	}
	return err
}

// sound reports what an event lacks.
func sound(e plan.Event) error {
	switch {
	case (e.Do == plan.Cut || e.Do == plan.Drop) && len(e.Groups) < 2:
		return fmt.Errorf("hunt: %s at %v: want two Groups", e.Do, e.At)
	case e.Do == plan.Shape && e.Links == nil:
		return fmt.Errorf("hunt: shape at %v: want Links", e.At)
	}
	return nil
}
