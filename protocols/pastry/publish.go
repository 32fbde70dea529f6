package pastry

import (
	"slices"

	"peerbed/protocols/p2p"
)

// A publish is a user's file on its way to the nodes that are to store it: the k
// that are numerically closest to its key.
type publish struct {
	lookup
	e    entry
	done func(p2p.Result)

	i      int        // of nodes, whose turn it is
	first  int        // of nodes, that stored it; -1: none yet
	stored []p2p.Addr // who has it
	err    error      // the last that failed
}

func (p *Pastry) publish(name string, done func(p2p.Result)) {
	blobs := p.env.Disk().Blobs()
	i := slices.IndexFunc(blobs, func(b p2p.Blob) bool { return b.Name == name })
	if i < 0 {
		done(p2p.Result{Err: p2p.ErrNotFound})
		return
	}
	o := &publish{e: entry{Name: name, item: item{Bytes: blobs[i].Len}}, done: done, first: -1}
	o.p = p
	p.env.Disk().Sum(name, 0, o.e.Bytes, sha1er, o)
}

// Handle hears of the file's hash.
func (o *publish) Handle(_ p2p.Peer, m p2p.Msg) {
	s := m.(*p2p.Summed)
	if s.Err != nil {
		o.done(p2p.Result{Err: s.Err})
		return
	}
	copy(o.e.Sum[:], s.Sum)
	o.search(o.p, o.e.Name, "", o)
}

func (o *publish) located(*lookup) { o.next() }

// next puts the object on one more node, until there are enough.
func (o *publish) next() {
	if len(o.stored) == o.p.cfg.Copies || o.i == len(o.nodes) {
		o.finish()
		return
	}
	o.p.upload(o.nodes[o.i], o.e, o.e.Name, o)
}

// uploaded goes on with the version that the first has given the object.
func (o *publish) uploaded(u *upload, err error) {
	if err != nil {
		o.err = err
	} else {
		if o.first < 0 {
			o.first = o.i
		}
		o.e.Version = max(o.e.Version, u.version)
		o.stored = append(o.stored, o.nodes[o.i])
	}
	o.i++
	o.next()
}

func (o *publish) finish() {
	r := o.result(o.first)
	r.Found = o.stored
	if o.first < 0 {
		r.Err = p2p.ErrTimeout
		if o.err != nil {
			r.Err = o.err
		}
	}
	o.done(r)
}

// An upload brings one object to one node.
type upload struct {
	watch
	pump
	what    put
	version uint32 // that the receiver keeps
	link    p2p.Peer
	then    uploader
}

// An uploader hears how an upload ended.
type uploader interface{ uploaded(u *upload, err error) }

// upload sends the object e, which lies in a blob here, to the node at a.
func (p *Pastry) upload(a p2p.Addr, e entry, blob string, then uploader) {
	u := &upload{what: put{e.Name, e.item}, then: then, pump: pump{blob: blob, bytes: e.Bytes}}
	u.begin(p.env, u)
	u.link = p.env.Dial(a, format.Streams(), u)
}

// Handle implements [p2p.Handler] for the stream.
func (u *upload) Handle(_ p2p.Peer, m p2p.Msg) {
	if !u.on() {
		return
	}
	u.moved = true
	switch m := m.(type) {
	case *p2p.Up:
		p2p.Send(u.env, u.link, u.what)
	case *want, *p2p.Room:
		u.run(u.env, u.link)
	case *stored:
		u.version = m.Version
		u.finish(m.Verdict.err())
	case *p2p.Down:
		u.finish(broken(m))
	}
}

func (u *upload) finish(err error) {
	u.end()
	u.env.Close(u.link)
	u.then.uploaded(u, err)
}
