package chord

import (
	"slices"

	"peerbed/protocols/p2p"
)

// The side of a transfer that was dialled.

// maxTakes bounds how many objects a node takes at once.
const maxTakes = 64

// An intake is an object that another node puts here.
type intake struct {
	sink
	c    *Chord
	link p2p.Peer
}

// take hears put. What is stored already need not be sent, and what was removed
// since is not wanted.
func (c *Chord) take(from p2p.Peer, m *put) {
	have, e := c.known(m.Name), entry{Name: m.Name, item: m.item}
	if e.Version == 0 {
		e.Version = have.Version + 1
	}
	t := &intake{c: c, link: from, sink: sink{want: e, blob: c.blob(&e)}}
	switch {
	case have.Version >= e.Version && have.Gone:
		c.judge(from, gone, have.Version)
	case have.Version >= e.Version:
		c.judge(from, kept, have.Version)
	case m.Name == "", m.Bytes > c.cfg.Largest, len(c.own().takes) == maxTakes, c.taking(t.blob):
		c.judge(from, refused, 0)
	case m.Holder != 0, have.Sum == e.Sum && !have.Gone && have.Holder == 0 && have.Version > 0:
		t.keep()
	default:
		c.takes = append(c.takes, t)
		c.env.Hand(from, t)
		t.begin(c.env, t)
		p2p.Send(c.env, from, want{})
	}
}

// keep lists the object, unless a newer one has come meanwhile.
func (t *intake) keep() {
	if have := t.c.known(t.want.Name); have.Version <= t.want.Version {
		if t.want.Holder == 0 {
			t.c.save(&t.want)
		}
		t.c.insert(t.want)
	}
	t.c.judge(t.link, kept, t.want.Version)
}

func (c *Chord) taking(blob string) bool {
	return slices.ContainsFunc(c.takes, func(t *intake) bool { return t.blob == blob })
}

// judge ends a put.
func (c *Chord) judge(link p2p.Peer, v verdict, version uint32) {
	p2p.Send(c.env, link, stored{v, version})
	c.env.Close(link)
}

// Handle implements [p2p.Handler] for the stream and the disk.
func (t *intake) Handle(_ p2p.Peer, m p2p.Msg) {
	if !t.on() {
		return
	}
	switch m := m.(type) {
	case *piece:
		if !t.take(m) {
			t.finish(corrupt)
		}
	case *p2p.Written:
		if m.Err != nil {
			t.finish(refused)
			return
		}
		t.wrote(m)
	case *p2p.Summed:
		t.summed(m)
	case *p2p.Down:
		if !t.full || m.Err == p2p.ErrSilent {
			t.finish(refused)
		}
	}
}

func (t *intake) summed(m *p2p.Summed) {
	switch {
	case m.Err != nil:
		t.finish(refused)
	case string(m.Sum) != string(t.want.Sum[:]):
		t.finish(corrupt)
	default:
		t.finish(kept)
	}
}

func (t *intake) finish(v verdict) {
	t.end()
	t.c.takes = slices.DeleteFunc(t.c.takes, func(o *intake) bool { return o == t })
	if v == kept {
		t.keep()
		return
	}
	t.env.Disk().Remove(t.blob)
	t.c.judge(t.link, v, 0)
}

// A serving is an object that another node gets from here.
type serving struct {
	pump
	c *Chord
}

// give hears get: for what is stored here, or what this node published and only
// pointers lead to.
func (c *Chord) give(from p2p.Peer, m *get) {
	e, blob := c.known(m.Name), m.Name
	if i := c.sharing(m.Name); i >= 0 {
		e = c.shared[i]
	} else {
		blob = c.blob(&e)
	}
	if e.Version == 0 || e.Gone || e.Holder != 0 {
		p2p.Send(c.env, from, object{})
		c.env.Close(from)
		return
	}
	s := &serving{pump{blob: blob, bytes: e.Bytes}, c}
	c.env.Hand(from, s)
	p2p.Send(c.env, from, object{true, e.item})
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
