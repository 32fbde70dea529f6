package chord

import (
	"fmt"
	"slices"

	"peerbed/protocols/p2p"
)

// A find is a user's question who has a file: look up the owner of its key and
// ask it; if it does not answer or does not have it, ask those after it, who
// may hold copies.
type find struct {
	lookup
	name string
	got  func(*find, *held) // an owner has it
	done func(p2p.Result)

	i       int   // of owners, whose turn it is
	first   int   // of owners, that answered at all; -1: none yet
	without int   // that answered and do not have it
	err     error // why a fetch from one that has it failed
}

func (c *Chord) find(name string, got func(*find, *held), done func(p2p.Result)) {
	f := &find{name: name, got: got, done: done, first: -1}
	f.search(c, c.cfg.M.Hash(name), f)
}

func (f *find) located(*lookup) { f.next() }

func (f *find) next() {
	if f.i == len(f.owners) || f.without == f.c.holders() {
		f.fail()
		return
	}
	p2p.Ask(&f.c.calls, f.owners[f.i].Peer(), has{Name: f.name}, f, (*find).answered)
}

func (f *find) answered(r *held) {
	if r != nil && f.first < 0 {
		f.first = f.i
	}
	if r != nil && r.Found {
		f.got(f, r)
		return
	}
	if r != nil {
		f.without++
	}
	f.i++
	f.next()
}

// report ends a Find.
func (f *find) report(h *held) {
	r := f.result(f.i)
	if h.Holder != 0 {
		r.Found = []p2p.Addr{h.Holder}
	}
	f.done(r)
}

func (f *find) fail() {
	r := f.result(f.first)
	r.Found = nil
	switch {
	case f.err != nil:
		r.Err = f.err
	case f.first < 0:
		r.Err = fmt.Errorf("%w: no node of those that may hold it", p2p.ErrTimeout)
	default:
		r.Err = p2p.ErrNotFound
	}
	f.done(r)
}

// A download brings the file from one node that has it to this node's disk.
type download struct {
	sink
	f         *find
	from      p2p.Addr
	link      p2p.Peer
	announced bool
}

// download begins the second half of a Fetch.
func (f *find) download(h *held) {
	d := &download{f: f, from: f.owners[f.i], sink: sink{blob: f.name, want: entry{Name: f.name, item: h.item}}}
	if h.Holder != 0 {
		d.from = h.Holder
	}
	d.begin(f.c.env, d)
	d.link = d.env.Dial(d.from, format.Streams(), d)
}

// Handle implements [p2p.Handler] for the stream and the disk.
func (d *download) Handle(_ p2p.Peer, m p2p.Msg) {
	if !d.on() {
		return
	}
	switch m := m.(type) {
	case *p2p.Up:
		p2p.Send(d.env, d.link, get{uint8(d.from.Place()), d.f.name})
	case *object:
		d.answered(m)
	case *piece:
		if !d.announced || !d.take(m) {
			d.fail(p2p.ErrCorrupt)
		}
	case *p2p.Written:
		if m.Err != nil {
			d.fail(m.Err)
			return
		}
		d.wrote(m)
	case *p2p.Summed:
		d.summed(m)
	case *p2p.Down:
		if !d.full || m.Err == p2p.ErrSilent {
			d.fail(broken(m))
		}
	}
}

// answered hears what will come. It must be what was found; a longer file of
// the same name on this disk makes room for it.
func (d *download) answered(m *object) {
	if !m.Found || m.Bytes != d.want.Bytes || m.Sum != d.want.Sum {
		d.fail(p2p.ErrNotFound)
		return
	}
	d.announced = true
	longer := func(b p2p.Blob) bool { return b.Name == d.blob && b.Len > m.Bytes }
	if disk := d.env.Disk(); d.at == 0 && slices.ContainsFunc(disk.Blobs(), longer) {
		disk.Remove(d.blob)
	}
}

func (d *download) summed(m *p2p.Summed) {
	switch {
	case m.Err != nil:
		d.fail(m.Err)
	case string(m.Sum) != string(d.want.Sum[:]):
		d.fail(p2p.ErrCorrupt)
	default:
		d.finish()
		r := d.f.result(d.f.i)
		r.Found = []p2p.Addr{d.from}
		r.Blob = p2p.Blob{Name: d.blob, Len: d.written}
		d.f.done(r)
	}
}

func (d *download) finish() {
	d.end()
	d.env.Close(d.link)
}

// fail gives this node up and goes on with the next that may have the file.
func (d *download) fail(err error) {
	d.finish()
	if d.announced {
		d.env.Disk().Remove(d.blob)
	}
	d.f.err = err
	d.f.i++
	d.f.next()
}
