package napster

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// A grant is an Offer that was accepted: the asker may come for the file.
type grant struct {
	nick, name string
	until      time.Duration
}

// granting is how long a grant holds.
const granting = time.Minute

// wanted hears that somebody wants a file.
func (c *client) wanted(m *Offer) {
	_, again := c.grant(m.Nick, m.Name)
	switch {
	case c.library.find(m.Name) == nil:
		p2p.Send(c.env, c.server, Denied{codeNoAccept, m.Nick, m.Name})
	case len(c.uploads)+len(c.grants) >= c.cfg.Uploads && !again:
		p2p.Send(c.env, c.server, Queued{codeFull, m.Nick, m.Name, uint32(c.cfg.Uploads)})
	default:
		c.grants = append(c.grants, grant{m.Nick, m.Name, c.env.Now() + granting})
		p2p.Send(c.env, c.server, Accepted{m.Nick, m.Name})
	}
}

// grant finds a grant, and takes it away.
func (c *client) grant(nick, name string) (g grant, ok bool) {
	i := slices.IndexFunc(c.grants, func(g grant) bool { return g.nick == nick && g.name == name })
	if i < 0 {
		return g, false
	}
	g = c.grants[i]
	c.grants = slices.Delete(c.grants, i, i+1)
	return g, true
}

// maxCallers is how many streams may stand that have not said what they want.
const maxCallers = 256

// A caller has dialled this client and not yet said what it wants; if it was a
// ping, it never will.
type caller struct {
	c     *client
	peer  p2p.Peer
	since time.Duration
}

// called greets who has dialled.
func (c *client) called(from p2p.Peer) {
	if len(c.callers) >= maxCallers {
		c.env.Close(from)
		return
	}
	k := &caller{c, from, c.env.Now()}
	c.callers = append(c.callers, k)
	c.env.Hand(from, k)
	p2p.Send(c.env, from, One{})
}

func (k *caller) Handle(from p2p.Peer, m p2p.Msg) {
	switch m := m.(type) {
	case *p2p.Up, *p2p.Room:
	case *Get:
		k.forget()
		k.c.asked(from, m)
	case *Give:
		k.forget()
		k.c.given(from, m)
	case *p2p.Down:
		k.forget()
	default:
		k.close()
	}
}

func (k *caller) forget() {
	k.c.callers = slices.DeleteFunc(k.c.callers, func(o *caller) bool { return o == k })
}

func (k *caller) close() {
	k.forget()
	k.c.env.Close(k.peer)
}

// An upload is a file on its way to somebody.
type upload struct {
	c    *client
	peer p2p.Peer
	name string
	size int64
	at   int64         // next byte to go out
	sent bool          // it has begun
	last time.Duration // when something last happened
}

// asked serves a Get that was granted.
func (c *client) asked(from p2p.Peer, m *Get) {
	_, ok := c.grant(m.Nick, m.Name)
	f := c.library.find(m.Name)
	switch {
	case !ok || f != nil && m.Offset > f.size:
		c.refuse(from, invalid)
	case f == nil:
		c.refuse(from, notShared)
	default:
		u := c.upload(from, f)
		u.at = m.Offset
		p2p.Send(c.env, from, Length{f.size})
		u.begin()
	}
}

func (c *client) refuse(from p2p.Peer, why string) {
	p2p.Send(c.env, from, Refusal{why})
	c.env.Close(from)
}

func (c *client) upload(peer p2p.Peer, f *shared) *upload {
	u := &upload{c: c, peer: peer, name: f.name, size: f.size, last: c.env.Now()}
	c.uploads = append(c.uploads, u)
	c.env.Hand(peer, u)
	return u
}

// push dials who wants a file and cannot dial this client.
func (c *client) push(m *Granted) {
	_, ok := c.grant(m.Nick, m.Name)
	f := c.library.find(m.Name)
	if !ok || f == nil || m.Port == 0 {
		return
	}
	u := &upload{c: c, name: f.name, size: f.size, last: c.env.Now()}
	c.uploads = append(c.uploads, u)
	u.peer = c.env.Dial(p2p.MakeAddr(m.IP, m.Port), &giving{}, u)
}

// Handle hears of the stream.
func (u *upload) Handle(from p2p.Peer, m p2p.Msg) {
	u.last = u.c.env.Now()
	switch m := m.(type) {
	case *p2p.Up:
	case *p2p.Room:
		u.send()
	case *One:
		p2p.Send(u.c.env, from, Give{u.c.nick, u.name, u.size})
	case *Start:
		if u.sent || m.Offset > u.size {
			u.close()
			return
		}
		u.at = m.Offset
		u.begin()
	case *p2p.Down:
		u.forget()
	default:
		u.close()
	}
}

func (u *upload) begin() {
	u.sent = true
	u.c.tell(codeGiving)
	u.send()
}

// tell sends the server a frame without data, if there is one.
func (c *client) tell(code uint16) {
	if c.in {
		p2p.Send(c.env, c.server, Text{Code: code})
	}
}

// send hands out pieces of the file as long as the stream takes them.
func (u *upload) send() {
	if !u.sent {
		return
	}
	env := u.c.env
	for u.at < u.size {
		if env.Full(u.peer) {
			return // Room will follow
		}
		n := min(u.size-u.at, p2p.MaxContent)
		p2p.Send(env, u.peer, Data{p2p.Content{Blob: u.name, Off: u.at, Len: int(n)}})
		u.at += n
	}
	u.close()
}

func (u *upload) close() {
	u.forget()
	u.c.env.Close(u.peer)
}

func (u *upload) forget() {
	c := u.c
	c.uploads = slices.DeleteFunc(c.uploads, func(k *upload) bool { return k == u })
	if u.sent && !c.node.gone {
		c.tell(codeGave)
	}
}
