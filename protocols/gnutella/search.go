package gnutella

import (
	"cmp"
	"crypto/sha1"
	"encoding/base32"
	"fmt"
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
	sources []source
	timer   p2p.Timer
	then    func(*search, p2p.Result) // once; Found, Hops and Err are set
}

// A source is one file of one hit.
type source struct {
	File
	addr  p2p.Addr
	speed uint32
	hops  int // nodes on the way to it
}

// expired ends a search.
type expired struct {
	p2p.Alarm
	s *search
}

// find floods a query for name.
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
	m := Query{Head: Head{ID: q.id, TTL: uint8(s.cfg.TTL)}, Flags: Marked, Text: name, Ext: wantURN}
	for _, l := range s.links {
		if s.takes(l) {
			p2p.Send(s.env, l.peer, m)
		}
	}
	q.timer = s.env.After(s.cfg.Patience, &expired{s: q})
	q.add(s.env.Self(), s.cfg.Speed, 0, s.library.match(name))
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
			q.add(m.Addr, m.Speed, int(m.Hops)+1, m.Files)
			return
		}
	}
}

// add collects files that fit what was asked. After the first it waits only
// Window for better ones.
func (q *search) add(addr p2p.Addr, speed uint32, hops int, files []File) {
	first := len(q.sources) == 0
	for _, f := range files {
		if len(q.sources) < maxSources && contains(words(f.Name), words(q.name)) {
			q.sources = append(q.sources, source{f, addr, speed, hops})
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

// HUGE, the "hash/URN Gnutella extensions": a query asks for URNs in hits, and
// a hit carries the SHA-1 of a file in base 32.
const (
	wantURN = "urn:\x00"
	urnSHA1 = "urn:sha1:"
)

func formatURN(sum [sha1.Size]byte) string {
	return urnSHA1 + base32.StdEncoding.EncodeToString(sum[:])
}

// parseURN finds a SHA-1 among the extensions of a hit.
func parseURN(ext string) (sum [sha1.Size]byte, ok bool) {
	for part := range strings.SplitSeq(ext, "\x1c") {
		if len(part) < len(urnSHA1) || !strings.EqualFold(part[:len(urnSHA1)], urnSHA1) {
			continue
		}
		b, err := base32.StdEncoding.DecodeString(strings.ToUpper(part[len(urnSHA1):]))
		if err == nil && len(b) == len(sum) {
			return [sha1.Size]byte(b), true
		}
	}
	return sum, false
}
