package gnutella

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"peerbed/protocols/p2p"
)

// maxSources is how many responders a search listens to.
const maxSources = 100

// A search is a query of this servent's own that waits for hits.
type search struct {
	s       *servent
	id      GUID
	name    string
	wants   wants
	sources []source
	timer   p2p.Timer
	then    func(*search, p2p.Result) // once; Found, Hops and Err are set
}

// A source is one file of one hit.
type source struct {
	File
	addr    p2p.Addr
	servent GUID
	speed   uint32
	hops    int  // nodes on the way to it
	push    bool // it cannot be dialled
}

// expired ends a search.
type expired struct {
	p2p.Alarm
	s *search
}

// find floods a query for name, or for the file of that hash: "urn:sha1:" and 32 letters.
func (s *servent) find(name string, done func(p2p.Result)) {
	s.search(name, func(_ *search, r p2p.Result) { done(r) })
}

func (s *servent) search(name string, then func(*search, p2p.Result)) {
	q := &search{s: s, id: s.newID(), name: name, then: then}
	if err := s.askable(name); err != nil {
		then(q, p2p.Result{Err: err})
		return
	}
	s.searches = append(s.searches, q)
	s.routes.add(s.env.Now(), route{q.id, typeQuery}, 0)
	s.note(Seen{ID: q.id})
	q.timer = s.env.After(s.cfg.Patience, &expired{s: q})
	m := Query{Head: Head{ID: q.id, TTL: uint8(s.cfg.TTL)}, Flags: minSpeed(s.cfg.MinSpeed), Text: name, Ext: wantURN}
	if _, ok := parseURN(name); ok {
		m.Text, m.Ext = "", name+"\x00"
	}
	q.wants = m.wants()
	q.add(source{addr: s.env.Self(), speed: s.cfg.Speed}, s.library.match(&q.wants))
	if hits := s.cache.recall(s.env.Now(), &m); len(hits) > 0 {
		for _, hit := range hits {
			hit.ID = q.id
			s.found(&hit)
		}
		return
	}
	s.cache.await(s.env.Now(), &m)
	s.shield(nil, Query{Head{q.id, 1, 0}, m.Flags, m.Text, m.Ext})
	s.send(nil, m)
}

// minSpeed is how a query asks for responders of that speed or more: in version
// 0.4. The low byte comes first, and its top bit would mark a newer query, so
// some speeds are rounded down.
func minSpeed(kbits uint32) uint16 {
	if kbits == 0 {
		return Marked
	}
	if kbits = min(kbits, 0xffff); kbits&0x80 != 0 {
		kbits = kbits&^0xff | 0x7f
	}
	return bits.ReverseBytes16(uint16(kbits))
}

// askable says why a query for name cannot be sent, if it cannot.
func (s *servent) askable(name string) error {
	switch {
	case s.gone:
		return p2p.ErrGone
	case !s.joined:
		return p2p.ErrNotJoined
	case len(words(name)) == 0 || len(name) > maxName || strings.Contains(name, "\x00"):
		return fmt.Errorf("gnutella: %q is no query, it needs a letter or digit and at most %d bytes: %w", name, maxName, p2p.ErrUnsupported)
	}
	return nil
}

// found hands a Hit to the search that it answers.
func (s *servent) found(m *Hit) {
	for _, q := range s.searches {
		if q.id == m.ID {
			q.add(source{addr: m.Addr, servent: m.Servent, speed: m.Speed, hops: int(m.Hops) + 1, push: m.firewalled()}, m.Files)
			return
		}
	}
}

// add collects files of one responder that fit what was asked. After the first
// it waits only Window for better ones.
func (q *search) add(from source, files []File) {
	first := len(q.sources) == 0
	for _, f := range files {
		sum, _ := parseURN(f.Ext)
		if len(q.sources) < maxSources && from.speed >= q.s.cfg.MinSpeed && q.wants.fit(words(f.Name), sum) {
			from.File = f
			q.sources = append(q.sources, from)
		}
	}
	if env := q.s.env; first && len(q.sources) > 0 {
		env.Stop(q.timer)
		q.timer = env.After(min(q.s.cfg.Window, q.s.cfg.Patience), &expired{s: q})
	}
}

// finish chooses: files of exactly the name that was asked for, if there are
// any; then by speed, then by hops.
func (q *search) finish() {
	exact := func(f source) bool { return strings.EqualFold(f.Name, q.name) }
	if slices.ContainsFunc(q.sources, exact) {
		q.sources = slices.DeleteFunc(q.sources, func(f source) bool { return !exact(f) })
	}
	slices.SortStableFunc(q.sources, func(a, b source) int {
		return cmp.Or(cmp.Compare(b.speed, a.speed), cmp.Compare(a.hops, b.hops))
	})
	if len(q.sources) == 0 {
		q.end(p2p.Result{Err: fmt.Errorf("gnutella: no hit for %q: %w", q.name, p2p.ErrNotFound)})
		return
	}
	r := p2p.Result{Hops: q.sources[0].hops}
	for _, f := range q.sources {
		if !slices.Contains(r.Found, f.addr) {
			r.Found = append(r.Found, f.addr)
		}
	}
	q.end(r)
}

// end closes the search with r.
func (q *search) end(r p2p.Result) {
	s := q.s
	s.env.Stop(q.timer)
	s.searches = slices.DeleteFunc(s.searches, func(k *search) bool { return k == q })
	r.ID, r.Path = q.id.String(), []p2p.Hop{{Addr: s.env.Self()}}
	q.then(q, r)
}
