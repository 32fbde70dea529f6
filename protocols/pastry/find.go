package pastry

import (
	"fmt"
	"slices"

	"peerbed/protocols/p2p"
)

// A find is a user's question who has a file: a route towards its key, which the
// first node on the way that has a copy answers (or the root; see Answer). If that
// node's copy cannot be had, or there is none on the way, the nodes closest to the
// key are asked one after the other.
type find struct {
	lookup
	name string
	got  func(*find, item) // a node has it
	done func(p2p.Result)

	i       int   // of nodes, whose turn it is
	first   int   // of nodes, that answered at all; -1: none yet
	without int   // that answered and do not have it
	err     error // why a fetch from one that has it failed
}

func (p *Pastry) find(name string, got func(*find, item), done func(p2p.Result)) {
	f := &find{name: name, got: got, done: done, first: -1}
	f.search(p, name, name, f)
}

// located hears who answered the route: one that has the file, or the root.
func (f *find) located(l *lookup) {
	switch {
	case l.found:
		f.first = 0
		f.got(f, l.item)
	case len(l.nodes) == 0:
		f.fail()
	case l.name != "": // by its answer the root has said that it has no copy
		f.first, f.i, f.without = 0, 1, 1
		fallthrough
	default:
		f.next()
	}
}

func (f *find) next() {
	if f.i >= len(f.nodes) || f.without >= f.p.cfg.Copies {
		f.fail()
		return
	}
	p2p.Ask(&f.p.calls, f.nodes[f.i].Peer(), has{Name: f.name}, f, (*find).answered)
}

func (f *find) answered(r *held) {
	if r != nil && f.first < 0 {
		f.first = f.i
	}
	if r != nil && r.Found {
		f.got(f, r.item)
		return
	}
	if r != nil {
		f.without++
	}
	f.i++
	f.next()
}

// report ends a Find.
func (f *find) report(item) { f.done(f.result(f.i)) }

// again looks up the root, after the node on the way could not give its copy.
func (f *find) again() {
	if f.found {
		f.first, f.i, f.without = -1, 0, 0
		f.search(f.p, f.name, "", f.anew())
		return
	}
	f.i++
	f.next()
}

// An anew is a find whose route goes to the root: nobody on the way answered.
type anew struct{ *find }

func (f *find) anew() anew { return anew{f} }

func (f anew) located(l *lookup) {
	if len(l.nodes) == 0 {
		f.fail()
		return
	}
	f.next()
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
func (f *find) download(what item) {
	d := &download{f: f, from: f.nodes[f.i], sink: sink{blob: f.name, want: entry{Name: f.name, item: what}}}
	d.begin(f.p.env, d)
	d.link = d.env.Dial(d.from, format.Streams(), d)
}

// Handle implements [p2p.Handler] for the stream and the disk.
func (d *download) Handle(_ p2p.Peer, m p2p.Msg) {
	if !d.on() {
		return
	}
	switch m := m.(type) {
	case *p2p.Up:
		p2p.Send(d.env, d.link, get{d.f.name})
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
	d.f.again()
}
