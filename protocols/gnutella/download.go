package gnutella

import (
	"cmp"
	"crypto/sha1"
	"fmt"
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// rounds is how often a download goes through its sources without a byte
// before it gives up; pause is the time between two attempts.
const (
	rounds = 3
	pause  = 500 * time.Millisecond
)

// A download fetches one file: it finds it, takes the best source, goes on at
// the next where one breaks, and verifies the whole.
type download struct {
	s      *servent
	name   string
	done   []func(p2p.Result)
	result p2p.Result // of the search

	sources []source // the one in use first
	tries   int      // since the last byte that was new
	peer    p2p.Peer // of this attempt; zero: none, or not yet
	way     way      // of this attempt
	up      bool     // its stream stands
	begun   bool     // its Response has come
	timer   p2p.Timer
	moved   bool // bytes have come since the last look

	sum     [sha1.Size]byte // of what lies on the Disk up to at
	at      int64
	best    int64    // the farthest that at ever was
	from    p2p.Addr // whom that came from; 0: nobody
	mixed   bool     // it came from several
	whole   bool     // it must come from one
	ours    bool     // what lies there is this download's
	pending int      // writes under way
	broken  error
}

// retry begins the next attempt; stalled looks whether bytes still come.
type (
	retry struct {
		p2p.Alarm
		d *download
	}
	stalled struct {
		p2p.Alarm
		d *download
	}
)

// fetch brings name to the Disk. Who asks for what is already under way waits
// for the same download.
func (s *servent) fetch(name string, done func(p2p.Result)) {
	if f := s.library.find(name); f != nil && !s.gone {
		done(p2p.Result{Found: []p2p.Addr{s.env.Self()}, Blob: p2p.Blob{Name: f.name, Len: f.size}})
		return
	}
	for _, d := range s.downloads {
		if d.name == name {
			d.done = append(d.done, done)
			return
		}
	}
	d := &download{s: s, name: name, done: []func(p2p.Result){done}}
	s.downloads = append(s.downloads, d)
	s.search(name, d.found)
}

// found takes those sources that have exactly the file, and its hash.
func (d *download) found(q *search, r p2p.Result) {
	d.result = r
	for _, f := range q.sources {
		if _, ok := parseURN(f.Ext); ok && f.Name == d.name && (f.push || dialable(f.addr, d.s.env.Self())) {
			d.sources = append(d.sources, f)
		}
	}
	if r.Err == nil && len(d.sources) == 0 {
		r.Err = fmt.Errorf("gnutella: no hit with exactly the name %q and a SHA-1: %w", d.name, p2p.ErrNotFound)
	}
	if r.Err != nil {
		d.end(r)
		return
	}
	d.result.Found = nil
	for _, f := range d.sources {
		d.result.Found = append(d.result.Found, f.addr)
	}
	d.result.Hops = d.sources[0].hops
	d.start()
}

// start turns to the first source for what is missing.
func (d *download) start() {
	env, f := d.s.env, &d.sources[0]
	if sum, _ := parseURN(f.Ext); sum != d.sum || d.at == 0 || d.whole { // other bytes than those that lie there
		env.Disk().Remove(d.name)
		d.sum, d.at, d.ours = sum, 0, true
		d.from, d.mixed = 0, false
	}
	d.up, d.begun, d.moved = false, false, false
	d.timer = env.After(d.s.cfg.Stall, &stalled{d: d})
	d.way = d.s.wayTo(f)
	d.way.open(d)
}

// waitsFor reports whether the servent's Giv is what the download waits for.
func (d *download) waitsFor(servent GUID) bool {
	_, pushing := d.way.(pushing)
	return pushing && d.peer.Link == 0 && len(d.sources) > 0 && d.sources[0].servent == servent
}

// offered goes on where the responder has dialled.
func (d *download) offered(from p2p.Peer) {
	d.peer, d.up = from, true
	d.ask()
}

// ask asks for what is missing.
func (d *download) ask() {
	f := &d.sources[0]
	get := Get{Index: f.Index, Name: f.Name, Host: d.peer.Addr}
	if d.at > 0 {
		get.Range = fmt.Sprintf("bytes=%d-", d.at)
	}
	p2p.Send(d.s.env, d.peer, get)
}

// Handle hears of the stream, and of the Disk.
func (d *download) Handle(from p2p.Peer, m p2p.Msg) {
	switch m := m.(type) {
	case *p2p.Room:
	case *p2p.Up:
		if from == d.peer {
			d.up = true
			d.way.risen(d)
		}
	case *Giv:
		d.relayed(from, m)
	case *p2p.Written:
		d.written(m)
	case *p2p.Summed:
		d.summed(m)
	case *Response:
		d.begin(from, m)
	case *Body:
		d.store(from, m)
	case *p2p.Down:
		if from == d.peer {
			d.next(cmp.Or(m.Err, p2p.ErrReset))
		}
	default:
		if from == d.peer {
			d.next(p2p.ErrMalformed)
		}
	}
}

// relayed hears from the servent between that the responder has come.
func (d *download) relayed(from p2p.Peer, m *Giv) {
	if _, ok := d.way.(*between); ok && from == d.peer && !d.begun && m.Servent == d.sources[0].servent {
		d.ask()
	} else if from == d.peer {
		d.next(p2p.ErrMalformed)
	}
}

// begin checks that what comes is what was asked for.
func (d *download) begin(from p2p.Peer, m *Response) {
	if from != d.peer {
		return
	}
	size := int64(d.sources[0].Size)
	whole := m.Code == 200 && m.Length == size // also where a part was asked for
	rest := m.Code == 206 && m.Off == d.at && m.Total == size && m.Length == size-d.at
	switch {
	case d.begun:
		d.next(fmt.Errorf("%w: a second response", p2p.ErrMalformed))
		return
	case m.Code == 503:
		d.next(fmt.Errorf("it is busy: %w", p2p.ErrRefused))
		return
	case !whole && !rest:
		d.next(fmt.Errorf("it answered %d, %d bytes from %d: %w", m.Code, m.Length, m.Off, p2p.ErrNotFound))
		return
	case whole:
		d.at, d.from, d.mixed = 0, 0, false
	}
	d.begun = true
	f := d.sources[0].addr
	d.mixed = d.mixed || d.from != 0 && d.from != f
	d.from = f
	if size == 0 {
		d.write(p2p.View(nil))
	}
}

// store takes a piece of the file.
func (d *download) store(from p2p.Peer, m *Body) {
	switch {
	case from != d.peer:
	case !d.begun || d.at+int64(m.Data.Len) > int64(d.sources[0].Size):
		d.next(fmt.Errorf("%w: more bytes than announced", p2p.ErrMalformed))
	default:
		d.moved = true
		d.write(m.Data)
	}
}

// write puts a piece behind the last one. With the last one the stream has
// done its work.
func (d *download) write(c p2p.Content) {
	d.s.env.Disk().Write(d.name, d.at, c, d)
	d.at += int64(c.Len)
	d.pending++
	if d.at > d.best {
		d.best, d.tries = d.at, 0
	}
	if d.at == int64(d.sources[0].Size) {
		d.hangUp()
	}
}

func (d *download) written(m *p2p.Written) {
	d.pending--
	if m.Err != nil {
		d.broken = fmt.Errorf("gnutella: %q: %w: %w", d.name, p2p.ErrDisk, m.Err)
	}
	switch {
	case d.pending > 0 || len(d.sources) == 0:
	case d.broken != nil:
		d.end(p2p.Result{Err: d.broken})
	case d.begun && d.at == int64(d.sources[0].Size):
		d.verify()
	}
}

func (d *download) verify() {
	d.s.env.Disk().Sum(d.name, 0, d.at, sha1.New, d)
}

// summed ends the download, or throws away what came. If it came from one
// source, that one lies and is left. If it came from several, each is asked for
// the whole from now on, so that it will be known who lies.
func (d *download) summed(m *p2p.Summed) {
	if len(d.sources) == 0 {
		return // given up meanwhile
	}
	f := d.sources[0]
	switch {
	case m.Err != nil:
		d.end(p2p.Result{Err: fmt.Errorf("gnutella: hash of %q: %w: %w", d.name, p2p.ErrDisk, m.Err)})
	case string(m.Sum) != string(d.sum[:]):
		d.at = 0
		if d.mixed { // nobody knows whose part is wrong
			d.whole, d.tries = true, 0
			d.sources = append(d.sources[1:], f)
		} else {
			d.sources = d.sources[1:]
		}
		d.again(fmt.Errorf("gnutella: %q from %v: %w", d.name, f.addr, p2p.ErrCorrupt))
	default:
		d.result.Found = slices.DeleteFunc(d.result.Found, func(a p2p.Addr) bool { return a == f.addr })
		d.result.Found = slices.Insert(d.result.Found, 0, f.addr)
		d.result.Blob, d.result.Hops = p2p.Blob{Name: d.name, Len: d.at}, f.hops
		if d.s.cfg.Reshare {
			d.s.library.add(d.s.env.Disk(), d.name, d.at, d.sum)
		}
		d.end(d.result)
	}
}

func (d *download) stall() {
	if !d.moved {
		d.next(p2p.ErrTimeout)
		return
	}
	d.moved = false
	d.timer = d.s.env.After(d.s.cfg.Stall, &stalled{d: d})
}

// next leaves this source, which may be tried again after all others: by Push,
// if it could not be dialled.
func (d *download) next(err error) {
	f := d.sources[0]
	if _, dialled := d.way.(direct); dialled && !d.up && !d.s.cfg.Firewalled {
		f.push = true
	}
	d.sources = append(d.sources[1:], f)
	d.tries++
	d.again(fmt.Errorf("gnutella: %q from %v: %w", d.name, f.addr, err))
}

// again waits a little and goes on, or gives up with the error of the last
// attempt.
func (d *download) again(err error) {
	d.hangUp()
	if d.tries >= rounds*len(d.sources) {
		d.end(p2p.Result{Err: err})
		return
	}
	d.timer = d.s.env.After(pause, &retry{d: d})
}

func (d *download) retry() {
	if d.pending > 0 { // the old bytes first
		d.timer = d.s.env.After(pause, &retry{d: d})
		return
	}
	d.start()
}

func (d *download) hangUp() {
	env := d.s.env
	env.Stop(d.timer)
	d.way = nil
	if d.peer.Link != 0 {
		env.Close(d.peer)
		d.peer = p2p.Peer{}
	}
}

// end tells all who wait. A file that is not whole does not stay.
func (d *download) end(r p2p.Result) {
	s := d.s
	d.hangUp()
	d.sources = nil
	s.downloads = slices.DeleteFunc(s.downloads, func(k *download) bool { return k == d })
	if r.Err != nil && d.ours {
		s.env.Disk().Remove(d.name)
	}
	r.ID, r.Path = d.result.ID, d.result.Path
	for _, done := range d.done {
		done(r)
	}
}
