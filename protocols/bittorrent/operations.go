package bittorrent

import (
	"bytes"
	"crypto/sha1"
	"fmt"
	"slices"
	"strings"
	"time"

	"peerbed/protocols/p2p"
)

// maxPieces is how many pieces a torrent of ours has at most: their hashes must
// fit into one metainfo.
const maxPieces = 16000

// A maker makes a torrent of a file, or of a folder: it hashes one piece after
// the other, off the loop, tells the tracker, and is a seed from then on.
type maker struct {
	c    *client
	meta *Metainfo
	sums []byte
	done func(p2p.Result)
}

func (c *client) publish(name string, done func(p2p.Result)) {
	if t := c.byName(name); t != nil && t.complete() {
		t.offer(done)
		return
	}
	if err := plain(name); err != nil {
		done(p2p.Result{Err: fmt.Errorf("publish: %w", err)})
		return
	}
	m := &maker{c: c, meta: c.layout(name), done: done}
	if len(m.meta.Files) == 0 {
		done(p2p.Result{Err: fmt.Errorf("publish %q: no such file here: %w", name, p2p.ErrNotFound)})
		return
	}
	m.more()
}

// layout says what a torrent of this name would be made of: the file called so,
// or else those of the folder called so.
func (c *client) layout(name string) *Metainfo {
	m := &Metainfo{Name: name, PieceLen: int64(c.cfg.PieceLen)}
	for _, b := range c.env.Disk().Blobs() {
		path := strings.ReplaceAll(b.Name, "%2F", "/")
		switch {
		case b.Name == name:
			m.Files, m.Len = []File{{Path: name, Len: b.Len}}, b.Len
			return m.coarse()
		case strings.HasPrefix(path, name+"/") && len(m.Files) < maxFiles:
			m.Files = append(m.Files, File{path, m.Len, b.Len})
			m.Len += b.Len
		}
	}
	return m.coarse()
}

// coarse makes pieces so long that their hashes fit.
func (m *Metainfo) coarse() *Metainfo {
	for m.Len/m.PieceLen >= maxPieces {
		m.PieceLen *= 2
	}
	return m
}

// more hashes the next piece, or ends.
func (m *maker) more() {
	i := len(m.sums) / sha1.Size
	if int64(i)*m.meta.PieceLen < m.meta.Len {
		m.meta.hash(m.c.env.Disk(), i, m)
		return
	}
	meta, err := parseInfo(newInfo(m.meta, m.sums))
	if err != nil {
		m.done(p2p.Result{Err: err})
		return
	}
	meta.Trackers = m.c.ownTiers()
	t := m.c.byHash(meta.Hash)
	if t == nil {
		t = m.c.add(meta)
	}
	t.have.fill()
	t.parts = nil
	t.save()
	t.completed()
	if m.c.cfg.Files {
		m.c.env.Disk().Remove(meta.Name + ".torrent")
		m.c.env.Disk().Write(meta.Name+".torrent", 0, p2p.View(meta.Bytes()), deaf{})
	}
	t.offer(m.done)
}

// Handle takes the hash of a piece.
func (m *maker) Handle(_ p2p.Peer, s p2p.Msg) {
	sum, ok := s.(*p2p.Summed)
	switch {
	case !ok || m.c.gone:
	case sum.Err != nil:
		m.done(p2p.Result{Err: fmt.Errorf("publish %q: %w", m.meta.Name, sum.Err)})
	default:
		m.sums = append(m.sums, sum.Sum...)
		m.more()
	}
}

// ownTiers are copies of the client's trackers: a torrent moves those that
// answer to the front of their tier.
func (c *client) ownTiers() [][]string {
	tiers := make([][]string, len(c.trackers))
	for i := range tiers {
		tiers[i] = slices.Clone(c.trackers[i])
	}
	return tiers
}

// An offering tells a tracker of ours of a torrent.
type offering struct {
	t    *torrent
	done func(p2p.Result)
}

// offer hands the metainfo to the tracker, that it can be found by its name,
// and announces.
func (t *torrent) offer(done func(p2p.Result)) {
	c := t.c
	t.announce(Started)
	web := webTiers(c.trackers)
	if len(web) == 0 && c.cfg.Introducer == "" {
		done(p2p.Result{}) // known by its metainfo alone
		return
	}
	meta := t.meta.Bytes()
	c.run(&errand{tiers: web, then: &offering{t, done}, ask: func(e *errand) {
		p2p.Send(c.env, e.link, Offer{Name: t.name, Meta: meta})
	}})
}

// webTiers leaves the trackers that speak HTTP.
func webTiers(tiers [][]string) [][]string {
	var out [][]string
	for _, tier := range tiers {
		if web := slices.DeleteFunc(slices.Clone(tier), func(u string) bool { p, _ := parseURL(u); return p.udp }); len(web) > 0 {
			out = append(out, web)
		}
	}
	return out
}

// Handle hears how the tracker liked it. A tracker of others knows no offers,
// but the announce was enough for it.
func (o *offering) Handle(_ p2p.Peer, m p2p.Msg) {
	switch m.(type) {
	case *unanswered:
		o.done(p2p.Result{Err: fmt.Errorf("publish %q: no tracker answers: %w", o.t.name, p2p.ErrTimeout)})
	default:
		o.done(p2p.Result{})
	}
}

// A search asks a tracker of ours for a torrent by its name.
type search struct {
	c     *client
	name  string
	fetch bool
	done  func(p2p.Result)
}

func (c *client) find(name string, done func(p2p.Result)) { c.search(name, false, done) }

func (c *client) search(name string, fetch bool, done func(p2p.Result)) {
	switch {
	case len(name) > maxName:
		done(p2p.Result{Err: fmt.Errorf("%.40q: %w", name, p2p.ErrNotFound)})
		return
	case len(c.trackers) == 0:
		done(p2p.Result{Err: fmt.Errorf("no tracker is known: %w", p2p.ErrNotJoined)})
		return
	}
	c.run(&errand{tiers: webTiers(c.trackers), then: &search{c, name, fetch, done}, ask: func(e *errand) {
		p2p.Send(c.env, e.link, Wanted{Name: name, Meta: fetch})
	}})
}

// Handle hears the tracker's answer.
func (s *search) Handle(from p2p.Peer, m p2p.Msg) {
	r := p2p.Result{Hops: 1, Path: []p2p.Hop{{Addr: s.c.env.Self()}, {Addr: from.Addr, By: "tracker"}}}
	switch m := m.(type) {
	case *Given:
		r.Found = slices.Clone(m.Seeds)
		if s.fetch {
			s.begin(r, m)
			return
		}
		if len(r.Found) == 0 {
			r.Err = fmt.Errorf("%q: the tracker knows it, but nobody has all of it: %w", s.name, p2p.ErrNotFound)
		}
	case *unanswered:
		r = p2p.Result{Path: r.Path[:1], Err: fmt.Errorf("%q: no tracker answers: %w", s.name, p2p.ErrTimeout)}
	default:
		r.Err = fmt.Errorf("%q: %w", s.name, p2p.ErrNotFound)
	}
	s.done(r)
}

// begin fetches what the tracker has given the metainfo of.
func (s *search) begin(r p2p.Result, m *Given) {
	meta, err := ParseMetainfo(bytes.Clone(m.Meta))
	if err == nil && meta.Name != s.name {
		err = fmt.Errorf("%w: the torrent is called %q", p2p.ErrCorrupt, meta.Name)
	}
	if err != nil {
		r.Err = fmt.Errorf("%q: what the tracker gave: %w", s.name, err)
		s.done(r)
		return
	}
	s.c.download(meta, r, s.done)
}

func (c *client) fetch(name string, done func(p2p.Result)) {
	switch {
	case strings.HasPrefix(name, magnetPrefix):
		c.fetchLink(name, done)
		return
	case strings.HasPrefix(name, dataPrefix):
		c.fetchTorrent(name, done)
		return
	}
	if t := c.byName(name); t != nil {
		t.await(p2p.Result{}, done)
		return
	}
	c.search(name, true, done)
}

// download adds a torrent, or takes the one there is, and calls done when all
// of it lies here.
func (c *client) download(meta *Metainfo, r p2p.Result, done func(p2p.Result)) {
	t := c.byHash(meta.Hash)
	if t == nil {
		if len(meta.Trackers) == 0 {
			meta.Trackers = c.ownTiers()
		}
		t = c.add(meta)
		t.check()
	}
	t.await(r, done)
}

func (c *client) remove(name string, done func(p2p.Result)) {
	t := c.byName(name)
	if t == nil {
		done(p2p.Result{Err: fmt.Errorf("remove %q: it was not published here: %w", name, p2p.ErrNotFound)})
		return
	}
	t.end(p2p.ErrGone)
	t.stop(deaf{})
	t.forgetSaved()
	done(p2p.Result{})
}

// leave tells trackers and peers good-bye and falls silent: when the trackers
// have heard it, or soon in any case.
func (c *client) leave(done func(p2p.Result)) {
	f := &farewell{c: c, done: done}
	for len(c.torrents) > 0 {
		t := c.torrents[0]
		t.end(p2p.ErrGone)
		if e := t.stop(f); e != nil {
			f.open = append(f.open, e)
		}
	}
	for _, k := range c.callers {
		c.env.Close(k.peer)
	}
	c.callers, c.tracker = nil, nil
	c.intro.Close()
	c.leaving = f
	f.timer = c.env.After(farewellTime, &farewellOver{f: f})
	f.left()
}

// farewellTime bounds how long a leaving node waits for trackers.
const farewellTime = time.Second

// A farewell is what a leaving node still waits for.
type farewell struct {
	c     *client
	open  []*errand
	heard int
	timer p2p.Timer
	done  func(p2p.Result)
}

type farewellOver struct {
	p2p.Alarm
	f *farewell
}

// Handle hears that a tracker knows.
func (f *farewell) Handle(p2p.Peer, p2p.Msg) {
	f.heard++
	f.left()
}

func (f *farewell) left() {
	if f.heard < len(f.open) {
		return
	}
	f.end()
}

func (f *farewell) end() {
	if f.c.gone {
		return
	}
	f.c.gone = true
	f.c.env.Stop(f.timer)
	for _, e := range f.open {
		e.cancel()
	}
	f.done(p2p.Result{})
}
