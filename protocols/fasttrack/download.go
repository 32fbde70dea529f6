package fasttrack

import (
	"fmt"
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// rounds is how often a download turns to one source without getting a byte from
// it; pause is the time between two attempts.
const (
	rounds = 3
	pause  = 500 * time.Millisecond
)

// A download fetches one file: it finds it, takes parts of it from several sources
// at once, has what one does not give from others, and verifies the whole.
type download struct {
	n      *node
	name   string
	done   []func(p2p.Result)
	result p2p.Result // of the search

	hash    Hash
	size    int64
	sources []*source
	legs    []*leg
	missing []span // in order
	alone   bool   // each source must give all of it: parts of several did not fit
	gave    []*source
	pending int // writes under way
	ours    bool
	sealed  bool // it is being hashed
	timer   p2p.Timer
	last    error // why the last source was left
}

// A span is the bytes from at up to, not including, end.
type span struct{ at, end int64 }

// retry turns to the sources again.
type retry struct {
	p2p.Alarm
	d *download
}

// fetch brings name to the Disk. Who asks for what is already under way waits for
// the same download.
func (n *node) fetch(name string, done func(p2p.Result)) {
	if f := n.library.find(name); f != nil && !n.gone {
		done(p2p.Result{Found: []p2p.Addr{n.env.Self()}, Blob: p2p.Blob{Name: f.name, Len: f.size}})
		return
	}
	for _, d := range n.downloads {
		if d.name == name {
			d.done = append(d.done, done)
			return
		}
	}
	d := &download{n: n, name: name, done: []func(p2p.Result){done}}
	n.downloads = append(n.downloads, d)
	n.search(name, d.found)
}

// found takes those sources that have exactly the name, and of these the content
// that most have.
func (d *download) found(s *search, r p2p.Result) {
	d.result = r
	votes := map[Hash]int{}
	for i := range s.sources {
		f := &s.sources[i]
		if f.Tags.get(tagFilename) == d.name && (f.push || dialable(f.addr, d.n.env.Self())) {
			d.sources = append(d.sources, f)
			votes[f.Hash]++
		}
	}
	if r.Err == nil && len(d.sources) == 0 {
		r.Err = fmt.Errorf("fasttrack: no result with exactly the name %q: %w", d.name, p2p.ErrNotFound)
	}
	if r.Err != nil {
		d.end(r)
		return
	}
	best := slices.MaxFunc(d.sources, func(a, b *source) int { return votes[a.Hash] - votes[b.Hash] }) // the first of equals
	d.sources = slices.DeleteFunc(d.sources, func(f *source) bool { return f.Hash != best.Hash || f.Size != best.Size })
	d.hash, d.size = best.Hash, int64(best.Size)
	d.result.Found, d.result.Hops = nil, d.sources[0].hops
	for _, f := range d.sources {
		d.result.Found = append(d.result.Found, f.addr)
	}
	d.begin()
}

// begin fetches all of it.
func (d *download) begin() {
	d.n.env.Disk().Remove(d.name)
	d.missing, d.gave, d.ours, d.sealed = []span{{0, d.size}}, nil, true, false
	d.fill()
}

// fill has idle sources give what is missing, and ends the download if there is
// nothing missing, or nobody to ask.
func (d *download) fill() {
	n := d.n
	if len(d.done) == 0 || d.sealed {
		return // it has ended
	}
	n.env.Stop(d.timer)
	most := n.cfg.Sources
	if d.alone {
		most = 1
	}
	for len(d.missing) > 0 && len(d.legs) < most {
		f := d.idle()
		if f == nil {
			break
		}
		d.open(f)
	}
	switch {
	case len(d.done) == 0 || len(d.legs) > 0 || d.pending > 0:
	case len(d.missing) == 0:
		d.sealed = true
		n.env.Disk().Sum(d.name, 0, d.size, newUUHash(d.size), d)
	case !slices.ContainsFunc(d.sources, func(f *source) bool { return f.fails < rounds }):
		d.end(p2p.Result{Err: d.last})
	default:
		d.timer = n.env.After(pause, &retry{d: d})
	}
}

// idle returns the first source that has failed least, and gives nothing now; nil if
// all have failed too often, or just now.
func (d *download) idle() (best *source) {
	now := d.n.env.Now()
	for _, f := range d.sources {
		if !f.busy && f.fails < rounds && now >= f.rests && (best == nil || f.fails < best.fails) {
			best = f
		}
	}
	return best
}

// part takes the next part that is missing.
func (d *download) part() (s span, ok bool) {
	if len(d.missing) == 0 {
		return span{}, false
	}
	s = d.missing[0]
	if most := s.at + d.n.cfg.Part; !d.alone && most < s.end {
		d.missing[0].at = most
		s.end = most
		return s, true
	}
	d.missing = slices.Delete(d.missing, 0, 1)
	return s, true
}

// giveBack makes a part missing again.
func (d *download) giveBack(s span) {
	if s.at < s.end || d.size == 0 {
		i, _ := slices.BinarySearchFunc(d.missing, s.at, func(m span, at int64) int { return int(m.at - at) })
		d.missing = slices.Insert(d.missing, i, s)
	}
}

// Handle hears of the Disk.
func (d *download) Handle(_ p2p.Peer, m p2p.Msg) {
	switch m := m.(type) {
	case *p2p.Written:
		d.pending--
		if m.Err != nil {
			d.end(p2p.Result{Err: fmt.Errorf("fasttrack: %q: %w: %w", d.name, p2p.ErrDisk, m.Err)})
			return
		}
		d.fill()
	case *p2p.Summed:
		d.summed(m)
	}
}

// summed ends the download, or throws away what came. If it came from one source,
// that one lies and is left. If it came from several, each is asked for the whole
// from now on, so that it will be known who lies.
func (d *download) summed(m *p2p.Summed) {
	switch {
	case len(d.done) == 0:
	case m.Err != nil:
		d.end(p2p.Result{Err: fmt.Errorf("fasttrack: hash of %q: %w: %w", d.name, p2p.ErrDisk, m.Err)})
	case string(m.Sum) == string(d.hash[:]):
		d.whole()
	default:
		d.last = fmt.Errorf("fasttrack: %q from %v: %w", d.name, d.gave[0].addr, p2p.ErrCorrupt)
		if len(d.gave) == 1 {
			d.sources = slices.DeleteFunc(d.sources, func(f *source) bool { return f == d.gave[0] })
		}
		d.alone = true
		for _, f := range d.sources {
			f.fails = 0
		}
		d.begin()
	}
}

// whole ends the download: the one that gave first is named first.
func (d *download) whole() {
	n, f := d.n, d.gave[0]
	d.result.Found = slices.DeleteFunc(d.result.Found, func(a p2p.Addr) bool { return a == f.addr })
	d.result.Found = slices.Insert(d.result.Found, 0, f.addr)
	d.result.Blob, d.result.Hops = p2p.Blob{Name: d.name, Len: d.size}, f.hops
	n.merit.fetched += d.size
	d.ours = false
	if n.cfg.Reshare {
		n.share(shared{d.name, d.size, d.hash})
		n.confirm(func() { d.end(d.result) })
		return
	}
	d.end(d.result)
}

// end tells all who wait. A file that is not whole does not stay.
func (d *download) end(r p2p.Result) {
	n := d.n
	n.env.Stop(d.timer)
	for _, l := range d.legs {
		l.hangUp()
	}
	done := d.done
	d.legs, d.sources, d.done = nil, nil, nil
	n.downloads = slices.DeleteFunc(n.downloads, func(k *download) bool { return k == d })
	if r.Err != nil && d.ours {
		n.env.Disk().Remove(d.name)
	}
	r.ID, r.Path = d.result.ID, d.result.Path
	for _, f := range done {
		f(r)
	}
}
