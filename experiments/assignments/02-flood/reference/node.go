package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"peerbed/harness/classroom/step"
	"peerbed/protocols/p2p"
)

// A query asks who has a file. Its id is the asker's address and number.
type query struct {
	From p2p.Addr
	ID   int
	Name string
	Hops int // that it has gone
}

// A hit goes back the way that the query came.
type hit struct {
	From p2p.Addr
	ID   int
	Who  p2p.Addr
	Hops int // that the query had gone
}

const (
	kindQuery = p2p.First + iota
	kindHit
)

var kinds = []p2p.KindInfo{
	{Name: "query", Class: p2p.Lookup, Blank: &query{}},
	{Name: "hit", Class: p2p.Lookup, Blank: &hit{}},
}

func (*query) Kind() p2p.Kind { return kindQuery }
func (*hit) Kind() p2p.Kind   { return kindHit }
func (m *query) Size() int    { return step.Size("query", m) }
func (m *hit) Size() int      { return step.Size("hit", m) }

type config struct {
	Neighbours string `flag:"neighbours" doc:"their addresses, with commas between"`
	Files      string `flag:"files" doc:"names of what this node has, with commas between"`
}

// An id names a query.
type id struct {
	from p2p.Addr
	n    int
}

// A search is a find of this node's user.
type search struct {
	p2p.Alarm
	id   id
	hits []hit
	done func(p2p.Result)
}

type node struct {
	env        p2p.Env
	neighbours []p2p.Addr
	files      []string
	seen       map[id]p2p.Peer // from whom a query came first: its hits go back there
	searches   map[id]*search
	last       int
}

// patience is how long hits are waited for: the longest way, there and back.
const patience = 2 * time.Second

func newNode(cfg config) *node {
	n := &node{files: strings.Split(cfg.Files, ","), seen: map[id]p2p.Peer{}, searches: map[id]*search{}}
	for _, text := range strings.Split(cfg.Neighbours, ",") {
		if a, err := p2p.ParseAddr(text); err == nil {
			n.neighbours = append(n.neighbours, a)
		}
	}
	return n
}

func (n *node) Start(env p2p.Env) { n.env = env }

func (n *node) Handle(from p2p.Peer, m p2p.Msg) {
	switch m := m.(type) {
	case *query:
		n.asked(from, *m)
	case *hit:
		n.found(*m)
	case *search:
		n.ended(m)
	}
}

// asked hears a query: it answers if it can, and hands it on.
func (n *node) asked(from p2p.Peer, q query) {
	key := id{q.From, q.ID}
	q.Hops++
	if _, again := n.seen[key]; again || q.From == n.env.Self() {
		return
	}
	n.seen[key] = from
	if slices.Contains(n.files, q.Name) {
		p2p.Send(n.env, from, hit{q.From, q.ID, n.env.Self(), q.Hops})
	}
	n.flood(q, from.Addr)
}

// flood hands a query on to all but one.
func (n *node) flood(q query, but p2p.Addr) {
	if q.Hops >= asked.ttl {
		return
	}
	for _, a := range n.neighbours {
		if a != but {
			p2p.Send(n.env, a.Peer(), q)
		}
	}
}

// found hears a hit: of a search of its own, or on its way back.
func (n *node) found(h hit) {
	key := id{h.From, h.ID}
	if s := n.searches[key]; s != nil {
		if !slices.ContainsFunc(s.hits, func(o hit) bool { return o.Who == h.Who }) {
			s.hits = append(s.hits, h)
		}
		return
	}
	if back, ok := n.seen[key]; ok {
		p2p.Send(n.env, back, h)
	}
}

func (n *node) Do(op p2p.Op, done func(p2p.Result)) {
	f, ok := op.(p2p.Find)
	if !ok {
		done(p2p.Result{})
		return
	}
	n.last++
	s := &search{id: id{n.env.Self(), n.last}, done: done}
	if asked.own == "included" && slices.Contains(n.files, f.Name) {
		s.hits = []hit{{Who: n.env.Self()}}
	}
	n.searches[s.id] = s
	n.flood(query{From: n.env.Self(), ID: n.last, Name: f.Name}, 0)
	n.env.After(patience, s)
}

// ended answers the user.
func (n *node) ended(s *search) {
	delete(n.searches, s.id)
	slices.SortFunc(s.hits, func(a, b hit) int { return cmp.Compare(a.Hops, b.Hops) })
	nearest, farthest := 0xffff, 0xffff
	if len(s.hits) > 0 {
		nearest, farthest = s.hits[0].Hops, s.hits[len(s.hits)-1].Hops
	}
	if asked.order == "far" {
		slices.Reverse(s.hits)
	}
	r := p2p.Result{ID: fmt.Sprintf("%04x", len(s.hits))}
	switch asked.field {
	case "nearest":
		r.ID = fmt.Sprintf("%04x", nearest)
	case "farthest":
		r.ID = fmt.Sprintf("%04x", farthest)
	}
	for _, h := range s.hits {
		r.Found = append(r.Found, h.Who)
	}
	s.done(r)
}

func (n *node) Inspect() p2p.State { return p2p.State{Neighbours: slices.Clone(n.neighbours)} }
