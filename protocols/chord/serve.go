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

// take hears put. What is stored already need not be sent.
func (c *Chord) take(from p2p.Peer, m *put) {
	t := &intake{c: c, link: from, sink: sink{want: entry{m.Name, m.Bytes, m.Sum}}}
	t.blob = t.want.blob()
	i, found := c.at(m.Name)
	switch {
	case found && (c.store[i].Sum == m.Sum || !m.Fresh):
		c.judge(from, kept)
	case m.Name == "", m.Bytes > c.cfg.Largest, len(c.takes) == maxTakes, c.taking(t.blob):
		c.judge(from, refused)
	default:
		c.takes = append(c.takes, t)
		c.env.Hand(from, t)
		t.begin(c.env, t)
		p2p.Send(c.env, from, want{})
	}
}

func (c *Chord) taking(blob string) bool {
	return slices.ContainsFunc(c.takes, func(t *intake) bool { return t.blob == blob })
}

// judge ends a put.
func (c *Chord) judge(link p2p.Peer, v verdict) {
	p2p.Send(c.env, link, stored{v})
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
		t.want.save(t.env.Disk())
		t.c.insert(t.want)
		t.finish(kept)
	}
}

func (t *intake) finish(v verdict) {
	t.end()
	t.c.takes = slices.DeleteFunc(t.c.takes, func(o *intake) bool { return o == t })
	if v != kept {
		t.env.Disk().Remove(t.blob)
	}
	t.c.judge(t.link, v)
}

// A serving is an object that another node gets from here.
type serving struct {
	pump
	c *Chord
}

// give hears get.
func (c *Chord) give(from p2p.Peer, m *get) {
	i, found := c.at(m.Name)
	if !found {
		p2p.Send(c.env, from, object{})
		c.env.Close(from)
		return
	}
	e := c.store[i]
	s := &serving{pump{blob: e.blob(), bytes: e.Bytes}, c}
	c.env.Hand(from, s)
	p2p.Send(c.env, from, object{true, e.Bytes, e.Sum})
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
