package gnutella

import (
	"cmp"
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// hear takes a descriptor that came over l, and reports whether the link may
// go on.
func (s *servent) hear(l *link, m p2p.Msg) bool {
	switch m := m.(type) {
	case *Ping:
		s.pinged(l, m)
	case *Pong:
		s.ponged(l, m)
	case *Query:
		if l.tie == below && m.Hops > 0 {
			l.quit(414, "Leaf node relayed")
			return true
		}
		s.queried(l, m)
	case *Hit:
		s.hit(l, m)
	case *RouteReset, *RoutePatch:
		return l.routed(m)
	case *Push:
		s.pushed(m)
	case *Bye:
		s.hosts.forget(l.addr)
		return false
	default:
		return false
	}
	return true
}

// A route is what a servent remembers a descriptor by. Of a Push, which is
// never flooded, it is the way to the servent.
type route struct {
	id  GUID
	typ byte
}

// routes tells whence each flood came first: what comes again is a duplicate,
// and its answers go back there. It remembers in two generations: when the
// young one is full or old, it becomes the old one and the old one is
// forgotten.
type routes struct {
	young, old map[route]p2p.Link // 0: this servent's own
	since      time.Duration      // when young began
}

// A generation is bounded in size and age. A cut may stall a flood for
// p2p.Silence, so the age is well above.
const (
	routeMax = 4096
	routeAge = time.Minute
)

// add notes a route, and reports whether it is new.
func (r *routes) add(now time.Duration, k route, from p2p.Link) bool {
	if _, ok := r.find(k); ok {
		return false
	}
	if r.young == nil || len(r.young) >= routeMax || now-r.since > routeAge {
		spent := r.old
		clear(spent)
		if spent == nil {
			spent = make(map[route]p2p.Link)
		}
		r.young, r.old, r.since = spent, r.young, now
	}
	r.young[k] = from
	return true
}

func (r *routes) find(k route) (from p2p.Link, ok bool) {
	if from, ok = r.young[k]; !ok {
		from, ok = r.old[k]
	}
	return from, ok
}

// takes reports whether a descriptor may go over l. What finds a link full is
// lost, as in every servent of the era: a slow neighbour must not cost memory.
func (s *servent) takes(l *link) bool { return l.up && !s.env.Full(l.peer) }

// onward is the Head with which a flood leaves, one hop older; false: its TTL
// is used up. A stranger's TTL counts only as far as ours would.
func (s *servent) onward(h Head) (Head, bool) {
	ttl := min(int(h.TTL), s.cfg.TTL-int(h.Hops)) - 1
	return Head{h.ID, uint8(max(ttl, 0)), max(h.Hops+1, h.Hops)}, ttl > 0
}

// back is the Head of an answer to h: its TTL is just enough for the way back.
func (s *servent) back(h Head) Head { return Head{ID: h.ID, TTL: max(h.Hops+1, h.Hops)} }

// backward finds the neighbour that an answer goes on to, and its Head there;
// false: it ends here, because it is ours, or the link has gone, or by its TTL.
func (s *servent) backward(to p2p.Link, h Head) (p2p.Peer, Head, bool) {
	if to == 0 || h.TTL <= 1 || h.Hops == 255 {
		return p2p.Peer{}, h, false
	}
	for _, l := range s.links {
		if l.peer.Link == to && s.takes(l) {
			return l.peer, Head{h.ID, h.TTL - 1, h.Hops + 1}, true
		}
	}
	return p2p.Peer{}, h, false
}

// queried answers a query that is new here, and passes it on to all but its
// sender.
func (s *servent) queried(l *link, m *Query) {
	if !s.routes.add(s.env.Now(), route{m.ID, typeQuery}, l.peer.Link) {
		return
	}
	s.note(Seen{m.ID, cmp.Or(l.addr, l.peer.Addr), m.Hops})
	s.answer(l, m)
	if s.rank.relays() && !s.recalled(l, m) {
		s.cache.await(s.env.Now(), m)
		s.relay(l, m)
	}
}

// relay passes a query on: to those leaves that may have an answer, and if its
// TTL allows to the others.
func (s *servent) relay(l *link, m *Query) {
	h, ok := s.onward(m.Head)
	q := *m
	q.Head = Head{m.ID, 1, h.Hops}
	s.shield(l, q)
	q.Head = h
	switch {
	case !ok:
	case l.tie == below: // for which this servent asks
		s.send(l, q)
	default:
		s.sendTo(s.relayLinks(l), q)
	}
}

// shield lets those leaves hear a query that may have an answer.
func (s *servent) shield(from *link, q Query) {
	if s.count(below) == 0 {
		return
	}
	w := q.wants()
	for _, l := range s.links {
		if l != from && l.tie == below && s.takes(l) && l.wants(&w) {
			p2p.Send(s.env, l.peer, q)
		}
	}
}

// answer sends what is shared and fits, in as many Hits as it takes.
func (s *servent) answer(l *link, q *Query) {
	if q.speed() > s.cfg.Speed {
		return
	}
	w := q.wants()
	files := s.library.match(&w)
	for len(files) > 0 && s.takes(l) {
		hit := Hit{Head: s.back(q.Head), Addr: s.env.Self(), Speed: s.cfg.Speed, Trailer: s.trailer(), Servent: s.id}
		for len(files) > 0 && (len(hit.Files) == 0 || hit.Size()+files[0].size() <= maxHit) {
			hit.Files = append(hit.Files, files[0])
			files = files[1:]
		}
		p2p.Send(s.env, l.peer, hit)
	}
}

// hit takes a Hit for a search of this servent, or passes it back the way that
// the query came. One that answers no query known here is dropped.
func (s *servent) hit(l *link, m *Hit) {
	to, ok := s.routes.find(route{m.ID, typeQuery})
	if !ok {
		return
	}
	s.routes.add(s.env.Now(), route{m.Servent, typePush}, l.peer.Link)
	s.cache.learn(m)
	s.counted(m)
	if to == 0 {
		s.found(m)
		return
	}
	if to, h, ok := s.backward(to, m.Head); ok {
		hit := *m
		hit.Head, hit.Files = h, slices.Clone(m.Files)
		p2p.Send(s.env, to, hit)
	}
}
