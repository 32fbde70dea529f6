package chord

import (
	"time"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// The timetable of a node. Each is due after its mean time in Config, half to
// one and a half of it, so that nodes do not fall into step.
const (
	tickStabilize p2p.Tick = iota
	tickFixFingers
	tickCheckPred
	tickRepair
	tickJoin
	tickMerge
)

// A Ref is a node as others know it: its address, and its id, which is worked
// out from the address here and never taken from a message. So nobody can
// choose its place on the ring. The zero Ref is nobody.
type Ref struct {
	Addr p2p.Addr
	ID   ring.ID
}

func (r Ref) known() bool    { return r.Addr != 0 }
func (r Ref) peer() p2p.Peer { return r.Addr.Peer() }

// Chord is one node of a ring; or, where nodes are virtual, one point of a node.
//
// A simulator keeps a million of them: what most do without most of the time is
// made when it is needed.
type Chord struct {
	p2p.Env         // of the node
	env     p2p.Env // of this point of it
	cfg     *Config
	me      Ref
	pred    Ref    // zero: not known
	succs   []Ref  // clockwise, nearest first; just me: alone; empty: not in a ring
	fingers []Ref  // clockwise, nearest first, one a row; see fingers.go
	first   [1]Ref // where succs begin, while there is no more than one
	calls   p2p.Calls

	asked  Ref // whom the round of stabilisation asks; zero: none is under way
	pinged Ref // the predecessor, while it is pinged
	doubt  Ref // whom another node calls dead, while it is pinged
	missed struct{ succ, pred uint8 }

	running bool     // the timetable is
	gone    bool     // it left
	row     int16    // of the finger table, to be repaired next
	fix     *lookup  // that repairs it; nil: none is under way
	routes  *lookup  // recursive lookups that wait for their end, a list
	tour    *tour    // of the strong stabiliser; nil: none yet
	merge   *merge   // with a ring that this one was cut from; nil: it is off
	start   *Detail  // to be taken up instead of joining
	intro   door     // nil: it has nothing to do
	taken   p2p.Addr // who has my id, if I could not join because of it
	*objects
}

// objects are what has to do with the objects that a node stores for the network.
type objects struct {
	store  []entry   // in order of name
	shared []entry   // what it published that only pointers lead to
	takes  []*intake // objects that others are sending
	repair repair
	stray  stray
}

// own returns the node's objects, to be changed. Those of a node that never had
// any are nil.
func (c *Chord) own() *objects {
	if c.objects == nil {
		c.objects = &objects{}
	}
	return c.objects
}

// stored lists what the node stores.
func (c *Chord) stored() []entry {
	if c.objects == nil {
		return nil
	}
	return c.store
}

// Start implements [p2p.Node].
func (c *Chord) Start(env p2p.Env) {
	c.Env, c.env = env, (*pointEnv)(c)
	c.succs = c.first[:0]
	c.me.ID = c.cfg.M.Addr(c.me.Addr)
	c.calls = p2p.Calls{Env: c.env, Patience: c.cfg.Patience, Waits: c.waits()}
	c.restore()
	if c.start != nil {
		c.takeUp(c.start)
		c.start = nil
		return
	}
	c.door().Ask()
}

// door returns how the node hears through whom it may join.
func (c *Chord) door() door {
	if c.intro == nil {
		client := &introducer.Client{}
		client.Open(c.env, c.cfg.Introducer, c)
		c.intro = client
	}
	return c.intro
}

// knock lets the door hear a message, and forgets a door that has done its work.
func (c *Chord) knock(from p2p.Peer, m p2p.Msg) {
	if c.intro == nil {
		return
	}
	c.intro.Handle(from, m)
	if client, ok := c.intro.(*introducer.Client); ok && client.Idle() {
		c.intro = nil
	}
}

// in reports whether the node is in a ring.
func (c *Chord) in() bool { return len(c.succs) > 0 }

// alone reports whether the node is a ring of its own.
func (c *Chord) alone() bool { return c.in() && c.succs[0] == c.me }

// Handle implements [p2p.Node]. A node that is not in a ring answers nothing,
// so that those who still list it from before it crashed find it dead.
func (c *Chord) Handle(from p2p.Peer, m p2p.Msg) {
	if k := m.Kind(); c.gone || k >= p2p.First && k <= lastQuestion && !c.in() {
		return
	}
	switch m := m.(type) {
	case p2p.Tick:
		c.tick(m)
	case *next:
		c.answerNext(from, m)
	case *seek:
		c.answerSeek(from, m)
	case *route:
		c.relay(from, m)
	case *routed:
		c.arrived(m.Nonce, &m.choice, m.Path)
	case *getNeighbours:
		c.answerNeighbours(from, m)
	case *notify:
		c.notified(c.ref(from.Addr))
	case *ping:
		p2p.Reply(c.env, from, m.Tag, pong{})
	case *has:
		p2p.Reply(c.env, from, m.Tag, c.holds(m.Name))
	case *remove:
		c.removeHere(from, m)
	case *bye:
		c.left(from.Addr, m)
	case *meet:
		c.merge.begin(m.Through)
	case *put:
		c.take(from, m)
	case *get:
		c.give(from, m)
	case *introducer.Peers:
		c.introduced(m)
	case alarm:
		m.rang()
	default:
		c.calls.Handle(from, m)
		c.knock(from, m)
	}
}

// An alarm is an operation that is its own timer.
type alarm interface{ rang() }

func (c *Chord) tick(t p2p.Tick) {
	switch t {
	case tickStabilize:
		c.every(c.cfg.Stabilize, t, c.round)
	case tickFixFingers:
		c.every(c.cfg.FixFingers, t, c.fixFingers)
	case tickCheckPred:
		c.every(c.cfg.CheckPred, t, c.checkPredecessor)
	case tickRepair:
		c.every(c.cfg.Repair, t, c.repairStore)
	case tickMerge:
		c.every(c.cfg.Merge, t, c.merge.probe)
	case tickJoin:
		if !c.in() || c.alone() {
			c.door().Ask()
		}
	}
}

// every sets the next tick and does, in a ring, what this one is for.
func (c *Chord) every(mean time.Duration, t p2p.Tick, do func()) {
	c.after(mean, t)
	if c.in() {
		do()
	}
}

// run starts the timetable, once.
func (c *Chord) run() {
	if c.running {
		return
	}
	c.running = true
	c.after(c.cfg.Stabilize, tickStabilize)
	c.after(c.cfg.FixFingers, tickFixFingers)
	c.after(c.cfg.CheckPred, tickCheckPred)
	if c.cfg.Merge > 0 {
		c.merge = &merge{c: c}
		c.after(c.cfg.Merge, tickMerge)
	}
}

// after sets a timer for half to one and a half times mean from now.
func (c *Chord) after(mean time.Duration, t p2p.Msg) {
	c.env.After(mean/2+time.Duration(c.env.Rand().Int64N(int64(mean))), t)
}

// Do implements [p2p.Node].
func (c *Chord) Do(op p2p.Op, done func(p2p.Result)) {
	if !c.in() {
		done(p2p.Result{Err: c.notJoined()})
		return
	}
	switch op := op.(type) {
	case p2p.Publish:
		c.publish(op.Name, done)
	case p2p.Find:
		c.find(op.Name, (*find).report, done)
	case p2p.Fetch:
		c.find(op.Name, (*find).download, done)
	case p2p.Remove:
		c.remove(op.Name, done)
	case p2p.Leave:
		c.leave(done)
	default:
		done(p2p.Result{Err: p2p.ErrUnsupported})
	}
}

// Inspect implements [p2p.Node].
func (c *Chord) Inspect() p2p.State {
	d := Detail{ID: c.me.ID, M: c.cfg.M, Predecessor: c.pred.Addr}
	s := p2p.State{Self: c.me.Addr, ID: c.cfg.M.Text(c.me.ID)}
	if c.pred.known() {
		s.Neighbours = c.neighbour(s.Neighbours, c.pred.Addr)
	}
	for _, r := range c.succs {
		d.Successors = append(d.Successors, r.Addr)
		s.Neighbours = c.neighbour(s.Neighbours, r.Addr)
	}
	for _, r := range c.fingers {
		d.Fingers = append(d.Fingers, Finger{c.cfg.M.Row(c.me.ID, r.ID), r.Addr})
		s.Neighbours = c.neighbour(s.Neighbours, r.Addr)
	}
	for _, o := range c.stored() {
		if !o.Gone {
			s.Stored = append(s.Stored, o.Name)
		}
	}
	s.Detail = d
	return s
}

// takeUp continues from a state instead of joining.
func (c *Chord) takeUp(d *Detail) {
	if d.Predecessor != 0 {
		c.pred = c.ref(d.Predecessor)
	}
	for _, a := range d.Successors {
		c.succs = append(c.succs, c.ref(a))
	}
	c.fingers = make([]Ref, 0, len(d.Fingers))
	for _, f := range d.Fingers {
		c.fingers = append(c.fingers, c.ref(f.Node))
	}
	if !c.in() {
		c.succs = append(c.succs, c.me)
	}
	c.run()
	c.door().Joined()
}
