package pastry

import (
	"errors"
	"slices"

	"peerbed/protocols/p2p"
)

// A leave hands what a node stores to those that keep copies without it, and then
// says good-bye to all in its tables. (The paper treats leaving as failing.)
type leave struct {
	p    *Pastry
	i    int // of the store, whose turn it is
	e    entry
	to   []p2p.Addr
	done func(p2p.Result)
}

func (p *Pastry) leave(done func(p2p.Result)) {
	l := &leave{p: p, done: done}
	l.next()
}

func (l *leave) next() {
	p := l.p
	for len(l.to) == 0 {
		if p.leaves.empty() || l.i >= len(p.store) {
			p.goodbye()
			l.done(p2p.Result{})
			return
		}
		l.e = p.store[l.i]
		l.to = slices.DeleteFunc(p.closest(p.Hash(l.e.Name), p.cfg.Copies+1), func(a p2p.Addr) bool { return a == p.me.Addr })
		l.i++
		if l.e.Gone {
			p2p.Send(p.env, l.to[0].Peer(), remove{Name: l.e.Name, Version: l.e.Version})
			l.to = nil
		}
	}
	p.upload(l.to[0], l.e, l.e.blob(), l)
}

// uploaded goes on, also if that node refused the object, but not if it does
// not answer: nobody waits for a silent one once for each object.
func (l *leave) uploaded(_ *upload, err error) {
	l.to = l.to[1:]
	if errors.Is(err, p2p.ErrSilent) {
		l.i, l.to = len(l.p.store), nil
	}
	l.next()
}

func (p *Pastry) goodbye() {
	for _, a := range p.everybody() {
		p2p.Send(p.env, a.Peer(), bye{p.sides()})
	}
	p.intro.Close()
	p.gone = true
}

// left takes a node that says good-bye out of the tables, and looks at those that
// it names.
func (p *Pastry) left(a p2p.Addr, m *bye) {
	if !p.lists(a) {
		return
	}
	p.drop(a)
	p.rest(a)
	p.hear(m.sides)
}
