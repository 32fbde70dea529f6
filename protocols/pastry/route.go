package pastry

import (
	"slices"

	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// A route travels from node to node, as the paper has it: each hop is
// acknowledged, so that a dead one is noticed by the node before it, which goes on
// with another. The last one answers the asker.

const (
	// attempts is how often the asker sends a lookup that gets lost on the way
	// (with a node that took it over and died).
	attempts = 2
	// longest is how long an attempt may take, counted in Patience: a few dead
	// nodes on the way are waited for.
	longest = 8
	// waits is how often a node looks again whether a silent one is dead, where
	// only that would make it the root itself.
	waits = 4
	// spare is how many nodes more than those with copies the root names.
	spare = 2
)

// A lookup finds the root of a key, or a node with a copy of an object. It belongs
// to an operation, which hears of its end.
type lookup struct {
	p2p.Alarm // as its own timer
	p         *Pastry
	key       ring.ID
	name      string // as in route
	then      seeker
	nonce     uint64
	left      int // attempts
	timer     p2p.Timer

	// The end: the way, and who answered and those next closest to the key.
	path  []stage
	nodes []p2p.Addr // empty: nobody
	found bool       // nodes[0] has the object
	item  item
}

// A seeker is what looks up a key.
type seeker interface{ located(l *lookup) }

// search begins a lookup of the key of an object. If want is its name, any node
// with a copy may answer (see Answer).
func (l *lookup) search(p *Pastry, object, want string, then seeker) {
	if p.cfg.Answer == Root {
		want = ""
	}
	*l = lookup{p: p, key: p.Hash(object), name: want, then: then, left: attempts, path: []stage{{Addr: p.me.Addr}}}
	p.lookups = append(p.lookups, l)
	l.attempt()
}

func (l *lookup) attempt() {
	l.left--
	l.nonce = l.p.env.Rand().Uint64()
	l.timer = l.p.env.After(longest*l.p.cfg.Patience, l)
	r := &relay{p: l.p, m: route{Key: l.key, Nonce: l.nonce, Origin: l.p.me.Addr, Name: l.name,
		Path: []stage{{Addr: l.p.me.Addr}}}}
	r.pass()
}

// rang hears that no answer came in time.
func (l *lookup) rang() {
	if l.left > 0 {
		l.attempt()
		return
	}
	l.end()
}

// routed hears the answer. The nonce tells which lookup it belongs to; a stranger
// cannot guess one.
func (p *Pastry) routed(m *routed) {
	for _, l := range p.lookups {
		if l.nonce != m.Nonce {
			continue
		}
		l.path = append(l.path[:0], m.Path...)
		if len(m.Nodes) == 0 && l.left > 0 { // it got stuck: later it may not
			return
		}
		l.nodes = append(l.nodes[:0], m.Nodes...)
		l.found, l.item = m.Found && len(m.Nodes) > 0, m.item
		l.end()
		return
	}
}

func (l *lookup) end() {
	l.p.env.Stop(l.timer)
	l.p.lookups = slices.DeleteFunc(l.p.lookups, func(o *lookup) bool { return o == l })
	l.then.located(l)
}

// result describes the lookup for a user: its way, and the one of its nodes that
// answered in the end (-1: none did).
func (l *lookup) result(answered int) p2p.Result {
	r := p2p.Result{Path: make([]p2p.Hop, 0, len(l.path)+1)}
	for _, s := range l.path {
		r.Path = append(r.Path, p2p.Hop{Addr: s.Addr, By: s.Via.String()})
	}
	if answered >= 0 {
		a := l.nodes[answered]
		r.Found = []p2p.Addr{a}
		if last := r.Path[len(r.Path)-1].Addr; a != last {
			r.Path = append(r.Path, p2p.Hop{Addr: a, By: "replica"})
		}
	}
	r.Hops = len(r.Path) - 1
	return r
}

// A purpose is what a route is for.
type purpose uint8

const (
	finding purpose = iota // route: a user's lookup
	joining                // join
	seeking                // scout
)

// A relay is a route that this node has to pass on.
type relay struct {
	p2p.Alarm // while it waits for a verdict on a silent node
	p         *Pastry
	why       purpose
	m         route // Path ends with this node
	to        p2p.Addr
	dead      []p2p.Addr
	waited    int
}

// maxKept bounds the routes that a node keeps until it is ready.
const maxKept = 16

// relayed takes a route over from another node. A node whose neighbours are just
// taking it in keeps it until it is ready to answer for its keys.
func (p *Pastry) relayed(m *route, why purpose) {
	r := &relay{p: p, m: *m, why: why}
	r.m.Path = slices.Clone(m.Path)
	switch {
	case p.ready:
		r.pass()
	case len(p.kept) < maxKept:
		p.kept = append(p.kept, r)
	}
}

// pass hands the route to the next node, or ends it.
func (r *relay) pass() {
	if r.p.copyHere(&r.m) {
		r.answer([]p2p.Addr{r.p.me.Addr}, r.p.holds(r.m.Name))
		return
	}
	next, by := r.next()
	switch {
	case next == r.p.me:
		r.deliver()
	case next.known() && len(r.m.Path) < maxHops:
		r.to = next.Addr
		r.send(stage{next.Addr, by})
	case next.known() || r.waited == waits || len(r.dead) == 0:
		r.answer(nil, held{})
	default:
		r.waited++
		r.p.env.After(r.p.cfg.Patience, r)
	}
}

// next is the way on.
func (r *relay) next() (next Ref, by via) {
	not := r.not()
	if r.m.Name != "" && r.p.cfg.Answer == Estimate {
		if next, by = r.p.likely(r.m.Key, not); next.known() {
			return next, by
		}
	}
	return r.p.way(r.m.Key, r.except(), not)
}

// except is the node that looks for its own place: its neighbours may know it from
// before a crash.
func (r *relay) except() p2p.Addr {
	if r.why == finding {
		return 0
	}
	return r.m.Origin
}

// not lists whom the route must not go to: the dead, and where it has been.
func (r *relay) not() []p2p.Addr {
	list := append(slices.Clone(r.dead), r.m.Origin)
	for _, s := range r.m.Path {
		list = append(list, s.Addr)
	}
	return list
}

func (r *relay) send(to stage) {
	m := r.m
	m.Path = append(slices.Clip(m.Path), to)
	switch calls := &r.p.calls; r.why {
	case joining:
		p2p.Ask(calls, r.to.Peer(), join{m}, r, (*relay).nodded)
	case seeking:
		p2p.Ask(calls, r.to.Peer(), scout{m}, r, (*relay).nodded)
	default:
		p2p.Ask(calls, r.to.Peer(), m, r, (*relay).acked)
	}
}

func (r *relay) acked(a *ack)  { r.heard(a != nil) }
func (r *relay) nodded(a *nod) { r.heard(a != nil) }

// heard goes another way if the next node was silent.
func (r *relay) heard(ok bool) {
	if ok {
		return
	}
	r.p.suspect(r.to)
	if r.dead = append(r.dead, r.to); len(r.dead) == maxDead {
		r.answer(nil, held{})
		return
	}
	r.pass()
}

// rang looks again: who was silent has been pinged meanwhile.
func (r *relay) rang() {
	r.dead = r.dead[:0]
	r.pass()
}

// deliver ends a route at this node, the root of its key.
func (r *relay) deliver() {
	switch p := r.p; r.why {
	case joining:
		p.rules().welcome(p, &r.m)
	case seeking:
		p2p.Send(p.env, r.m.Origin.Peer(), scouted{Nonce: r.m.Nonce, sides: p.sides()})
	default:
		r.answer(p.closest(r.m.Key, p.cfg.Copies+spare), held{})
	}
}

// answer tells the asker of a lookup how it ended; without nodes it got stuck. A
// newcomer that hears nothing begins anew.
func (r *relay) answer(nodes []p2p.Addr, h held) {
	if r.why != finding {
		return
	}
	m := routed{Nonce: r.m.Nonce, Found: h.Found, item: h.item, Nodes: nodes, Path: r.m.Path}
	if r.m.Origin == r.p.me.Addr {
		r.p.routed(&m)
		return
	}
	p2p.Send(r.p.env, r.m.Origin.Peer(), m)
}

// copyHere reports whether this node may answer for the object that a route looks
// for: it has a copy, and is one of those that should.
func (p *Pastry) copyHere(m *route) bool {
	return m.Name != "" && p.holds(m.Name).Found && p.keeps(m.Key)
}
