package classroom

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"peerbed/harness/hunt"
	"peerbed/harness/plan"
	"peerbed/harness/sim"
)

// What a story tells: the last lines before the violation, and some after it.
const (
	linesBefore = 30
	linesAfter  = 5
	bodySize    = 160
)

// A story is what happened around a violation.
type story struct {
	r             *run
	at            time.Duration // of the violation
	before, after []string
}

// hear takes an event of the simulator. What is sent is told when it is heard or
// lost.
func (s *story) hear(e *sim.Event) {
	if e.What == sim.Send || e.Node < 0 {
		return
	}
	line := fmt.Sprintf("%10.3fs  %s ", e.At.Seconds(), s.name(e.Node))
	switch {
	case e.What == sim.Hear:
		line += fmt.Sprintf("hears from %s %s", s.r.short(s.r.by[e.Peer]), body(e))
	case e.What == sim.Drop:
		line += fmt.Sprintf("sends in vain (%s) to %v %s", e.Why, e.Peer, body(e))
	case e.What == sim.Fire:
		line += "hears its timer " + body(e)
	default:
		line += strings.TrimSpace(string(e.What) + " " + e.Why)
	}
	if e.At <= s.at {
		s.before = append(s.before, line)
		s.before = s.before[max(0, len(s.before)-linesBefore):]
	} else if len(s.after) < linesAfter {
		s.after = append(s.after, line)
	}
}

// body is what a message or a timer carries.
func body(e *sim.Event) string {
	switch m := e.Msg.(type) {
	case *packet:
		b := string(m.body)
		if len(b) > bodySize {
			b = strings.ToValidUTF8(b[:bodySize], "") + "..."
		}
		return b
	case *alarm:
		return fmt.Sprint(m.timer)
	}
	if e.Msg != nil {
		return reflect.TypeOf(e.Msg).String()
	}
	return ""
}

// name is what the node is called that was spawned as the n-th.
func (s *story) name(n int) string { return s.r.short(s.r.order[n]) }

// short is a node's number and id.
func (r *run) short(i int) string { return fmt.Sprintf("n%d/%s", i, hexID(r.ids[i])) }

// lines writes the story of a violation.
func (s *story) lines(v hunt.Violation) []string {
	lines := []string{"The faults:", "    0.000s  n0 starts"}
	for _, e := range s.r.c.Events {
		what := map[plan.Verb]string{plan.Restart: "start", plan.Crash: "crash", plan.Leave: "leave"}[e.Do]
		names := make([]string, len(e.Nodes))
		for k, i := range e.Nodes {
			names[k] = s.r.short(i)
		}
		lines = append(lines, fmt.Sprintf("%9.3fs  %s: %s", e.At.Seconds(), strings.Join(names, " "), what))
	}
	if v.Invariant == "" {
		return lines
	}
	lines = append(lines, fmt.Sprintf("The last %d events before the violation:", len(s.before)))
	lines = append(lines, s.before...)
	lines = append(lines, fmt.Sprintf("%10.3fs  VIOLATED %s: %s", v.At.Seconds(), v.Invariant, v.Why))
	return append(lines, s.after...)
}
