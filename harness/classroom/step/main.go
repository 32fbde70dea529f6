package step

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"peerbed/protocols/p2p"
)

// Main plays nodes of the protocol as the grader on standard input says, until
// that ends, and exits.
func Main(p *p2p.Protocol) {
	if err := Play(p, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Play is Main between any two ends.
func Play(p *p2p.Protocol, in io.Reader, out io.Writer) error {
	r := bufio.NewReaderSize(in, 1<<16)
	w := bufio.NewWriter(out)
	nodes := map[int]*env{}
	for {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("step: a line of more than %d bytes", r.Size())
		}
		var e Event
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("step: %q is no event: %w", line, err)
		}
		did, err := hear(p, nodes, e)
		if err != nil {
			return err
		}
		b, err := json.Marshal(did)
		if err != nil {
			return fmt.Errorf("step: %w", err)
		}
		w.Write(append(b, '\n'))
		if err := w.Flush(); err != nil {
			return fmt.Errorf("step: %w", err)
		}
	}
}

// hear gives a node an event and returns what it did.
func hear(p *p2p.Protocol, nodes map[int]*env, e Event) ([]Action, error) {
	if e.Event == "start" {
		n, err := newEnv(p, e)
		if err != nil {
			return nil, err
		}
		nodes[e.Node] = n
	}
	n := nodes[e.Node]
	if n == nil {
		return nil, fmt.Errorf("step: %s at node %d, which has not started", e.Event, e.Node)
	}
	n.did = []Action{}
	n.now = e.Now
	switch e.Event {
	case "start":
		n.node.Start(n)
	case "message":
		n.message(e)
	case "timer":
		n.timer(e.Timer)
	case "do":
		n.do(e)
	case "inspect":
		if err := n.inspect(); err != nil {
			return nil, err
		}
	case "stop":
		delete(nodes, e.Node)
	default:
		return nil, fmt.Errorf("step: no event %q", e.Event)
	}
	return n.did, n.err
}

func (n *env) do(e Event) {
	var op p2p.Op = p2p.Find{Name: e.Name}
	if e.Do == "leave" {
		op = p2p.Leave{}
	}
	n.node.Do(op, func(r p2p.Result) {
		a := Action{Result: &e.Op, Found: r.Found, ID: r.ID, Hops: r.Hops}
		if r.Err != nil {
			a.Error = r.Err.Error()
		}
		n.did = append(n.did, a)
	})
}

func (n *env) inspect() error {
	s := n.node.Inspect()
	detail, err := json.Marshal(s.Detail)
	if err != nil {
		return fmt.Errorf("step: the detail of a state: %w", err)
	}
	n.did = append(n.did, Action{State: &State{ID: s.ID, Neighbours: slices.Clone(s.Neighbours), Stored: s.Stored, Detail: detail}})
	return nil
}
