package kelips

import (
	"slices"

	"peerbed/protocols/p2p"
)

// A publishing is a user's file on its way to be known, or, with Paper, to be
// stored, in the group of its name.
type publishing struct {
	walk
	f    file
	done func(p2p.Result)
	err  error // why a node would not store it
}

func (c *Kelips) publish(name string, done func(p2p.Result)) {
	blobs := c.env.Disk().Blobs()
	i := slices.IndexFunc(blobs, func(b p2p.Blob) bool { return b.Name == name })
	if i < 0 {
		done(p2p.Result{Err: p2p.ErrNotFound})
		return
	}
	p := &publishing{f: file{Name: name, blob: name, item: item{Bytes: blobs[i].Len}}, done: done}
	p.walk = walk{c: c, name: name, end: p.nobody}
	c.env.Disk().Sum(name, 0, p.f.Bytes, sha1er, p)
}

// Handle hears of the file's hash.
func (p *publishing) Handle(_ p2p.Peer, m p2p.Msg) {
	s := m.(*p2p.Summed)
	if s.Err != nil {
		p.done(p2p.Result{Err: s.Err})
		return
	}
	copy(p.f.Sum[:], s.Sum)
	publishes[p.c.cfg.Place](p)
}

// share keeps the file here and tells its group of it. It goes on being told by
// refreshes, so that a group nobody of which answers today may know tomorrow;
// still the user hears of it.
func (p *publishing) share() {
	c := p.c
	p.f.due = c.env.Now() + c.cfg.Refresh
	c.keep(p.f)
	if c.place(p.name) == c.group {
		c.note(p.name, c.me, c.env.Now())
		p.at = -1
		p.finish(c.me)
		return
	}
	p.ask = p.inform
	p.begin()
}

func (p *publishing) inform(to p2p.Peer) {
	p2p.Ask(&p.c.calls, to, insert{Name: p.name, Home: p.c.me}, p, (*publishing).informed)
}

func (p *publishing) informed(r *inserted) {
	switch {
	case r == nil:
		p.missed()
	case r.Mine:
		p.finish(p.c.me)
	default:
		p.referred(false, r.Named)
	}
}

func (p *publishing) finish(home p2p.Addr) {
	r := p.result()
	r.Found = []p2p.Addr{home}
	p.done(r)
}

func (p *publishing) nobody() {
	r := p.failed()
	if p.err != nil {
		r.Err = p.err
	}
	p.done(r)
}

func (c *Kelips) answerInsert(from p2p.Peer, q *insert) {
	r := inserted{Mine: c.note(q.Name, q.Home, c.env.Now())}
	if !r.Mine {
		_, r.Named = c.refer(q.Name)
	}
	p2p.Reply(c.env, from, q.Tag, r)
}

// settle brings the file to a member of its group.
func (p *publishing) settle() {
	if p.c.place(p.name) == p.c.group {
		p.at = -1
		p.upload(p.c.home())
		return
	}
	p.ask = p.seekHome
	p.begin()
}

func (p *publishing) seekHome(to p2p.Peer) {
	p2p.Ask(&p.c.calls, to, house{Name: p.name}, p, (*publishing).offered)
}

func (p *publishing) offered(r *housed) {
	switch {
	case r == nil:
		p.missed()
	case r.Home != 0:
		p.upload(r.Home)
	default:
		p.referred(false, r.Named)
	}
}

// home draws a member of the node's group, itself included.
func (c *Kelips) home() p2p.Addr {
	if i := c.env.Rand().IntN(len(c.view) + 1); i < len(c.view) {
		return c.view[i].Addr
	}
	return c.me
}

func (c *Kelips) answerHouse(from p2p.Peer, q *house) {
	r := housed{}
	mine, named := c.refer(q.Name)
	if mine {
		r.Home = c.home()
	} else {
		r.Named = named
	}
	p2p.Reply(c.env, from, q.Tag, r)
}

func (p *publishing) upload(home p2p.Addr) {
	if home == p.c.me {
		p.c.keep(p.f)
		p.c.note(p.name, home, p.c.env.Now())
		p.finish(home)
		return
	}
	u := &upload{of: p, home: home, pump: pump{blob: p.f.blob, bytes: p.f.Bytes}}
	u.begin(p.c.env, u)
	u.link = p.c.env.Dial(home, format.Streams(), u)
}

// An upload brings a file to its home.
type upload struct {
	watch
	pump
	of   *publishing
	home p2p.Addr
	link p2p.Peer
}

// Handle implements [p2p.Handler] for the stream.
func (u *upload) Handle(_ p2p.Peer, m p2p.Msg) {
	if !u.on() {
		return
	}
	u.moved = true
	switch m := m.(type) {
	case *p2p.Up:
		p2p.Send(u.env, u.link, put{u.of.name, u.of.f.item})
		u.run(u.env, u.link)
	case *p2p.Room:
		u.run(u.env, u.link)
	case *stored:
		u.finish(m.Verdict.err())
	case *p2p.Down:
		u.finish(broken(m))
	}
}

func (u *upload) finish(err error) {
	u.end()
	u.env.Close(u.link)
	if err == nil {
		u.of.finish(u.home)
		return
	}
	u.of.err = err
	if u.of.at < 0 { // it was drawn from this node's own view
		u.of.nobody()
		return
	}
	u.of.next()
}
