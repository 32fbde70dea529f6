package fasttrack

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// idle is how long a stream may be kept between two requests.
const idle = 30 * time.Second

// busyFor is how many seconds who finds this node busy is told to wait.
const busyFor = 1

// An upload is a stream on which another node asks for files.
type upload struct {
	n    *node
	peer p2p.Peer
	name string
	at   int64 // next byte to go out
	end  int64
	keep bool // another request may follow
	last time.Duration
}

// serve answers the first request of a stream.
func (n *node) serve(from p2p.Peer, m *Get) {
	if len(n.uploads) >= n.cfg.Uploads {
		p2p.Send(n.env, from, Response{Code: 503, Retry: busyFor, User: n.user})
		n.env.Close(from)
		return
	}
	u := &upload{n: n, peer: from}
	n.uploads = append(n.uploads, u)
	n.env.Hand(from, u)
	u.respond(m)
}

// Handle hears of the stream: more requests, room, its end. A request before the
// last one is answered in full costs the stream.
func (u *upload) Handle(_ p2p.Peer, m p2p.Msg) {
	switch m := m.(type) {
	case *Get:
		if u.at < u.end {
			u.close()
			return
		}
		u.respond(m)
	case *p2p.Up:
	case *p2p.Room:
		u.send()
	case *p2p.Down:
		u.forget()
	default:
		u.close()
	}
}

// respond sends the head of the answer and begins with the body.
func (u *upload) respond(m *Get) {
	u.last, u.keep = u.n.env.Now(), m.Keep
	r := Response{Code: 404, Keep: m.Keep}
	var from, end int64
	if f := u.n.library.wanted(m.Hash); f != nil {
		r, from, end = part(f, m)
		u.name = f.name
	}
	r.User = u.n.user
	p2p.Send(u.n.env, u.peer, r)
	if !m.Head {
		u.at, u.end = from, end
	}
	u.send()
}

// part is the answer to a request for f, and the bytes that follow it.
func part(f *shared, m *Get) (r Response, from, end int64) {
	if m.Range == "" || f.size == 0 {
		return Response{Code: 200, Length: f.size, Keep: m.Keep}, 0, f.size
	}
	from, end, err := wire.ParseRange(m.Range, f.size)
	if err != nil {
		return Response{Code: 416, Keep: m.Keep}, 0, 0
	}
	return Response{Code: 206, Length: end - from, Off: from, Total: f.size, Keep: m.Keep}, from, end
}

// send hands out pieces of the file as long as the stream takes them.
func (u *upload) send() {
	env := u.n.env
	for u.at < u.end {
		u.last = env.Now()
		if env.Full(u.peer) {
			return // Room will follow
		}
		n := min(u.end-u.at, p2p.MaxContent)
		p2p.Send(env, u.peer, Body{p2p.Content{Blob: u.name, Off: u.at, Len: int(n)}})
		u.at += n
		u.n.gave(n)
	}
	if !u.keep {
		u.close()
	}
}

func (u *upload) close() {
	u.forget()
	u.n.env.Close(u.peer)
}

func (u *upload) forget() {
	n := u.n
	n.uploads = slices.DeleteFunc(n.uploads, func(k *upload) bool { return k == u })
}

// endIdle closes streams that were kept and not used.
func (n *node) endIdle() {
	for i := len(n.uploads) - 1; i >= 0; i-- {
		if u := n.uploads[i]; u.at >= u.end && n.env.Now()-u.last > idle {
			u.close()
		}
	}
}
