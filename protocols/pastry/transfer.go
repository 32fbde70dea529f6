package pastry

import (
	"crypto/sha1"
	"fmt"
	stdhash "hash"

	"peerbed/protocols/p2p"
)

// What both directions of moving an object have in common.

// A watch ends a transfer that has stood still for p2p.Silence: its Handler
// hears Down, as if the stream had broken. A stream tells of dead machines by
// itself; this is for living ones that just do not go on.
type watch struct {
	p2p.Alarm
	env   p2p.Env
	of    p2p.Handler
	timer p2p.Timer
	moved bool
}

func (w *watch) begin(env p2p.Env, of p2p.Handler) {
	w.env, w.of = env, of
	w.timer = env.After(p2p.Silence, w)
}

func (w *watch) rang() {
	if !w.moved {
		w.of.Handle(p2p.Peer{}, &p2p.Down{Err: p2p.ErrSilent})
		return
	}
	w.moved = false
	w.timer = w.env.After(p2p.Silence, w)
}

// on reports whether the transfer is still under way.
func (w *watch) on() bool { return w.timer != p2p.Timer{} }

func (w *watch) end() {
	w.env.Stop(w.timer)
	w.timer = p2p.Timer{}
}

// broken says why a stream ended before its work was done.
func broken(m *p2p.Down) error {
	if m.Err == nil {
		return p2p.ErrReset
	}
	return m.Err
}

// A pump sends a blob over a stream in pieces.
type pump struct {
	blob  string
	bytes int64
	off   int64
	begun bool
}

// run sends until the stream is full or all has gone, and reports the latter.
// It is called again at every Room. An empty object is one empty piece.
func (p *pump) run(env p2p.Env, link p2p.Peer) (all bool) {
	for p.off < p.bytes || !p.begun {
		if env.Full(link) {
			return false
		}
		n := int(min(p.bytes-p.off, p2p.MaxContent))
		p2p.Send(env, link, piece{p2p.Content{Blob: p.blob, Off: p.off, Len: n}})
		p.off += int64(n)
		p.begun = true
	}
	return true
}

// A sink writes the pieces of a stream to a blob and has their hash taken.
type sink struct {
	watch
	blob        string
	want        entry
	at, written int64
	full        bool // all pieces have come
}

// take writes one piece. It reports false if that is more than was announced.
func (s *sink) take(m *piece) bool {
	if s.full || int64(m.Data.Len) > s.want.Bytes-s.at {
		return false
	}
	s.env.Disk().Write(s.blob, s.at, m.Data, s.of)
	s.at += int64(m.Data.Len)
	s.full = s.at == s.want.Bytes
	s.moved = true
	return true
}

// wrote counts what is on disk and has it hashed once that is all.
func (s *sink) wrote(m *p2p.Written) {
	s.written += int64(m.Len)
	s.moved = true
	if s.full && s.written == s.want.Bytes {
		s.env.Disk().Sum(s.blob, 0, s.written, sha1er, s.of)
	}
}

func sha1er() stdhash.Hash { return sha1.New() }

// A verdict is how a put ended, or a join, on the wire.
type verdict uint8

const (
	kept    verdict = iota // it is on disk and its hash is right, or it was already
	corrupt                // what came has another hash
	refused                // too large, being stored by another, or the disk failed
	gone                   // it has been removed since; of a join: the id is taken
)

// errGone says that an object has been removed since.
var errGone = fmt.Errorf("%w: removed", p2p.ErrNotFound)

// err says the verdict as an error; nil if the object is kept.
func (v verdict) err() error {
	return [...]error{kept: nil, corrupt: p2p.ErrCorrupt, refused: p2p.ErrRefused, gone: errGone}[v]
}
