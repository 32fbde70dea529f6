package kelips

import (
	"fmt"
	"slices"

	"peerbed/protocols/p2p"
)

// A finding is a user's question who has a file: a member of its group knows the
// home node, in one hop, and that one is asked whether it still has the file.
type finding struct {
	walk
	got   func(*finding, *held) // homes[0] has it
	done  func(p2p.Result)
	homes []p2p.Addr // still to be asked, or being asked
	err   error      // why the last home was no good
}

func (c *Kelips) find(name string, got func(*finding, *held), done func(p2p.Result)) {
	f := &finding{got: got, done: done}
	f.walk = walk{c: c, name: name, ask: f.inquire, end: f.nobody}
	if f.homes = c.homes(name); len(f.homes) > 0 && c.place(name) == c.group {
		f.at = -1
		f.confirm()
		return
	}
	f.begin()
}

func (f *finding) inquire(to p2p.Peer) {
	p2p.Ask(&f.c.calls, to, find{Name: f.name}, f, (*finding).answered)
}

func (f *finding) answered(r *found) {
	switch {
	case r == nil:
		f.missed()
	case len(r.Homes) > 0:
		f.homes = slices.Clone(r.Homes)
		f.confirm()
	default:
		f.referred(r.Mine, r.Named)
	}
}

// confirm asks the first home whether it has the file.
func (f *finding) confirm() {
	switch {
	case len(f.homes) == 0:
		f.fail(f.err)
	case f.homes[0] == f.c.me:
		h := held{item: f.c.file(f.name).what()}
		h.Found = f.c.file(f.name) != nil
		f.confirmed(&h)
	default:
		p2p.Ask(&f.c.calls, f.homes[0].Peer(), has{Name: f.name}, f, (*finding).confirmed)
	}
}

func (f *finding) confirmed(r *held) {
	if r != nil && r.Found {
		f.got(f, r)
		return
	}
	if f.err = p2p.ErrNotFound; r == nil {
		f.err = fmt.Errorf("%w: the home node %v", p2p.ErrTimeout, f.homes[0])
	}
	f.another()
}

// another goes on with the next home.
func (f *finding) another() {
	f.homes = f.homes[1:]
	f.confirm()
}

// report ends a Find.
func (f *finding) report(*held) {
	r := f.result()
	r.Found = f.homes[:1]
	f.done(r)
}

func (f *finding) nobody() { f.done(f.failed()) }

func (f *finding) fail(err error) {
	r := f.result()
	r.Err = err
	f.done(r)
}

func (c *Kelips) answerFind(from p2p.Peer, q *find) {
	r := found{Homes: c.homes(q.Name)}
	if r.Mine = len(r.Homes) > 0; !r.Mine {
		r.Mine, r.Named = c.refer(q.Name)
	}
	p2p.Reply(c.env, from, q.Tag, r)
}
