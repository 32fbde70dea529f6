package kelips

import (
	"errors"
	"slices"

	"peerbed/protocols/p2p"
)

// maxTakes bounds how many files a node takes at once.
const maxTakes = 64

// An intake is a file that another node brings here, with Paper.
type intake struct {
	sink
	c    *Kelips
	name string
	link p2p.Peer
}

// take hears put.
func (c *Kelips) take(from p2p.Peer, m *put) {
	t := &intake{c: c, name: m.Name, link: from, sink: sink{want: m.item, blob: digest(m.Name + string(m.Sum[:]))}}
	busy := slices.ContainsFunc(c.takes, func(o *intake) bool { return o.blob == t.blob })
	own := c.file(m.Name)
	switch {
	case c.cfg.Place != Paper || m.Name == "" || m.Bytes > c.cfg.Largest || len(c.takes) == maxTakes || busy,
		own != nil && own.blob == own.Name: // its own user's
		c.judge(from, refused)
	case own != nil && own.item == m.item:
		c.judge(from, kept)
	default:
		c.takes = append(c.takes, t)
		c.env.Hand(from, t)
		t.begin(c.env, t)
		clear(c.env.Disk(), t.blob, m.Bytes)
	}
}

// judge ends a put.
func (c *Kelips) judge(link p2p.Peer, v verdict) {
	p2p.Send(c.env, link, stored{v})
	c.env.Close(link)
}

// Handle implements [p2p.Handler] for the stream and the disk.
func (t *intake) Handle(_ p2p.Peer, m p2p.Msg) {
	if !t.on() {
		return
	}
	on, err := t.hear(m)
	switch {
	case on:
	case err == nil:
		t.finish(kept)
	case errors.Is(err, p2p.ErrCorrupt):
		t.finish(corrupt)
	default:
		t.finish(refused)
	}
}

func (t *intake) finish(v verdict) {
	t.end()
	c := t.c
	c.takes = slices.DeleteFunc(c.takes, func(o *intake) bool { return o == t })
	if v == kept {
		c.keep(file{Name: t.name, blob: t.blob, item: t.want, due: c.env.Now() + c.cfg.Refresh})
		c.note(t.name, c.me, c.env.Now())
	} else {
		c.env.Disk().Remove(t.blob)
	}
	c.judge(t.link, v)
}
