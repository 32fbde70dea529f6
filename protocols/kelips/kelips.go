package kelips

import (
	"slices"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// The timetable of a node.
const (
	tickRound p2p.Tick = iota
	tickJoin
)

// Kelips is one node.
type Kelips struct {
	env   p2p.Env
	cfg   Config
	me    p2p.Addr
	group int // mine
	calls p2p.Calls

	view     []entry // of my group, in order of address
	contacts []entry // Contacts places for each group in turn; a zero entry: the place is free
	former   []former
	left     []entry // who said good-bye: Born says when
	lost     []p2p.Addr
	tuples   []tuple // of files of my group, in order of name and home
	files    []file  // that lie here, in order of name
	takes    []*intake
	probe    probe

	joined bool
	gone   bool // it left
	start  *Detail
	mark   uint64 // counts the changes of what Inspect tells
	client introducer.Client
}

// New makes a node that joins on Start, or takes up a state.
func New(cfg Config, state *p2p.State) *Kelips {
	c := &Kelips{cfg: cfg}
	if state != nil {
		d := state.Detail.(Detail)
		c.cfg.Groups, c.start = d.Groups, &d
	}
	return c
}

// Start implements [p2p.Node].
func (c *Kelips) Start(env p2p.Env) {
	c.env, c.me = env, env.Self()
	c.group = c.cfg.groupOf(c.me)
	c.contacts = make([]entry, c.cfg.Groups*c.cfg.Contacts)
	c.calls = p2p.Calls{Env: env, Patience: c.cfg.Patience}
	c.client.Open(env, c.cfg.Introducer, c)
	c.restore()
	if c.start != nil {
		c.takeUp(c.start)
		c.start = nil
		return
	}
	c.client.Ask()
}

// takeUp continues from a state instead of joining. All heartbeats in it are as
// of now.
func (c *Kelips) takeUp(d *Detail) {
	now := c.env.Now()
	c.view = slices.Grow(c.view, len(d.Members))
	c.tuples = slices.Grow(c.tuples, len(d.Tuples))
	for _, a := range slices.Concat(d.Members, d.Contacts) {
		c.hear(a, now)
	}
	for _, t := range d.Tuples {
		c.note(t.Name, t.Home, now)
	}
	c.enter()
}

// enter begins the rounds: the node is in a network.
func (c *Kelips) enter() {
	c.client.Joined()
	if c.joined {
		return
	}
	c.joined = true
	c.mark++
	c.after(c.cfg.Gossip, tickRound)
}

// bits is how wide the hashes are that place nodes and files.
const bits ring.Bits = 64

// groupOf returns the group of a node: the SHA-1 of its address, modulo k.
func (c *Config) groupOf(a p2p.Addr) int { return int(bits.Addr(a) % ring.ID(c.Groups)) }

// groupFor returns the group of a file: the SHA-1 of its name, modulo k.
func (c *Config) groupFor(name string) int { return int(bits.Hash(name) % ring.ID(c.Groups)) }

// Handle implements [p2p.Node]. A node that is in no network answers nothing.
func (c *Kelips) Handle(from p2p.Peer, m p2p.Msg) {
	if k := m.Kind(); c.gone || k >= p2p.First && k <= lastQuestion && !c.joined {
		return
	}
	switch m := m.(type) {
	case p2p.Tick:
		c.tick(m)
	case *gossip:
		c.hearGossip(from, m)
	case *find:
		c.answerFind(from, m)
	case *insert:
		c.answerInsert(from, m)
	case *refresh:
		c.handOn(m)
	case *has:
		f := c.file(m.Name)
		p2p.Reply(c.env, from, m.Tag, held{Found: f != nil, item: f.what()})
	case *house:
		c.answerHouse(from, m)
	case *remove:
		p2p.Reply(c.env, from, m.Tag, removed{Found: c.evict(m.Name)})
	case *join:
		c.answerJoin(from, m)
	case *ping:
		p2p.Reply(c.env, from, m.Tag, pong{})
	case *bye:
		c.depart(from.Addr, c.env.Now())
	case *put:
		c.take(from, m)
	case *get:
		c.give(from, m)
	case *introducer.Peers:
		c.introduced(m)
	case interface{ rang() }:
		m.rang()
	default:
		c.calls.Handle(from, m)
		c.client.Handle(from, m)
	}
}

func (c *Kelips) tick(t p2p.Tick) {
	switch {
	case t == tickRound:
		c.round()
	case !c.joined:
		c.client.Ask()
	}
}

// Do implements [p2p.Node].
func (c *Kelips) Do(op p2p.Op, done func(p2p.Result)) {
	if !c.joined {
		done(p2p.Result{Err: p2p.ErrNotJoined})
		return
	}
	switch op := op.(type) {
	case p2p.Publish:
		c.publish(op.Name, done)
	case p2p.Find:
		c.find(op.Name, (*finding).report, done)
	case p2p.Fetch:
		c.find(op.Name, (*finding).download, done)
	case p2p.Remove:
		c.remove(op.Name, done)
	case p2p.Leave:
		c.leave()
		done(p2p.Result{})
	default:
		done(p2p.Result{Err: p2p.ErrUnsupported})
	}
}

// Inspect implements [p2p.Node].
func (c *Kelips) Inspect() p2p.State {
	d := Detail{Group: c.group, Groups: c.cfg.Groups}
	s := p2p.State{Self: c.me, ID: bits.Text(bits.Addr(c.me))}
	for i := range c.view {
		d.Members = append(d.Members, c.view[i].Addr)
	}
	for i := range c.contacts {
		if a := c.contacts[i].Addr; a != 0 {
			d.Contacts = append(d.Contacts, a)
		}
	}
	for i := range c.tuples {
		d.Tuples = append(d.Tuples, Tuple{c.tuples[i].Name, c.tuples[i].Home})
	}
	for i := range c.files {
		s.Stored = append(s.Stored, c.files[i].Name)
	}
	s.Neighbours = slices.Concat(d.Members, d.Contacts)
	s.Detail = d
	return s
}

// Mark is another number whenever Inspect tells something else: package hunt
// asks for it after every event.
func (c *Kelips) Mark() uint64 { return c.mark }
