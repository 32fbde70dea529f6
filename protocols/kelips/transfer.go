package kelips

import (
	"crypto/sha1"
	stdhash "hash"
	"slices"

	"peerbed/protocols/p2p"
)

// What all transfers of files have in common.

// A watch ends a transfer that has stood still for p2p.Silence: its Handler
// hears Down, as if the stream had broken.
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
// It is called again at every Room. An empty file is one empty piece.
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
	want        item
	at, written int64
	full        bool // all pieces have come
}

// hear takes what all sinks hear alike, and reports how the transfer stands: false
// is over, with an error or (nil) with a blob that is what was promised.
func (s *sink) hear(m p2p.Msg) (on bool, err error) {
	s.moved = true
	switch m := m.(type) {
	case *piece:
		if s.full || int64(m.Data.Len) > s.want.Bytes-s.at {
			return false, p2p.ErrCorrupt
		}
		s.env.Disk().Write(s.blob, s.at, m.Data, s.of)
		s.at += int64(m.Data.Len)
		s.full = s.at == s.want.Bytes
	case *p2p.Written:
		if s.written += int64(m.Len); m.Err != nil {
			return false, m.Err
		}
		if s.full && s.written == s.want.Bytes {
			s.env.Disk().Sum(s.blob, 0, s.written, sha1er, s.of)
		}
	case *p2p.Summed:
		if m.Err == nil && string(m.Sum) != string(s.want.Sum[:]) {
			return false, p2p.ErrCorrupt
		}
		return false, m.Err
	case *p2p.Down:
		if !s.full || m.Err == p2p.ErrSilent {
			return false, broken(m)
		}
	}
	return true, nil
}

func sha1er() stdhash.Hash { return sha1.New() }

// clear makes room for a file on the disk where a longer one of the same name
// lies.
func clear(disk p2p.Disk, blob string, bytes int64) {
	longer := func(b p2p.Blob) bool { return b.Name == blob && b.Len > bytes }
	if slices.ContainsFunc(disk.Blobs(), longer) {
		disk.Remove(blob)
	}
}

// A verdict is how a put ended, on the wire.
type verdict uint8

const (
	kept    verdict = iota // it is on disk and its hash is right
	corrupt                // what came has another hash
	refused                // too large, too many at once, or the disk failed
)

// err says the verdict as an error; nil if the file is kept.
func (v verdict) err() error {
	return [...]error{kept: nil, corrupt: p2p.ErrCorrupt, refused: p2p.ErrRefused}[v]
}
