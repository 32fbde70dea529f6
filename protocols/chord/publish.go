package chord

import (
	"slices"

	"peerbed/protocols/p2p"
)

// A publish is a user's file on its way to the nodes that are to store it: the
// owner of its key and the owner's next successors.
type publish struct {
	lookup
	e    entry
	done func(p2p.Result)

	i      int        // of owners, whose turn it is
	first  int        // of owners, that stored it; -1: none yet
	stored []p2p.Addr // who has it
	err    error      // the last that failed
}

func (c *Chord) publish(name string, done func(p2p.Result)) {
	blobs := c.env.Disk().Blobs()
	i := slices.IndexFunc(blobs, func(b p2p.Blob) bool { return b.Name == name })
	if i < 0 {
		done(p2p.Result{Err: p2p.ErrNotFound})
		return
	}
	p := &publish{e: entry{Name: name, item: item{Bytes: blobs[i].Len}}, done: done, first: -1}
	p.c = c
	c.env.Disk().Sum(name, 0, p.e.Bytes, sha1er, p)
}

// Handle hears of the file's hash.
func (p *publish) Handle(_ p2p.Peer, m p2p.Msg) {
	s := m.(*p2p.Summed)
	if s.Err != nil {
		p.done(p2p.Result{Err: s.Err})
		return
	}
	copy(p.e.Sum[:], s.Sum)
	if p.c.cfg.Store == Pointers {
		p.c.share(p.e)
		p.e.Holder = p.c.me.Addr
	}
	p.search(p.c, p.c.cfg.M.Hash(p.e.Name), p)
}

func (p *publish) located(*lookup) { p.next() }

// next puts the object on one more node, until there are enough.
func (p *publish) next() {
	if len(p.stored) == p.c.holders() || p.i == len(p.owners) {
		p.finish()
		return
	}
	p.c.upload(p.owners[p.i], p.e, p.e.Name, p)
}

// uploaded goes on with the version that the first has given the object.
func (p *publish) uploaded(u *upload, err error) {
	if err != nil {
		p.err = err
	} else {
		if p.first < 0 {
			p.first = p.i
		}
		p.e.Version = max(p.e.Version, u.version)
		p.stored = append(p.stored, p.owners[p.i])
	}
	p.i++
	p.next()
}

func (p *publish) finish() {
	r := p.result(p.first)
	r.Found = p.stored
	if p.first < 0 {
		r.Err = p2p.ErrTimeout
		if p.err != nil {
			r.Err = p.err
		}
	}
	p.done(r)
}

// An upload brings one object, or a pointer to it, to one node.
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
func (c *Chord) upload(a p2p.Addr, e entry, blob string, then uploader) {
	u := &upload{what: put{uint8(a.Place()), e.Name, e.item}, then: then, pump: pump{blob: blob, bytes: e.Bytes}}
	u.begin(c.env, u)
	u.link = c.env.Dial(a, format.Streams(), u)
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
