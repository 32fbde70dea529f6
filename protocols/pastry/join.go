package pastry

import (
	"fmt"
	"slices"
	"time"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// pause is the mean time before a node that could not join tries again, and busy
// where it must only wait for another newcomer.
const (
	pause = time.Second
	busy  = 200 * time.Millisecond
)

// introduced hears from the introducer through whom to join.
func (p *Pastry) introduced(m *introducer.Peers) {
	switch {
	case p.ready && p.leaves.empty() && !m.First:
		p.seek(m.Addrs[0])
		p.solitude()
	case p.ready:
		p.intro.Joined()
	case p.arrival != nil:
	case m.First:
		p.begin()
	default:
		p.arrival = &arrival{p: p}
		p.arrival.race(m.Addrs)
	}
}

// solitude is the lot of a node that has lost all its leaves: it answers for all
// keys, keeps its objects, and asks the introducer for others.
func (p *Pastry) solitude() {
	if p.cfg.Introducer != "" {
		p.after(pause, tickJoin)
	}
}

// begin makes a member of the node, one that answers for the keys around its id.
func (p *Pastry) begin() {
	p.arrival, p.taken = nil, 0
	p.ready = true
	p.run()
	p.intro.Joined()
	kept := p.kept
	p.kept = nil
	for _, r := range kept {
		r.pass()
	}
}

// An arrival is the way into a network (section 2.4): a join message from a nearby
// member to the root of the newcomer's own id, whose leaf set becomes the
// newcomer's; then the tables, from the nodes on the way.
type arrival struct {
	p2p.Alarm // for the welcome
	p         *Pastry
	racing    int  // how many have yet to answer
	won       bool // one has
	nonce     uint64
	timer     p2p.Timer

	path    []p2p.Addr // from the nearby member to the root
	version uint32
	grants  // corrected
}

// maxRace bounds how many members race.
const maxRace = 8

// A racer is a member that may be the nearest. (The paper leaves how to find a
// nearby one to others.)
type racer struct {
	*arrival
	addr p2p.Addr
}

// race pings members; through the first that answers the node joins.
func (j *arrival) race(members []p2p.Addr) {
	members = members[:min(len(members), maxRace)]
	j.racing = len(members)
	for _, a := range members {
		p2p.Ask(&j.p.calls, a.Peer(), ping{}, &racer{j, a}, (*racer).answered)
	}
}

func (r *racer) answered(m *pong) {
	r.racing--
	switch {
	case m != nil && !r.won:
		r.won = true
		r.enter(r.addr)
	case !r.won && r.racing == 0:
		r.fail(pause)
	}
}

// enter sends the join message.
func (j *arrival) enter(a p2p.Addr) {
	j.nonce = j.p.env.Rand().Uint64()
	j.timer = j.p.env.After(longest*j.p.cfg.Patience, j)
	p2p.Ask(&j.p.calls, a.Peer(), join{j.p.homeward(j.nonce, a)}, j, (*arrival).sent)
}

// sent hears that the join is on its way.
func (j *arrival) sent(m *nod) {
	if m == nil && j.p.arrival == j && j.path == nil {
		j.fail(pause)
	}
}

// rang hears that no welcome has come in time.
func (j *arrival) rang() {
	if j.p.arrival == j && j.path == nil {
		j.fail(pause)
	}
}

// fail gives up, and lets the node try again later.
func (j *arrival) fail(later time.Duration) {
	p := j.p
	p.env.Stop(j.timer)
	j.giveBack()
	p.arrival, p.kept = nil, nil
	p.leaves.sides = [2][]Ref{}
	p.after(later, tickJoin)
}

// welcomed hears from the root of the newcomer's id.
func (p *Pastry) welcomed(from p2p.Addr, m *welcome) {
	j := p.arrival
	if j == nil || j.path != nil || !j.won || m.Nonce != j.nonce || len(m.Path) == 0 {
		return
	}
	switch m.Verdict {
	case kept:
		p.env.Stop(j.timer)
		j.path, j.version = slices.Clone(m.Path), m.Version
		p.rules().enter(j, p.ref(from), m)
	case gone:
		p.taken = from
		j.fail(pause)
	default:
		j.fail(busy)
	}
}

// greet answers a join that has come to its root: this node.
func (p *Pastry) greet(m *route, v verdict) {
	w := welcome{Nonce: m.Nonce, Verdict: v, Version: p.leaves.version, sides: p.sides()}
	for _, s := range m.Path {
		w.Path = append(w.Path, s.Addr)
	}
	p2p.Send(p.env, m.Origin.Peer(), w)
}

// settle begins, and announces the node to its leaves. Then the first stage: of
// the nodes on the way the first is near, so that its whole state is of use, and
// the i-th shares i digits or more, so that its row i fits.
func (j *arrival) settle() {
	p := j.p
	p.begin()
	for _, a := range p.leaves.all(nil) {
		p.rules().announce(j, a)
	}
	s := &p.survey
	s.seen = map[p2p.Addr]bool{}
	s.then = (*Pastry).collected
	for i, a := range j.path {
		r := p.ref(a)
		row := uint8(p.shared(p.me.ID, r.ID))
		if i == 0 || p.cfg.Collect != SL {
			row = allRows
		}
		if r != p.me {
			p.study(r, row)
		}
	}
	s.next()
}

// collected ends the first stage. In the second the node asks all that it has
// found so far.
func (p *Pastry) collected() {
	if p.cfg.Collect != WTF {
		p.announceAll()
		return
	}
	p.survey.then = (*Pastry).announceAll
	for _, a := range p.everybody() {
		p.study(p.ref(a), allRows)
	}
	p.survey.next()
}

// announceAll ends the arrival: the node tells all in its tables.
func (p *Pastry) announceAll() {
	p.survey.seen = nil
	for _, a := range p.everybody() {
		p2p.Send(p.env, a.Peer(), announce{})
	}
}

// notJoined says why a wish must wait.
func (p *Pastry) notJoined() error {
	if p.taken != 0 {
		return fmt.Errorf("%w: the id %s belongs to %v already; use another port or a larger m",
			p2p.ErrNotJoined, p.Text(p.me.ID), p.taken)
	}
	return p2p.ErrNotJoined
}
