package loop_test

import (
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"hash"

	"peerbed/protocols/p2p"
)

// A seeder and a leecher, in two processes, move a blob over loopback: blocks
// are asked for, many at once, written as they come, and summed piece by piece.
const (
	blockLen = 16 << 10
	pieceLen = 1 << 20
	inFlight = 64

	// maxRSS is what each process may use at most.
	maxRSS = 32 << 20
)

type request struct {
	Off int64
	Len int32
}

type block struct {
	Off  int64
	Data p2p.Content
}

const (
	kindRequest = p2p.First + iota
	kindBlock
)

func (*request) Kind() p2p.Kind { return kindRequest }
func (*request) Size() int      { return 1 + 8 + 4 }
func (*block) Kind() p2p.Kind   { return kindBlock }
func (m *block) Size() int      { return 1 + 8 + 4 + m.Data.Len }

// transferCodec: kind, offset, length; a block's bytes follow.
type transferCodec struct {
	request request
	block   block
}

func (*transferCodec) Append(dst []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	put := func(off int64, n int) []byte {
		dst = append(dst, byte(m.Kind()))
		dst = binary.BigEndian.AppendUint64(dst, uint64(off))
		return binary.BigEndian.AppendUint32(dst, uint32(n))
	}
	if r, ok := m.(*request); ok {
		return put(r.Off, int(r.Len)), p2p.Content{}, nil
	}
	b := m.(*block)
	return put(b.Off, b.Data.Len), b.Data, nil
}

func (c *transferCodec) Next(src []byte, eof bool) (p2p.Msg, int, error) {
	const head = 1 + 8 + 4
	if len(src) < head {
		return nil, 0, nil
	}
	off, n := int64(binary.BigEndian.Uint64(src[1:])), int(binary.BigEndian.Uint32(src[9:]))
	switch {
	case n > p2p.MaxContent:
		return nil, 0, p2p.ErrMalformed
	case src[0] == byte(kindRequest):
		c.request = request{off, int32(n)}
		return &c.request, head, nil
	case len(src) < head+n:
		return nil, 0, nil
	}
	c.block = block{off, p2p.View(src[head : head+n])}
	return &c.block, head + n, nil
}

// A seeder answers requests as fast as the stream takes it.
type seeder struct {
	env     p2p.Env
	waiting []request // while the stream is full
}

func (s *seeder) Start(env p2p.Env) { s.env = env }

func (s *seeder) Handle(from p2p.Peer, m p2p.Msg) {
	switch m := m.(type) {
	case *request:
		s.waiting = append(s.waiting, *m)
		s.serve(from)
	case *p2p.Room:
		s.serve(from)
	}
}

func (s *seeder) serve(to p2p.Peer) {
	for len(s.waiting) > 0 && !s.env.Full(to) {
		r := s.waiting[0]
		s.waiting = s.waiting[1:]
		p2p.Send(s.env, to, block{r.Off, p2p.Content{Blob: blobName, Off: r.Off, Len: int(r.Len)}})
	}
}

func (*seeder) Do(_ p2p.Op, done func(p2p.Result)) { done(p2p.Result{Err: p2p.ErrUnsupported}) }
func (*seeder) Inspect() p2p.State                 { return p2p.State{} }

const blobName = "blob"

// A leecher fetches the blob and checks its pieces against sums.
type leecher struct {
	env    p2p.Env
	seeder p2p.Addr
	size   int64
	sums   []byte // of all pieces, one after the other

	peer     p2p.Peer
	asked    int64
	stored   int64
	verified int64
	done     func(p2p.Result)
}

func (l *leecher) Start(env p2p.Env) { l.env = env }

func (l *leecher) Do(_ p2p.Op, done func(p2p.Result)) {
	l.done = done
	l.peer = l.env.Dial(l.seeder, &transferCodec{}, l)
}

func (l *leecher) Handle(_ p2p.Peer, m p2p.Msg) {
	switch m := m.(type) {
	case *p2p.Up:
		for range inFlight {
			l.ask()
		}
	case *block:
		l.env.Disk().Write(blobName, m.Off, m.Data, l)
	case *p2p.Written:
		l.written(m)
	case *p2p.Summed:
		l.summed(m)
	case *p2p.Down:
		l.done(p2p.Result{Err: fmt.Errorf("after %d bytes: %w", l.stored, m.Err)})
	}
}

func (l *leecher) ask() {
	if l.asked < l.size {
		p2p.Send(l.env, l.peer, request{l.asked, blockLen})
		l.asked += blockLen
	}
}

func (l *leecher) written(w *p2p.Written) {
	l.stored += int64(w.Len)
	l.ask()
	if l.stored%pieceLen == 0 {
		l.env.Disk().Sum(blobName, l.stored-pieceLen, pieceLen, func() hash.Hash { return sha1.New() }, l)
	}
}

func (l *leecher) summed(s *p2p.Summed) {
	want := l.sums[s.Off/pieceLen*sha1.Size:][:sha1.Size]
	if string(s.Sum) != string(want) {
		l.env.Close(l.peer)
		l.done(p2p.Result{Err: p2p.ErrCorrupt})
		return
	}
	if l.verified += s.Len; l.verified == l.size {
		l.env.Close(l.peer)
		l.done(p2p.Result{Blob: p2p.Blob{Name: blobName, Len: l.size}})
	}
}

func (*leecher) Inspect() p2p.State { return p2p.State{} }
