package kelips

import "peerbed/protocols/p2p"

// A download brings a file from its home to this node's disk.
type download struct {
	sink
	f         *finding
	link      p2p.Peer
	announced bool
}

// download begins the second half of a Fetch.
func (f *finding) download(h *held) {
	if f.homes[0] == f.c.me && f.c.file(f.name).blob == f.name { // it lies here
		f.fetched(h.Bytes)
		return
	}
	d := &download{f: f, sink: sink{blob: f.name, want: h.item}}
	d.begin(f.c.env, d)
	d.link = d.env.Dial(f.homes[0], format.Streams(), d)
}

func (f *finding) fetched(bytes int64) {
	r := f.result()
	r.Found = f.homes[:1]
	r.Blob = p2p.Blob{Name: f.name, Len: bytes}
	f.done(r)
}

// Handle implements [p2p.Handler] for the stream and the disk.
func (d *download) Handle(_ p2p.Peer, m p2p.Msg) {
	if !d.on() {
		return
	}
	switch m := m.(type) {
	case *p2p.Up:
		p2p.Send(d.env, d.link, get{d.f.name})
		return
	case *object:
		if d.announced || !m.Found || m.item != d.want {
			d.finish(p2p.ErrNotFound)
			return
		}
		d.announced = true
		clear(d.env.Disk(), d.blob, m.Bytes)
	case *piece:
		if !d.announced {
			d.finish(p2p.ErrCorrupt)
			return
		}
	}
	if on, err := d.hear(m); !on {
		d.finish(err)
	}
}

// finish ends the download; after an error the next home is asked.
func (d *download) finish(err error) {
	d.end()
	d.env.Close(d.link)
	if err == nil {
		d.f.fetched(d.want.Bytes)
		return
	}
	if d.announced {
		d.env.Disk().Remove(d.blob)
	}
	d.f.err = err
	d.f.another()
}

// A serving is a file that another node gets from here.
type serving struct {
	pump
	c *Kelips
}

// give hears get.
func (c *Kelips) give(from p2p.Peer, m *get) {
	f := c.file(m.Name)
	if f == nil {
		p2p.Send(c.env, from, object{})
		c.env.Close(from)
		return
	}
	s := &serving{pump{blob: f.blob, bytes: f.Bytes}, c}
	c.env.Hand(from, s)
	p2p.Send(c.env, from, object{true, f.item})
	s.more(from)
}

// Handle implements [p2p.Handler].
func (s *serving) Handle(from p2p.Peer, m p2p.Msg) {
	if _, ok := m.(*p2p.Room); ok {
		s.more(from)
	}
}

func (s *serving) more(link p2p.Peer) {
	if s.run(s.c.env, link) {
		s.c.env.Close(link)
	}
}
