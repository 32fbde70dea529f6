package kelips

import (
	"fmt"
	"slices"
	"strconv"

	"peerbed/protocols/p2p"
)

// A walk looks for a member of a file's group that does what is wanted of it:
// says who has the file, takes note of it, names a node to store it at. It asks
// the own contacts in that group, the nearest first; then those that they name,
// other members of their group; and, where no contact answers, some of its own
// group, who have other contacts. Each of these is one hop.
type walk struct {
	c     *Kelips
	name  string
	ask   func(p2p.Peer) // sends the question; its answer comes to referred or ends the walk
	end   func()         // nobody is left to be asked
	steps []step         // whom to ask, in order; those up to at have been
	at    int
	mine  int  // who said: I am of the group, and know nothing
	last  int  // who answered last; -1: nobody
	spare bool // its own group was added
}

// A step is one node to be asked, and who named it.
type step struct {
	addr p2p.Addr
	by   int // a step; -1: the asker itself
	via  string
}

const (
	maxSteps  = 48 // whom one walk asks
	someMates = 16 // of its own group, that it asks for other contacts
)

func (w *walk) begin() {
	w.at, w.last = -1, -1
	c := w.c
	group := c.place(w.name)
	if group == c.group {
		w.addMates()
	} else {
		w.add(c.nearest(group), -1, viaContact(group))
	}
	w.next()
}

// viaContact and viaMember name the entries of a table that choose a hop.
func viaContact(group int) string { return "contact in group " + strconv.Itoa(group) }

const viaMember = "member"

func (w *walk) addMates() {
	w.spare = true
	w.add(w.c.mates(someMates), -1, viaMember)
}

// mates draws n of the node's own group.
func (c *Kelips) mates(n int) []p2p.Addr {
	var list []p2p.Addr
	draw(c.env, len(c.view), 2*n, func(i int, _ bool) bool {
		if a := c.view[i].Addr; len(list) < n && !slices.Contains(list, a) {
			list = append(list, a)
		}
		return true
	})
	return list
}

func (w *walk) add(list []p2p.Addr, by int, via string) {
	for _, a := range list {
		known := a == w.c.me || slices.ContainsFunc(w.steps, func(s step) bool { return s.addr == a })
		if !known && len(w.steps) < maxSteps {
			w.steps = append(w.steps, step{a, by, via})
		}
	}
}

// next asks the next.
func (w *walk) next() {
	w.at++
	if w.at == len(w.steps) && !w.spare {
		w.addMates()
	}
	if w.at >= len(w.steps) || w.mine >= w.c.cfg.Tries {
		w.at = w.last
		w.end()
		return
	}
	w.ask(w.steps[w.at].addr.Peer())
}

// missed gives up a node that did not answer.
func (w *walk) missed() {
	w.c.silent(w.steps[w.at].addr)
	w.next()
}

// referred goes on with those whom the last answer named.
func (w *walk) referred(mine bool, named []p2p.Addr) {
	w.last = w.at
	via := viaContact(w.c.cfg.groupFor(w.name))
	if mine {
		w.mine++
		via = viaMember
	}
	w.add(named, w.at, via)
	w.next()
}

// result describes the way to the node that was asked last, of one that came to
// nothing to the last that answered; if there is none, to this node itself.
func (w *walk) result() p2p.Result {
	r := p2p.Result{Path: []p2p.Hop{{Addr: w.c.me}}}
	var way []p2p.Hop
	for i := w.at; i >= 0; i = w.steps[i].by {
		way = append(way, p2p.Hop{Addr: w.steps[i].addr, By: w.steps[i].via})
	}
	slices.Reverse(way)
	r.Path = append(r.Path, way...)
	r.Hops = len(way)
	return r
}

// failed describes a walk that came to nothing.
func (w *walk) failed() p2p.Result {
	r := w.result()
	if r.Err = p2p.ErrNotFound; w.last < 0 && len(w.steps) > 0 {
		r.Err = fmt.Errorf("%w: no node that could know of it", p2p.ErrTimeout)
	}
	return r
}

// refer names whom else to ask about a file: for a member of its group some
// others of that group, for anybody else the contacts there.
func (c *Kelips) refer(name string) (mine bool, named []p2p.Addr) {
	group := c.place(name)
	if group == c.group {
		return true, c.mates(maxNamed / 2)
	}
	return false, c.nearest(group)
}
