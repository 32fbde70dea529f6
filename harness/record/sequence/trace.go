package sequence

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"peerbed/harness/sim"
	"peerbed/protocols/p2p"
)

// A Choice picks events of a trace. The zero Choice picks all.
type Choice struct {
	Operation uint32        // the number of a wish, see Trace.Wishes; 0: any
	From, To  time.Duration // since the run began, both included; To 0: to the end
	Nodes     []string      // where they happen, by name; none: anywhere
	Last      int           // only so many messages, the last ones; 0: all
}

func (c *Choice) picks(e *sim.Event, node string) bool {
	return (c.Operation == 0 || e.Cause == c.Operation) &&
		e.At >= c.From && (c.To == 0 || e.At <= c.To) &&
		(len(c.Nodes) == 0 || slices.Contains(c.Nodes, node))
}

// A Trace is a part of what happened in a run.
type Trace struct {
	Nodes  []Node      // all of the run, by the number that events have
	Wishes []Wish      // all of the run
	Events []sim.Event // those that were chosen, of nodes
	All    int         // how many events the run had
}

// A Node is one of the run.
type Node struct {
	Name string
	Addr p2p.Addr
}

// A Wish is an operation that a user asked for.
type Wish struct {
	Number   uint32
	Node     int
	At, Took time.Duration // Took is -1 if there was no outcome
	What     string
	Outcome  string
}

// maxEvents is how many are kept in memory.
const maxEvents = 1 << 20

// ErrTooMany says that a Choice picks more than can be shown.
var ErrTooMany = errors.New("too many: choose an operation, a stretch of time, some nodes or the last so many messages")

// ErrNoNumbers says that a trace cannot tell which message was heard when.
var ErrNoNumbers = errors.New("the trace has no numbers and bytes of messages: write it with -trace, or with sim.Config.Bytes")

// Read reads what the choice picks. If a trace is cut short or damaged it
// returns what stands before that, and an error that names the line.
func Read(r io.Reader, choice Choice) (*Trace, error) {
	t := &Trace{}
	for e, err := range sim.ReadTrace(r) {
		if err == nil {
			err = t.add(&e, &choice)
		}
		if err != nil {
			t.last(choice.Last)
			return t, err
		}
	}
	t.last(choice.Last)
	return t, nil
}

func (t *Trace) add(e *sim.Event, choice *Choice) error {
	t.All++
	switch e.What {
	case sim.Start:
		if e.Node != len(t.Nodes) {
			return fmt.Errorf("sequence: node %d begins after %d others: not a trace of a whole run", e.Node, len(t.Nodes))
		}
		t.Nodes = append(t.Nodes, Node{Name: e.Why, Addr: e.Own})
	case sim.Wish:
		t.Wishes = append(t.Wishes, Wish{Number: e.Cause, Node: e.Node, At: e.At, Took: -1, What: e.Why})
	case sim.Result:
		t.outcome(e)
	case sim.Send:
		if e.N == 0 {
			return ErrNoNumbers
		}
	}
	if e.Node >= len(t.Nodes) || e.Node < -1 {
		return fmt.Errorf("sequence: an event of node %d, which never began", e.Node)
	}
	if e.Node < 0 || !choice.picks(e, t.name(e.Node)) {
		return nil
	}
	if len(t.Events) == maxEvents {
		return fmt.Errorf("sequence: more than %d events are %w", maxEvents, ErrTooMany)
	}
	kept := *e
	kept.Bytes = nil // they are for Capture
	t.Events = append(t.Events, kept)
	return nil
}

// outcome notes how a wish ended: one of the last, most likely.
func (t *Trace) outcome(e *sim.Event) {
	for i := len(t.Wishes) - 1; i >= 0; i-- {
		if w := &t.Wishes[i]; w.Number == e.Cause {
			w.Took, w.Outcome = e.At-w.At, e.Why
			return
		}
	}
}

// last leaves the last n messages that were sent, and what happened meanwhile.
func (t *Trace) last(n int) {
	if n <= 0 {
		return
	}
	for i := len(t.Events) - 1; i >= 0; i-- {
		if t.Events[i].What != sim.Send {
			continue
		}
		if n--; n == 0 {
			t.Events = t.Events[i:]
			return
		}
	}
}

// name is what a node is called.
func (t *Trace) name(i int) string {
	if t.Nodes[i].Name != "" {
		return t.Nodes[i].Name
	}
	return fmt.Sprintf("node-%d", i)
}

// at finds the node that has an address, whichever its port; -1: none has.
func (t *Trace) at() func(p2p.Addr) int {
	places := map[uint32]int{}
	for i, n := range t.Nodes {
		places[n.Addr.IP()] = i
	}
	return func(a p2p.Addr) int {
		if i, ok := places[a.IP()]; ok {
			return i
		}
		return -1
	}
}
