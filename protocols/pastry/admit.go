package pastry

import (
	"time"

	"peerbed/protocols/p2p"
)

// The corrected join. Between two nodes that are neighbours a newcomer needs the
// consent of both: of the root of its id, which it gets with the welcome, and of
// the one on the other side, which it asks (admit). A node consents only while it
// is ready, to one newcomer at a time, and the second only if the first is its own
// next leaf on that side: then nobody else can come between them. With both
// consents the newcomer has both take it into their leaf sets (adopt), so that they
// do not answer for its keys any more, and only then answers itself. For the moment
// in between, routes that come to it wait.
//
// Lu, Merz and Weidenbach (2011) proved that such a join delivers correctly as
// long as nobody leaves; their nodes exchange leases with neighbours for it. Here a
// consent lapses, for newcomers die too: so the guarantee holds while messages
// take less than Patience.

// lapse is how long a consent holds, counted in Patience.
const lapse = 6

// A consent is the promise of a node to one newcomer.
type consent struct {
	to    p2p.Addr
	until time.Duration
}

// promise gives the node's consent, if it has not given it to another.
func (p *Pastry) promise(to p2p.Addr) bool {
	now := p.env.Now()
	if p.consent.to != 0 && p.consent.to != to && now < p.consent.until {
		return false
	}
	p.consent = consent{to, now + lapse*p.cfg.Patience}
	return true
}

// released takes a consent back.
func (p *Pastry) released(from p2p.Addr) {
	if p.consent.to == from {
		p.consent = consent{}
	}
}

func (corrected) welcome(p *Pastry, m *route) {
	switch {
	case m.Key == p.me.ID && m.Origin != p.me.Addr:
		p.greet(m, gone)
	case p.promise(m.Origin):
		p.greet(m, kept)
	default:
		p.greet(m, refused)
	}
}

// grants are what a newcomer has of its future neighbours.
type grants struct {
	from [2]Ref // smaller, larger; they may be the same
	open int    // adoptions on their way
	lost bool   // one was refused
}

// enter works out who the neighbours are, and asks the other one.
func (corrected) enter(j *arrival, root Ref, m *welcome) {
	p := j.p
	l := leafSet{space: p.space, me: p.me.ID, half: 1}
	l.add(root)
	for _, list := range [...][]p2p.Addr{m.Smaller, m.Larger} {
		for _, a := range list {
			if a != p.me.Addr {
				l.add(p.ref(a))
			}
		}
	}
	j.from = [2]Ref{l.sides[smaller][0], l.sides[larger][0]}
	other := j.from[smaller]
	if other == root {
		other = j.from[larger]
	}
	switch {
	case j.from[smaller] != root && j.from[larger] != root: // it is no neighbour: its leaf set has a hole
		j.fail(busy)
	case other == root:
		j.granted()
	default:
		p2p.Ask(&p.calls, other.peer(), admit{Other: root.Addr}, j, (*arrival).admitted)
	}
}

// admit hears a newcomer that has the consent of Other. This node must be next to
// that one, as far as it knows, the newcomer itself not counted.
func (p *Pastry) admit(from p2p.Peer, m *admit) {
	ok := p.nextTo(p.ref(from.Addr), m.Other) && p.promise(from.Addr)
	p2p.Reply(p.env, from, m.Tag, admitted{Granted: ok, sides: p.sides()})
}

// nextTo reports whether the nearest leaf on the side of a newcomer is other.
func (p *Pastry) nextTo(r Ref, other p2p.Addr) bool {
	for side := range p.leaves.sides {
		n := p.leaves.next(side, r.Addr)
		if n.Addr == other && p.leaves.away(side, r.ID) < p.leaves.away(side, n.ID) {
			return p.ready
		}
	}
	return false
}

func (j *arrival) admitted(m *admitted) {
	switch {
	case j.p.arrival != j:
	case m == nil:
		j.fail(pause)
	case !m.Granted:
		j.fail(busy)
	default:
		j.granted()
	}
}

// granted has both neighbours take the newcomer in.
func (j *arrival) granted() {
	p := j.p
	p.leaves.add(j.from[smaller])
	p.leaves.add(j.from[larger])
	j.adopt(j.from[smaller])
	if j.from[larger] != j.from[smaller] {
		j.adopt(j.from[larger])
	}
}

func (j *arrival) adopt(by Ref) {
	j.open++
	p2p.Ask(&j.p.calls, by.peer(), adopt{}, j, (*arrival).adopted)
}

// adopt hears a newcomer to whom this node has consented.
func (p *Pastry) adopt(from p2p.Peer, m *adopt) {
	r := p.ref(from.Addr)
	ok := p.ready && (p.consent.to == from.Addr || p.leaves.has(from.Addr))
	if ok {
		p.rise(from.Addr)
		p.takeLeaf(r)
		p.released(from.Addr)
	}
	p2p.Reply(p.env, from, m.Tag, adopted{Done: ok})
}

func (j *arrival) adopted(m *adopted) {
	if j.p.arrival != j {
		return
	}
	j.open--
	j.lost = j.lost || m == nil || !m.Done
	switch {
	case j.open > 0:
	case j.lost:
		j.fail(pause)
	default:
		j.settle()
	}
}

// giveBack releases the consents of a newcomer that gives up.
func (j *arrival) giveBack() {
	for _, r := range j.from {
		if r.known() {
			p2p.Send(j.p.env, r.peer(), release{})
		}
	}
}
