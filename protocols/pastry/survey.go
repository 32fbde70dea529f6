package pastry

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// A survey looks at nodes that this one has heard of: it asks each, measures how
// long the answer takes, and places who answers in the tables. So proximity is
// measured (section 2.5), and no table ever names a node unheard.
type survey struct {
	p     *Pastry
	queue []errand
	open  []Ref // who has been asked and not answered
	// seen is whom a newcomer has asked already; nil: it is settled, and asks only
	// those who might enter a table.
	seen map[p2p.Addr]bool
	then func(*Pastry) // once nobody is left to ask; nil: nothing
}

// width is how many nodes a survey asks at once.
const width = 16

// An errand is to ask one node: for parts of its state, or only whether it lives.
type errand struct {
	s     *survey
	to    Ref
	row   uint8 // as in getState
	state bool
	began time.Duration
}

// consider looks at a node if it might enter a table. Whether it is nearer than
// who is in its slot is only asked in a contest: leaf sets that leaves exchange all
// the time name the same nodes again and again.
func (p *Pastry) consider(a p2p.Addr, contest bool) {
	s := &p.survey
	if a == 0 || a == p.me.Addr || s.seen[a] || p.resting(a) || len(s.queue) >= maxQueue {
		return
	}
	r := p.ref(a)
	if p.lists(a) {
		p.takeLeaf(r) // it may have had no place there when it came
		contest = false
	}
	if s.seen == nil && !p.useful(r, contest) || slices.Contains(s.open, r) ||
		slices.ContainsFunc(s.queue, func(e errand) bool { return e.to == r }) {
		return
	}
	if s.seen != nil {
		s.seen[a] = true
	}
	s.send(errand{to: r})
}

// maxQueue bounds whom a survey still has to ask.
const maxQueue = 1 << 12

// hear considers the leaves of another node.
func (p *Pastry) hear(s sides) {
	for _, list := range [...][]p2p.Addr{s.Smaller, s.Larger} {
		for _, a := range list {
			p.consider(a, false)
		}
	}
}

// study asks a node for its state.
func (p *Pastry) study(r Ref, row uint8) {
	if len(p.survey.queue) < maxQueue {
		p.survey.send(errand{to: r, state: true, row: row})
	}
}

func (s *survey) send(e errand) {
	e.s = s
	s.queue = append(s.queue, e)
	s.next()
}

// next sends errands, and ends the survey after the last.
func (s *survey) next() {
	for len(s.open) < width && len(s.queue) > 0 {
		e := s.queue[0]
		s.queue = s.queue[1:]
		s.open = append(s.open, e.to)
		e.began = s.p.env.Now()
		if e.state {
			p2p.Ask(&s.p.calls, e.to.peer(), getState{Row: e.row}, &e, (*errand).told)
		} else {
			p2p.Ask(&s.p.calls, e.to.peer(), ping{}, &e, (*errand).answered)
		}
	}
	if len(s.open) == 0 && s.then != nil {
		then := s.then
		s.queue, s.then = nil, nil
		then(s.p)
	}
}

func (e *errand) answered(m *pong) { e.end(m != nil) }

// told considers whom the other knows.
func (e *errand) told(m *tables) {
	if m != nil {
		for _, a := range m.Slots {
			e.s.p.consider(a, true)
		}
		for _, a := range m.Near {
			e.s.p.consider(a, true)
		}
	}
	e.end(m != nil)
}

func (e *errand) end(ok bool) {
	p := e.s.p
	i := slices.Index(e.s.open, e.to)
	e.s.open = slices.Delete(e.s.open, i, i+1)
	switch {
	case ok:
		p.place(e.to, p.env.Now()-e.began)
	case p.lists(e.to.Addr):
		p.suspect(e.to.Addr)
	default:
		p.rest(e.to.Addr)
	}
	e.s.next()
}

// answerState shows a row, or all. Rows that do not fit a datagram, the last, are
// of nodes that are leaves too.
func (p *Pastry) answerState(from p2p.Peer, q *getState) {
	m := p2p.New[tables](p.env)
	m.Tag, m.Slots, m.Near = q.Tag, m.Slots[:0], m.Near[:0]
	slots := p.table
	if q.Row != allRows {
		slots = p.table.row(int(q.Row))
	} else {
		for _, c := range p.near {
			m.Near = append(m.Near, c.Addr)
		}
	}
	for _, s := range slots[:min(len(slots), maxSlots)] {
		m.Slots = append(m.Slots, s.Addr)
	}
	p2p.Ship(p.env, from, m)
}

// A grave is a node that has just been found dead: what others say of it is not
// believed for a while.
type grave struct {
	addr  p2p.Addr
	until time.Duration
}

const (
	maxGraves = 64
	mourning  = 10 // how long, counted in Patience
)

// rest remembers that a node is dead.
func (p *Pastry) rest(a p2p.Addr) {
	p.rise(a)
	if len(p.graves) == maxGraves {
		p.graves = slices.Delete(p.graves, 0, 1)
	}
	p.graves = append(p.graves, grave{a, p.env.Now() + mourning*p.cfg.Patience})
}

// rise forgets it: the node has been heard.
func (p *Pastry) rise(a p2p.Addr) {
	p.graves = slices.DeleteFunc(p.graves, func(g grave) bool { return g.addr == a })
}

func (p *Pastry) resting(a p2p.Addr) bool {
	return slices.ContainsFunc(p.graves, func(g grave) bool { return g.addr == a && p.env.Now() < g.until })
}
