package classroom

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"peerbed/harness/classroom/step"
	"peerbed/protocols/p2p"
)

// A packet is a datagram of a submission: any JSON.
type packet struct{ body json.RawMessage }

func (*packet) Kind() p2p.Kind { return p2p.First }
func (m *packet) Size() int    { return len(m.body) }

// An alarm is a timer of a submission.
type alarm struct {
	p2p.Alarm
	timer int64
}

// A node is one that a submission's program plays.
type node struct {
	stage  *stage
	number int // of this life
	env    p2p.Env
	config map[string]string
	seed   uint64
	wishes map[int64]func(p2p.Result)
	last   int64
	state  step.State
}

// A stage is where a program plays its nodes: one process for all, or one each.
type stage struct {
	program *Program
	split   bool
	procs   map[int]*process // by node if it is split; else 0
	nodes   map[int]*node    // alive
	lives   int
	config  func(a p2p.Addr) (map[string]string, uint64)
	fault   error  // the first, of the program or the harness; nothing is asked after it
	hash    uint64 // of all lines, each way
}

func newStage(p *Program, split bool) *stage {
	return &stage{program: p, split: split, procs: map[int]*process{}, nodes: map[int]*node{}}
}

// protocol is the submission as the simulator takes it.
func (s *stage) protocol() *p2p.Protocol {
	return &p2p.Protocol{
		Name: "submission",
		New: func(any, *p2p.State) p2p.Node {
			s.lives++
			return &node{stage: s, number: s.lives - 1, wishes: map[int64]func(p2p.Result){}}
		},
		Kinds:     []p2p.KindInfo{{Name: "message", Class: p2p.Lookup, Blank: &packet{}}},
		Datagrams: func() p2p.Codec { return packets{} },
	}
}

// packets is the codec of packets: their JSON.
type packets struct{}

func (packets) Append(dst []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	return append(dst, m.(*packet).body...), p2p.Content{}, nil
}

func (packets) Next(src []byte, _ bool) (p2p.Msg, int, error) {
	if !json.Valid(src) {
		return nil, 0, fmt.Errorf("classroom: %w: no JSON", p2p.ErrMalformed)
	}
	return &packet{json.RawMessage(string(src))}, len(src), nil
}

// close ends all processes.
func (s *stage) close() {
	for _, q := range s.procs {
		q.stop()
	}
}

func (s *stage) process(n *node) (*process, error) {
	key := 0
	if s.split {
		key = n.number
	}
	if q := s.procs[key]; q != nil {
		return q, nil
	}
	q, err := s.program.start()
	if err == nil {
		s.procs[key] = q
	}
	return q, err
}

// tell hands the node an event and carries out what it answers.
func (n *node) tell(e step.Event) {
	s := n.stage
	if s.fault != nil {
		return
	}
	e.Node = n.number
	if n.env != nil {
		e.Now = int64(n.env.Now())
	}
	line, err := json.Marshal(e)
	if err != nil {
		s.fault = fmt.Errorf("classroom: %w", err)
		return
	}
	line = append(line, '\n')
	actions, err := s.ask(n, line)
	if err != nil {
		s.fault = err
		return
	}
	for _, a := range actions {
		if err := n.act(a); err != nil {
			s.fault = &Fault{What: err.Error()}
			return
		}
	}
}

func (s *stage) ask(n *node, line []byte) ([]step.Action, error) {
	q, err := s.process(n)
	if err != nil {
		return nil, err
	}
	answer, err := q.call(line)
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(line, []byte(`"event":"inspect"`)) { // which is asked more often when a run is told
		s.note(line)
		s.note(answer)
	}
	return q.actions(answer)
}

// note adds a line to the hash.
func (s *stage) note(line []byte) {
	h := fnv.New64a()
	fmt.Fprintf(h, "%x", s.hash)
	h.Write(line)
	s.hash = h.Sum64()
}

var errAction = errors.New("an action wants exactly one of send, after, result and state")

// act carries out one action.
func (n *node) act(a step.Action) error {
	given := 0
	for _, is := range []bool{a.Send != nil, a.After != nil, a.Result != nil, a.State != nil} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return errAction
	case a.Send != nil:
		return n.send(a)
	case a.After != nil:
		n.env.After(time.Duration(max(*a.After, 0)), &alarm{timer: a.Timer})
	case a.Result != nil:
		return n.result(a)
	default:
		n.state = *a.State
	}
	return nil
}

func (n *node) send(a step.Action) error {
	to, err := p2p.ParseAddr(*a.Send)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if a.Body == nil {
		a.Body = json.RawMessage("null")
	}
	body, err := shortest(a.Body)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	p2p.Send(n.env, to.Peer(), packet{body})
	return nil
}

func (n *node) result(a step.Action) error {
	done := n.wishes[*a.Result]
	if done == nil {
		return fmt.Errorf("result %d: no such wish is open", *a.Result)
	}
	delete(n.wishes, *a.Result)
	r := p2p.Result{Found: a.Found, ID: a.ID, Hops: a.Hops}
	if a.Error != "" {
		r.Err = errors.New(a.Error)
	}
	done(r)
	return nil
}

func (n *node) Start(env p2p.Env) {
	n.env = env
	n.stage.nodes[n.number] = n
	n.config, n.seed = n.stage.config(env.Self())
	n.tell(step.Event{Event: "start", Self: env.Self().String(), Seed: n.seed, Config: n.config})
}

func (n *node) Handle(from p2p.Peer, m p2p.Msg) {
	switch m := m.(type) {
	case *packet:
		n.tell(step.Event{Event: "message", From: from.Addr.String(), Body: m.body})
	case *alarm:
		n.tell(step.Event{Event: "timer", Timer: m.timer})
	}
}

func (n *node) Do(op p2p.Op, done func(p2p.Result)) {
	n.last++
	n.wishes[n.last] = done
	e := step.Event{Event: "do", Op: n.last, Do: "leave"}
	if f, ok := op.(p2p.Find); ok {
		e.Do, e.Name = "find", f.Name
	}
	n.tell(e)
}

// Inspect asks the program for the node's state.
func (n *node) Inspect() p2p.State {
	n.state = step.State{}
	n.tell(step.Event{Event: "inspect"})
	return p2p.State{Self: n.env.Self(), ID: n.state.ID, Neighbours: n.state.Neighbours, Detail: n.state.Detail}
}

// stop tells the program that the node is no more.
func (n *node) stop() {
	n.tell(step.Event{Event: "stop"})
	delete(n.stage.nodes, n.number)
	if q := n.stage.procs[n.number]; n.stage.split && q != nil {
		q.stop()
	}
}

// shortest is JSON without spaces.
func shortest(body json.RawMessage) (json.RawMessage, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, body); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
