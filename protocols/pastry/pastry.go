package pastry

import (
	"time"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// The timetable of a node. Each is due after its mean time in Config, half to
// one and a half of it, so that nodes do not fall into step.
const (
	tickKeepAlive p2p.Tick = iota
	tickMaintain
	tickRepair
	tickJoin
	tickMerge
)

// Pastry is one node.
type Pastry struct {
	space
	env    p2p.Env
	me     Ref
	leaves leafSet
	table  table
	near   []contact // the neighbourhood set, nearest first
	calls  p2p.Calls
	survey survey

	ready   bool     // it answers for the keys around its id
	arrival *arrival // while it joins
	kept    []*relay // until it is ready
	consent consent
	taken   p2p.Addr // who has its id, if it could not join because of that

	turn    int        // of the leaves, whom to ask next
	look    int        // at which entry of the tables, next
	doubts  []p2p.Addr // who is pinged because it was silent
	graves  []grave
	merge   *merge // nil: it is off
	sought  uint64 // the nonce of the last scout; 0: none is on its way
	scratch []p2p.Addr

	lookups []*lookup // that wait for their end
	store   []entry   // in order of name
	takes   []*intake // objects that others are sending
	repair  repair

	running bool // the timetable is
	gone    bool // it left
	cfg     Config
	start   *Detail // to be taken up instead of joining
	intro   introducer.Client
}

// New makes a node; see p2p.Protocol.
func New(cfg Config, state *p2p.State) *Pastry {
	p := &Pastry{cfg: cfg, space: space{cfg.M, cfg.B}}
	if state != nil {
		d := state.Detail.(Detail)
		p.start = &d
	}
	return p
}

// at makes the node the one at an address.
func (p *Pastry) standAt(a p2p.Addr) {
	p.me = Ref{a, p.Addr(a)}
	p.leaves = leafSet{space: p.space, me: p.me.ID, half: p.cfg.half()}
	p.survey.p = p
}

// Start implements [p2p.Node].
func (p *Pastry) Start(env p2p.Env) {
	p.env = env
	p.standAt(env.Self())
	p.calls = p2p.Calls{Env: env, Patience: p.cfg.Patience}
	p.restore()
	p.intro.Open(env, p.cfg.Introducer, p)
	if p.start != nil {
		p.takeUp(p.start)
		p.start = nil
		return
	}
	p.intro.Ask()
}

// in reports whether the node is a member, or is being taken in.
func (p *Pastry) in() bool { return p.ready || p.arrival != nil && p.arrival.open > 0 }

// Handle implements [p2p.Node]. A node that is no member answers nothing, so that
// those who still list it from before it crashed find it dead.
func (p *Pastry) Handle(from p2p.Peer, m p2p.Msg) {
	if k := m.Kind(); p.gone || k >= p2p.First && k <= lastQuestion && !p.in() {
		return
	}
	switch m := m.(type) {
	case p2p.Tick:
		p.tick(m)
	case *route:
		p2p.Reply(p.env, from, m.Tag, ack{})
		p.relayed(m, finding)
	case *join:
		p2p.Reply(p.env, from, m.Tag, nod{})
		p.relayed(&m.route, joining)
	case *scout:
		p2p.Reply(p.env, from, m.Tag, nod{})
		p.relayed(&m.route, seeking)
	case *routed:
		p.routed(m)
	case *put:
		p.take(from, m)
	case *get:
		p.give(from, m)
	case alarm:
		m.rang()
	default:
		p.upkeep(from, m)
	}
}

// upkeep is the part of Handle that keeps the tables.
func (p *Pastry) upkeep(from p2p.Peer, m p2p.Msg) {
	switch m := m.(type) {
	case *getLeaves:
		p.answerLeaves(from, m.Tag)
	case *getState:
		p.answerState(from, m)
	case *ping:
		p2p.Reply(p.env, from, m.Tag, pong{})
	case *has:
		h := p.holds(m.Name)
		p2p.Reply(p.env, from, m.Tag, h)
	case *remove:
		p.removeHere(from, m)
	case *admit:
		p.admit(from, m)
	case *adopt:
		p.adopt(from, m)
	case *release:
		p.released(from.Addr)
	case *announce:
		p.announced(from.Addr, m)
	case *bye:
		p.left(from.Addr, m)
	case *fallen:
		p.suspect(m.Who)
	case *welcome:
		p.welcomed(from.Addr, m)
	case *scouted:
		p.scouted(from.Addr, m)
	case *introducer.Peers:
		p.introduced(m)
	default:
		p.calls.Handle(from, m)
		p.intro.Handle(from, m)
	}
}

// An alarm is an operation that is its own timer.
type alarm interface{ rang() }

func (p *Pastry) tick(t p2p.Tick) {
	switch t {
	case tickKeepAlive:
		p.every(p.cfg.KeepAlive, t, p.keepAlive)
	case tickMaintain:
		p.every(p.cfg.Maintain, t, p.maintain)
	case tickRepair:
		p.every(p.cfg.Repair, t, p.repairStore)
	case tickMerge:
		p.every(p.cfg.Merge, t, p.merge.probe)
	case tickJoin:
		if !p.ready || p.leaves.empty() {
			p.intro.Ask()
		}
	}
}

// every sets the next tick and does, as a member, what this one is for.
func (p *Pastry) every(mean time.Duration, t p2p.Tick, do func()) {
	p.after(mean, t)
	if p.ready {
		do()
	}
}

// run starts the timetable, once.
func (p *Pastry) run() {
	if p.running {
		return
	}
	p.running = true
	p.after(p.cfg.KeepAlive, tickKeepAlive)
	p.after(p.cfg.Maintain, tickMaintain)
	if p.cfg.Merge > 0 {
		p.merge = &merge{p: p}
		p.after(p.cfg.Merge, tickMerge)
	}
}

// after sets a timer for half to one and a half times mean from now.
func (p *Pastry) after(mean time.Duration, t p2p.Msg) {
	p.env.After(mean/2+time.Duration(p.env.Rand().Int64N(int64(mean))), t)
}

// Do implements [p2p.Node].
func (p *Pastry) Do(op p2p.Op, done func(p2p.Result)) {
	if !p.ready {
		done(p2p.Result{Err: p.notJoined()})
		return
	}
	switch op := op.(type) {
	case p2p.Publish:
		p.publish(op.Name, done)
	case p2p.Find:
		p.find(op.Name, (*find).report, done)
	case p2p.Fetch:
		p.find(op.Name, (*find).download, done)
	case p2p.Remove:
		p.remove(op.Name, done)
	case p2p.Leave:
		p.leave(done)
	default:
		done(p2p.Result{Err: p2p.ErrUnsupported})
	}
}

// Inspect implements [p2p.Node].
func (p *Pastry) Inspect() p2p.State {
	s := p2p.State{Self: p.me.Addr, ID: p.Text(p.me.ID), Neighbours: p.everybody()}
	d := Detail{ID: p.me.ID, M: p.cfg.M, B: p.cfg.B, Half: p.cfg.half(), Ready: p.ready}
	d.Smaller, d.Larger = p.sides().Smaller, p.sides().Larger
	for _, t := range p.table {
		d.Table = append(d.Table, Slot{t.row, t.digit, t.Addr, t.rtt})
	}
	for _, c := range p.near {
		d.Near = append(d.Near, Near{c.Addr, c.rtt})
	}
	for _, o := range p.store {
		if !o.Gone {
			s.Stored = append(s.Stored, o.Name)
		}
	}
	s.Detail = d
	return s
}

// takeUp continues from a state instead of joining.
func (p *Pastry) takeUp(d *Detail) {
	p.fill(d)
	p.ready = true
	p.run()
	p.intro.Joined()
}

// fill sets the tables.
func (p *Pastry) fill(d *Detail) {
	for side, list := range [...][]p2p.Addr{d.Smaller, d.Larger} {
		for _, a := range list {
			p.leaves.sides[side] = append(p.leaves.sides[side], Ref{a, p.Addr(a)})
		}
	}
	for _, t := range d.Table {
		p.table = append(p.table, slot{t.Row, t.Digit, contact{p.ref(t.Node), t.RTT}})
	}
	for _, c := range d.Near {
		p.near = append(p.near, contact{p.ref(c.Node), c.RTT})
	}
}
