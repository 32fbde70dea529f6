package pastry

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
	p    *Pastry
	link p2p.Peer
}

// take hears put. What is stored already need not be sent, and what was removed
// since is not wanted.
func (p *Pastry) take(from p2p.Peer, m *put) {
	have, e := p.known(m.Name), entry{Name: m.Name, item: m.item}
	if e.Version == 0 {
		e.Version = have.Version + 1
	}
	t := &intake{p: p, link: from, sink: sink{want: e, blob: e.blob()}}
	switch {
	case have.Version >= e.Version && have.Gone:
		p.judge(from, gone, have.Version)
	case have.Version >= e.Version:
		p.judge(from, kept, have.Version)
	case m.Name == "", m.Bytes > p.cfg.Largest, len(p.takes) == maxTakes, p.taking(t.blob):
		p.judge(from, refused, 0)
	case have.Sum == e.Sum && !have.Gone && have.Version > 0:
		t.keep()
	default:
		p.takes = append(p.takes, t)
		p.env.Hand(from, t)
		t.begin(p.env, t)
		p2p.Send(p.env, from, want{})
	}
}

// keep lists the object, unless a newer one has come meanwhile.
func (t *intake) keep() {
	if have := t.p.known(t.want.Name); have.Version <= t.want.Version {
		t.p.save(&t.want)
		t.p.insert(t.want)
	}
	t.p.judge(t.link, kept, t.want.Version)
}

func (p *Pastry) taking(blob string) bool {
	return slices.ContainsFunc(p.takes, func(t *intake) bool { return t.blob == blob })
}

// judge ends a put.
func (p *Pastry) judge(link p2p.Peer, v verdict, version uint32) {
	p2p.Send(p.env, link, stored{v, version})
	p.env.Close(link)
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
	t.p.takes = slices.DeleteFunc(t.p.takes, func(o *intake) bool { return o == t })
	if v == kept {
		t.keep()
		return
	}
	t.env.Disk().Remove(t.blob)
	t.p.judge(t.link, v, 0)
}

// A serving is an object that another node gets from here.
type serving struct {
	pump
	p *Pastry
}

// give hears get.
func (p *Pastry) give(from p2p.Peer, m *get) {
	e := p.known(m.Name)
	if e.Version == 0 || e.Gone {
		p2p.Send(p.env, from, object{})
		p.env.Close(from)
		return
	}
	s := &serving{pump{blob: e.blob(), bytes: e.Bytes}, p}
	p.env.Hand(from, s)
	p2p.Send(p.env, from, object{true, e.item})
	s.more(from)
}

// Handle implements [p2p.Handler].
func (s *serving) Handle(from p2p.Peer, m p2p.Msg) {
	if _, ok := m.(*p2p.Room); ok {
		s.more(from)
	}
}

func (s *serving) more(link p2p.Peer) {
	if s.run(s.p.env, link) {
		s.p.env.Close(link)
	}
}
