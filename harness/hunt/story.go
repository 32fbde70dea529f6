package hunt

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"peerbed/harness/plan"
	"peerbed/harness/sim"
	"peerbed/protocols/p2p"
)

const (
	linesBefore = 40 // of a story, before the violation
	linesAfter  = 5
)

// A story is what happened around a violation: the last lines before it, the
// states at that moment, and a few lines of what came then.
type story struct {
	r      *run
	at     time.Duration // of the violation, on the plan's clock
	before []string
	after  []string
	states []p2p.State // at that moment
	end    []p2p.State // of the run
}

// hear takes an event of the world. What is sent is told when it is heard or
// lost.
func (t *story) hear(e *sim.Event) {
	if e.What == sim.Send || e.Kind == "deadline" || e.Node >= 0 && t.r.order[e.Node] < 0 {
		return
	}
	line := t.name(e.Node) + " " + string(e.What)
	if e.Kind != "" {
		line += " " + e.Kind
	}
	if e.Peer != 0 {
		line += map[bool]string{true: " from ", false: " to "}[e.What == sim.Hear] + e.Peer.String()
	}
	if v := reflect.ValueOf(e.Msg); e.What != sim.Fire && v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct {
		line += fmt.Sprintf(" %+v", v.Elem())
	}
	if e.Why != "" {
		line += " (" + e.Why + ")"
	}
	t.add(line)
}

// changed takes a node's new state.
func (t *story) changed(s p2p.State) {
	t.add(fmt.Sprintf("%v is now %s", s.Self, t.show(s)))
}

func (t *story) show(s p2p.State) string {
	if t.r.s.Show != nil {
		return t.r.s.Show(s)
	}
	return fmt.Sprintf("%+v", s)
}

func (t *story) add(line string) {
	now := t.r.clock()
	line = fmt.Sprintf("%11v  %s", now.Round(time.Microsecond), line)
	if now > t.at && t.states == nil {
		t.states = slices.Clone(t.r.live)
	}
	switch {
	case t.states == nil:
		t.before = append(t.before, line)
		t.before = t.before[max(0, len(t.before)-linesBefore):]
	case len(t.after) < linesAfter:
		t.after = append(t.after, line)
	}
}

// name is what the node that was spawned as the n-th is called; the network is -1.
func (t *story) name(n int) string {
	if n < 0 {
		return "the network"
	}
	return t.r.specs[t.r.order[n]].Addr.String()
}

// names writes addresses as "n3", and behind it the beginning of the id where
// nodes have one, since ids are what the order of nodes follows.
func (t *story) names() *strings.Replacer {
	var pairs []string
	for i, s := range t.r.specs {
		name := fmt.Sprintf("n%d", i)
		if id := t.r.states[i].ID; id != "" {
			name += "/" + id[:min(4, len(id))]
		}
		pairs = append(pairs, s.Addr.String(), name)
	}
	return strings.NewReplacer(pairs...)
}

// story plays a case that is known to violate an invariant once more, and tells
// what happened. It notes in the case since when the violation lasts.
func (s *Sweep) story(c *Case) {
	v := c.Violation
	last := v
	if i := slices.IndexFunc(s.Finally, func(f Invariant) bool { return f.Name == v.Invariant }); i >= 0 {
		r := &run{s: s, c: c, tracked: &s.Finally[i]}
		if r.play(); r.since != nil {
			v = *r.since
		}
	}
	r := &run{s: s, c: c}
	t := &story{r: r, at: v.At}
	r.tell = t
	r.play()
	t.end = slices.Clone(r.live)
	if !r.panicked {
		r.w.Run(time.Second)
	}
	if t.states == nil {
		t.states = t.end
	}
	names := t.names()
	v.Why = names.Replace(v.Why)
	c.Violation = v
	c.Story = nil
	for _, l := range t.lines(v, last) {
		c.Story = append(c.Story, names.Replace(l))
	}
}

// lines writes the story of a violation that began as v and was found as last.
func (t *story) lines(v, last Violation) []string {
	c := t.r.c
	lines := []string{fmt.Sprintf("%s, seed %d %s", c.Protocol, c.Seed, strings.Join(c.Config, " ")),
		fmt.Sprintf("there at first: %s", numbered(c.Up))}
	for _, e := range c.Events {
		lines = append(lines, fmt.Sprintf("%11v  %s", e.At, describe(e)))
	}
	lines = append(lines, "", fmt.Sprintf("The last %d lines before the violation:", len(t.before)))
	lines = append(lines, t.before...)
	lines = append(append(lines, t.verdict(v, "VIOLATED", t.states)...), t.after...)
	if last.At != v.At {
		lines = append(lines, t.verdict(last, "STILL VIOLATED", t.end)...)
	}
	return lines
}

func (t *story) verdict(v Violation, what string, states []p2p.State) []string {
	lines := []string{fmt.Sprintf("%11v  %s: %s: %s", v.At.Round(time.Microsecond), what, v.Invariant, v.Why)}
	for _, s := range states {
		lines = append(lines, fmt.Sprintf("%13s%v: %s", "", s.Self, t.show(s)))
	}
	return lines
}

// describe writes an event of a plan as people say it.
func describe(e plan.Event) string {
	what := string(e.Do)
	if e.Do == plan.Restart {
		what = "join"
	}
	if len(e.Nodes) > 0 {
		what += " " + numbered(e.Nodes)
	}
	switch e.Do {
	case plan.Cut, plan.Drop:
		sides := make([]string, len(e.Groups))
		for i, g := range e.Groups {
			sides[i] = cmp.Or(numbered(g), "all")
		}
		arrow := map[bool]string{true: " > ", false: " | "}[e.OneWay || e.Do == plan.Drop]
		what += " " + strings.Join(sides, arrow)
		if e.Do == plan.Drop {
			what += fmt.Sprintf(" %.0f %%", 100*e.Share)
		}
	case plan.Shape:
		what += fmt.Sprintf(" %+v", e.Links.Default)
	case plan.Heal:
		what += " " + cmp.Or(e.Label, "all")
	}
	return strings.TrimSpace(what + " " + e.Name)
}

func numbered(nodes []int) string {
	names := make([]string, len(nodes))
	for k, i := range nodes {
		names[k] = fmt.Sprintf("n%d", i)
	}
	return strings.Join(names, " ")
}
