package fasttrack

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// maxSources is how many results a search keeps.
const maxSources = 100

// A search is a wish of this node's own that waits for results.
type search struct {
	n       *node
	id      uint16
	name    string
	asked   bool
	flood   uint64 // as a supernode
	sources []source
	timer   p2p.Timer
	then    func(*search, p2p.Result) // once; Found, Hops and Err are set
}

// A source is one file of one peer.
type source struct {
	Result
	addr      p2p.Addr // where the peer listens, as far as is known
	supernode p2p.Addr
	hops      int
	push      bool // it cannot be dialled
	fails     int
	busy      bool          // a part of a download comes from it
	rests     time.Duration // not to be asked before
}

// expired ends a search.
type expired struct {
	p2p.Alarm
	s *search
}

// find asks who has name.
func (n *node) find(name string, done func(p2p.Result)) {
	n.search(name, func(_ *search, r p2p.Result) { done(r) })
}

func (n *node) search(name string, then func(*search, p2p.Result)) {
	n.searchID++
	s := &search{n: n, id: n.searchID, name: name, then: then}
	switch {
	case n.gone:
		then(s, p2p.Result{Err: p2p.ErrGone})
		return
	case strings.TrimSpace(name) == "" || len(name) > maxName:
		then(s, p2p.Result{Err: fmt.Errorf("fasttrack: %q is no query, it needs a word and at most %d bytes: %w", name, maxName, p2p.ErrUnsupported)})
		return
	}
	n.searches = append(n.searches, s)
	s.timer = n.env.After(n.cfg.Patience, &expired{s: s})
	s.ask()
}

// ask asks the parent, or, as a supernode, all others; without a parent it waits for
// one. After a change of parent it asks again.
func (s *search) ask() {
	n := s.n
	m := s.question()
	switch {
	case n.super:
		s.asked = true
		n.env.Stop(s.timer)
		s.timer = n.env.After(min(n.cfg.Collect, n.cfg.Patience), &expired{s: s})
		s.flood = n.flood(&m, origin{search: s, left: maxSources}, Seen{Asker: n.env.Self(), Num: s.id})
		s.add(&Results{Supernode: n.env.Self(), List: n.match(&m, maxSources, nil)}, 0)
	case n.parent != nil:
		s.asked = true
		p2p.Send(n.env, n.parent.peer, m)
		s.add(&Results{List: n.match(&m, maxSources, nil)}, 0) // its own library
	}
}

// question is what goes over the wire.
func (s *search) question() Search {
	return Search{Max: maxSources, ID: s.id, Realm: realmAll, Terms: []Term{{Cmp: cmpPart, Text: s.name}}}
}

// found hands results to the search that they answer; hops is how far away the
// supernode is that has them, if the results do not say.
func (n *node) found(m *Results, hops int) {
	for _, s := range n.searches {
		if s.id == m.ID {
			s.add(m, hops)
			return
		}
	}
}

// foundAll ends a search to which no more will come.
func (n *node) foundAll(id uint16) {
	for _, s := range n.searches {
		if s.id == id {
			s.finish()
			return
		}
	}
}

// add collects results that fit what was asked. After the first it waits only Window
// for others.
func (s *search) add(m *Results, hops int) {
	first := len(s.sources) == 0
	n := s.n
	for _, r := range m.List {
		name := r.Tags.get(tagFilename)
		if len(s.sources) >= maxSources || name == "" || !containsAll(name, s.name) {
			continue
		}
		f := source{Result: r, addr: addrOf(r.User, r.Addr), supernode: m.Supernode, hops: hops, push: r.Addr.Port() == 0}
		if away := r.Tags.get(tagHops); away != "" {
			f.hops = int(away[0])
		}
		if f.addr == n.env.Self() {
			f.hops = 0
		}
		if !slices.ContainsFunc(s.sources, func(k source) bool { return k.same(&f) }) {
			s.sources = append(s.sources, f)
		}
	}
	if first && len(s.sources) > 0 {
		n.env.Stop(s.timer)
		s.timer = n.env.After(min(n.cfg.Window, n.cfg.Patience), &expired{s: s})
	}
}

// same reports whether both are one file of one peer, as two supernodes tell it while
// a child moves.
func (f *source) same(k *source) bool {
	return k.addr == f.addr && k.User == f.User && k.Hash == f.Hash && k.Tags.get(tagFilename) == f.Tags.get(tagFilename)
}

// containsAll reports whether all words of a query are parts of name.
func containsAll(name, asked string) bool {
	name = strings.ToLower(name)
	return !slices.ContainsFunc(strings.Fields(strings.ToLower(asked)), func(w string) bool { return !strings.Contains(name, w) })
}

// finish chooses: files of exactly the name that was asked for, if there are any;
// then by bandwidth, then by hops.
func (s *search) finish() {
	exact := func(f source) bool { return strings.EqualFold(f.Tags.get(tagFilename), s.name) }
	if slices.ContainsFunc(s.sources, exact) {
		s.sources = slices.DeleteFunc(s.sources, func(f source) bool { return !exact(f) })
	}
	slices.SortStableFunc(s.sources, func(a, b source) int {
		return cmp.Or(cmp.Compare(b.Bandwidth, a.Bandwidth), cmp.Compare(a.hops, b.hops))
	})
	switch {
	case len(s.sources) == 0 && !s.asked:
		s.end(p2p.Result{Err: p2p.ErrNotJoined})
		return
	case len(s.sources) == 0:
		s.end(p2p.Result{Err: fmt.Errorf("fasttrack: no result for %q: %w", s.name, p2p.ErrNotFound)})
		return
	}
	r := p2p.Result{Hops: s.sources[0].hops}
	for _, f := range s.sources {
		if !slices.Contains(r.Found, f.addr) {
			r.Found = append(r.Found, f.addr)
		}
	}
	s.end(r)
}

// end closes the search with r.
func (s *search) end(r p2p.Result) {
	n := s.n
	n.env.Stop(s.timer)
	n.searches = slices.DeleteFunc(n.searches, func(k *search) bool { return k == s })
	r.ID, r.Path = askedAs(n.env.Self(), s.id), []p2p.Hop{{Addr: n.env.Self()}}
	s.then(s, r)
}

// askedAs names a search for pictures: by who asked and the asker's number.
func askedAs(a p2p.Addr, id uint16) string { return fmt.Sprintf("%012x-%04x", uint64(a), id) }

// userPrefix begins the names of this package's nodes.
const userPrefix = "peerbed-"

// userOf is the user's name of the node that listens at a. It says so, for of peers
// that cannot be dialled the wire tells no port.
func userOf(a p2p.Addr) string {
	return userPrefix + hex.EncodeToString(wire.AppendAddr(nil, a))
}

// addrOf is where a user's node listens: as its name says, if that fits the address
// which it is seen with.
func addrOf(user string, seen p2p.Addr) p2p.Addr {
	digits, ours := strings.CutPrefix(user, userPrefix)
	b, err := hex.DecodeString(digits)
	if !ours || err != nil || len(b) != 6 {
		return seen
	}
	if a := wire.NewReader(b).Addr(); a.IP() == seen.IP() {
		return a
	}
	return seen
}
