package gnutella

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// idle is how long a stream may be kept between two requests.
const idle = 30 * time.Second

// An upload is a stream on which another servent asks for files.
type upload struct {
	s    *servent
	peer p2p.Peer
	name string
	at   int64 // next byte to go out
	end  int64
	keep bool // another request may follow
	last time.Duration
}

// serve answers the first request of a stream.
func (s *servent) serve(from p2p.Peer, m *Get) {
	if len(s.uploads) >= s.cfg.Uploads {
		p2p.Send(s.env, from, Response{Code: 503})
		s.env.Close(from)
		return
	}
	u := &upload{s: s, peer: from}
	s.uploads = append(s.uploads, u)
	s.env.Hand(from, u)
	u.respond(m)
}

// Handle hears of the stream: more requests, room, its end. A request before
// the last one is answered in full costs the stream.
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
	u.last, u.keep = u.s.env.Now(), m.Keep
	r := Response{Code: 404, Keep: m.Keep}
	var from, end int64
	if f := u.s.library.wanted(m); f != nil {
		r, from, end = part(f, m)
		u.name = f.name
	}
	p2p.Send(u.s.env, u.peer, r)
	if !m.Head {
		u.at, u.end = from, end
	}
	u.send()
}

// part is the answer to a request for f, and the bytes that follow it.
func part(f *shared, m *Get) (r Response, from, end int64) {
	r = Response{Code: 200, Length: f.size, URN: formatURN(f.sum), Keep: m.Keep}
	if m.Range == "" || m.Range == "bytes=0-" { // which version 0.4 answers with 200
		return r, 0, f.size
	}
	from, end, err := wire.ParseRange(m.Range, f.size)
	if err != nil {
		return Response{Code: 416, Keep: m.Keep}, 0, 0
	}
	r.Code, r.Length, r.Off, r.Total = 206, end-from, from, f.size
	return r, from, end
}

// send hands out pieces of the file as long as the stream takes them.
func (u *upload) send() {
	env := u.s.env
	for u.at < u.end {
		u.last = env.Now()
		if env.Full(u.peer) {
			return // Room will follow
		}
		n := min(u.end-u.at, p2p.MaxContent)
		p2p.Send(env, u.peer, Body{p2p.Content{Blob: u.name, Off: u.at, Len: int(n)}})
		u.at += n
	}
	if !u.keep {
		u.close()
	}
}

func (u *upload) close() {
	u.forget()
	u.s.env.Close(u.peer)
}

func (u *upload) forget() {
	s := u.s
	s.uploads = slices.DeleteFunc(s.uploads, func(k *upload) bool { return k == u })
}

// endIdle closes streams that were kept and not used.
func (s *servent) endIdle() {
	for i := len(s.uploads) - 1; i >= 0; i-- {
		if u := s.uploads[i]; u.at >= u.end && s.env.Now()-u.last > idle {
			u.close()
		}
	}
	for i := len(s.relays) - 1; i >= 0; i-- {
		if r := s.relays[i]; r.sent == r.kept && s.env.Now()-r.last > idle {
			r.end()
		}
	}
}
