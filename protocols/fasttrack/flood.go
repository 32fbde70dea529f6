package fasttrack

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// memory is how long a query is known again, at least.
const memory = time.Minute

// maxFloods is how many queries are remembered for each memory; what is more is not
// passed on.
const maxFloods = 1 << 16

// floods are the queries of the last minutes, by their names, with where each came
// from: that way its hits go back, and a second copy is dropped.
type floods struct {
	young, old map[uint64]origin
	began      time.Duration
}

// An origin is where a query came from: a link, a child, or this node's own search.
type origin struct {
	link   p2p.Peer
	child  *child
	id     uint16 // of the child's search
	search *search
	left   int // results that it still wants
}

// add notes a query; false: it is known already, or there are too many.
func (f *floods) add(now time.Duration, name uint64, o origin) bool {
	if now-f.began > memory || f.young == nil {
		f.old, f.young, f.began = f.young, map[uint64]origin{}, now
	}
	if _, known := f.find(name); known || len(f.young) >= maxFloods {
		return false
	}
	f.young[name] = o
	return true
}

func (f *floods) find(name uint64) (origin, bool) {
	o, ok := f.young[name]
	if !ok {
		o, ok = f.old[name]
	}
	return o, ok
}

// spent notes that so many results have gone to the origin.
func (f *floods) spent(name uint64, o origin, n int) {
	o.left -= n
	if _, young := f.young[name]; young {
		f.young[name] = o
	} else {
		f.old[name] = o
	}
}

// ended is the timer after which a supernode ends a child's search.
type ended struct {
	p2p.Alarm
	c  *child
	id uint16
}

// searched asks for a child: this supernode's directory, and all others.
func (n *node) searched(c *child, m *Search) {
	if c.asks >= maxAsks {
		p2p.Send(n.env, c.peer, End{m.ID})
		return
	}
	c.asks++
	n.env.After(n.cfg.Collect, &ended{c: c, id: m.ID})
	o := origin{child: c, id: m.ID, left: min(int(m.Max), maxMatches)}
	own := n.match(m, o.left, c)
	if len(own) > 0 && !n.env.Full(c.peer) {
		p2p.Send(n.env, c.peer, Results{Supernode: n.env.Self(), ID: m.ID, List: own})
	}
	o.left -= len(own)
	n.flood(m, o, Seen{Asker: addrOf(c.user, c.addr), Num: m.ID})
}

// endSearch tells a child that no more will come.
func (n *node) endSearch(m *ended) {
	if m.c.asks--; slices.Contains(n.children, m.c) {
		p2p.Send(n.env, m.c.peer, End{m.id})
	}
}

// flood sends a query to all supernodes that this one has links to, and they to
// theirs.
func (n *node) flood(m *Search, o origin, s Seen) (name uint64) {
	name = n.env.Rand().Uint64()
	n.floods.add(n.env.Now(), name, o)
	s.Flood = name
	n.note(s)
	n.forward(nil, Query{Flood: name, TTL: uint8(n.cfg.TTL), Search: *m})
	return name
}

// forward sends a query over all links but one. One that finds its link full is
// lost.
func (n *node) forward(but *link, q Query) {
	for _, l := range n.links {
		if l != but && l.up && !n.env.Full(l.peer) {
			q.Terms = slices.Clone(q.Terms)
			p2p.Send(n.env, l.peer, q)
		}
	}
}

// queried answers another supernode's query and passes it on.
func (n *node) queried(l *link, m *Query) {
	left := min(int(m.Max), maxMatches)
	if !n.floods.add(n.env.Now(), m.Flood, origin{link: l.peer, left: left}) {
		return
	}
	n.note(Seen{Flood: m.Flood, From: l.addr, Hops: m.Hops + 1})
	if own := n.match(&m.Search, left, nil); len(own) > 0 && !n.env.Full(l.peer) {
		p2p.Send(n.env, l.peer, Hits{Flood: m.Flood, Results: Results{Supernode: n.env.Self(), ID: m.ID, List: own}})
	}
	ttl := min(int(m.TTL), n.cfg.TTL-int(m.Hops))
	if ttl > 1 && m.Hops < 255 {
		q := *m
		q.TTL, q.Hops = uint8(ttl-1), m.Hops+1
		n.forward(l, q)
	}
}

// hit takes results of another supernode to where the query came from.
func (n *node) hit(m *Hits) {
	o, ok := n.floods.find(m.Flood)
	if !ok || o.left <= 0 || m.Hops == 255 {
		return
	}
	list := slices.Clone(m.List[:min(len(m.List), o.left)])
	n.floods.spent(m.Flood, o, len(list))
	away := m.Hops + 1 // links to the supernode that has answered
	switch {
	case o.search != nil:
		n.found(&Results{Supernode: m.Supernode, ID: o.search.id, List: list}, int(away))
	case o.child != nil:
		if slices.Contains(n.children, o.child) && !n.env.Full(o.child.peer) {
			for i := range list {
				list[i].Tags = list[i].Tags.with(tagHops, string(rune(min(away, 126)+1)))
			}
			p2p.Send(n.env, o.child.peer, Results{Supernode: m.Supernode, ID: o.id, List: list})
		}
	default:
		for _, l := range n.links {
			if l.peer == o.link && l.up && !n.env.Full(l.peer) {
				p2p.Send(n.env, l.peer, Hits{m.Flood, away, Results{m.Supernode, m.ID, list}})
			}
		}
	}
}

// maxResults is how many bytes of results go in one frame: room is left for what is
// added on their way.
const maxResults = 60_000

// match searches the directory: this node's own files and those of its children,
// but for the one that asks.
func (n *node) match(m *Search, most int, but *child) (list []Result) {
	q := m.compile()
	bytes := 0
	add := func(r Result, d *directory) {
		d.match(&q, func(f *File) bool {
			r.File = *f
			bytes += minResult + len(r.User) + len(network) + f.size()
			if len(list) >= most || bytes > maxResults {
				return false
			}
			list = append(list, r)
			return true
		})
	}
	if !n.library.hidden {
		add(Result{Addr: n.listens(), Bandwidth: bandwidth(n.cfg.Bandwidth), User: n.user, Network: network}, &n.library.listed)
	}
	for _, c := range n.children {
		if c.in && c != but {
			add(Result{Addr: c.addr, Bandwidth: c.bandwidth, User: c.user, Network: network}, &c.files)
		}
	}
	return list
}
