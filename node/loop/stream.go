package loop

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"peerbed/node/link"
	"peerbed/protocols/p2p"
)

// A stream is one conversation of the node, from Dial or accept until its
// socket is closed.
type stream struct {
	l     *Loop
	peer  p2p.Peer
	codec p2p.Codec   // nil while Accept has not recognised the language
	h     p2p.Handler // hears of it, until it is deaf
	q     *link.Queue
	conn  *link.Conn // nil while it is being dialled
	guest bool       // another node dialled
	heard bool       // bytes of its language have come
	deaf  bool       // closed or down: nobody hears of it, and nothing is sent any more
	bye   bool       // closed by this node: says good-bye once held is empty

	in    inbox
	busy  bool     // a dial is under way
	asked bool     // a read is under way
	late  *outcome // of a read that came back while blocked

	full    bool // a Room is owed
	blocked bool // by the gate
	stalls  int  // how often it was, to tell an old deadline from the present one

	held     []held        // what the link model delays, in order
	departed int           // how many of it are on their way
	last     time.Duration // when the last of these arrives
	leaving  bool          // the next one is on the access line
}

// An outcome is what a read came back with.
type outcome struct {
	n   int
	err error
}

// A held is encoded and waits for its time.
type held struct {
	at time.Duration
	b  []byte
	c  p2p.Content
}

func (l *Loop) newStream(addr p2p.Addr, c p2p.Codec, h p2p.Handler) *stream {
	l.last++
	s := &stream{l: l, peer: p2p.Peer{Addr: addr, Link: l.last}, codec: c, h: h}
	s.q = link.NewQueue(func() { l.mail.post(s.drained) })
	s.in.returned = s.read
	l.streams[l.last] = s
	return s
}

// live returns the stream p, or nil if it is closed or down.
func (l *Loop) live(p p2p.Peer) *stream {
	s := l.streams[p.Link]
	if s == nil || s.deaf || s.peer != p {
		return nil
	}
	return s
}

// Dial opens a stream.
func (e env) Dial(to p2p.Addr, c p2p.Codec, h p2p.Handler) p2p.Peer {
	s := e.newStream(to, c, h)
	if e.net.vain(to) {
		s.stall()
	} else {
		s.dial()
	}
	return s.peer
}

// dial connects, after the time that the link model gives a handshake.
func (s *stream) dial() {
	s.busy = true
	if d := s.l.net.handshake(s.l.self, s.peer.Addr); d > 0 {
		s.l.later(d, s.call)
	} else {
		s.call()
	}
}

func (s *stream) call() {
	if s.blocked || s.l.net.vain(s.peer.Addr) {
		s.busy = false // resume dials again
		if !s.blocked {
			s.stall()
		}
		return
	}
	go func() {
		c, err := s.l.cfg.Socket.Dial(s.peer.Addr)
		s.l.mail.post(func() { s.dialled(c, err) })
	}()
}

func (s *stream) dialled(c *net.TCPConn, err error) {
	s.busy = false
	switch {
	case err != nil:
		s.down(err)
	case s.deaf && !s.bye: // silent meanwhile
		c.SetLinger(0)
		c.Close()
	default:
		s.attach(c)
		s.leave()
		if !s.deaf {
			s.l.tell(s.h, s.peer, &p2p.Up{})
		}
		s.read()
		s.farewell()
	}
}

func (s *stream) attach(c *net.TCPConn) {
	s.conn = link.New(c, s.q, s.l.silence, link.Events{
		Post: s.l.mail.post, Got: s.got, Failed: s.down, Ended: s.ended, Blob: s.l.cfg.Folder.Blob,
	})
}

// Hand names who hears of p.
func (e env) Hand(p p2p.Peer, h p2p.Handler) {
	if s := e.live(p); s != nil {
		s.h = h
	}
}

// Close says good-bye after what is queued has gone.
func (e env) Close(p p2p.Peer) {
	if s := e.live(p); s != nil {
		s.close()
	}
}

func (s *stream) close() {
	if !s.deaf {
		s.deaf, s.bye = true, true
		s.farewell()
	}
}

// farewell lets the connection say good-bye if it is time.
func (s *stream) farewell() {
	if s.bye && s.conn != nil && len(s.held) == 0 {
		s.conn.Close()
	}
}

// Full reports whether p's queue is above the mark.
func (e env) Full(p p2p.Peer) bool {
	s := e.live(p)
	if s == nil {
		return false
	}
	s.full = s.q.Full()
	return s.full
}

// drained is called when the queue has fallen to its low mark. It may have been
// filled again since.
func (s *stream) drained() {
	if s.full && !s.deaf && !s.q.Full() {
		s.full = false
		s.l.tell(s.h, s.peer, &p2p.Room{})
	}
}

// down ends the stream, and tells its Handler if it has not been closed. A nil
// error is the other side's good-bye: what is queued still goes.
func (s *stream) down(err error) {
	if s.conn == nil {
		s.ended()
	} else if err == nil {
		s.conn.Close()
	} else {
		s.conn.Abort()
	}
	if !s.deaf {
		s.deaf = true
		if s.codec != nil { // else the Node never heard of it
			s.l.tell(s.h, s.peer, &p2p.Down{Err: err})
		}
	}
}

// fail is down for what is found out while the Node is being called: it must
// not hear Down from within Send.
func (s *stream) fail(err error) {
	s.l.mail.post(func() {
		if !s.deaf {
			s.down(err)
		}
	})
}

// ended forgets the stream.
func (s *stream) ended() {
	if s.l.streams[s.peer.Link] != s {
		return
	}
	delete(s.l.streams, s.peer.Link)
	s.in.end(&s.l.buffers)
	s.conn = nil
	s.held, s.departed = nil, 0
	if s.guest {
		s.l.dismiss(s.peer.Addr.IP())
	}
}

// post encodes and queues m.
func (s *stream) post(m p2p.Msg) {
	b, c, err := s.codec.Append(s.l.scratch[:0], m)
	if err == nil && c.Len > p2p.MaxContent {
		err = fmt.Errorf("content of %d bytes, at most %d in one message", c.Len, p2p.MaxContent)
	}
	if err != nil {
		s.fail(fmt.Errorf("cannot send %T: %w", m, err))
		return
	}
	s.l.scratch = b[:0]
	s.l.countSent(m)
	if s.q.Count(len(b)+c.Len) > link.Most {
		s.fail(fmt.Errorf("%w: more than %d bytes", p2p.ErrOverrun, link.Most))
		return
	}
	if s.l.net.perfect && len(s.held) == 0 {
		s.q.Put(b, c)
	} else {
		s.hold(b, c)
	}
}

// hold keeps what the link model delays. Before the stream stands nothing of it
// is on its way.
func (s *stream) hold(b []byte, c p2p.Content) {
	s.held = append(s.held, held{b: slices.Clone(b), c: c})
	s.leave()
}

// leave lets what waits depart: at once, or one after the other over the access
// line, so that streams share it message by message; small ones that wait behind
// one share its turn, as they would share a packet.
func (s *stream) leave() {
	net := &s.l.net
	for s.conn != nil && !s.leaving && s.departed < len(s.held) {
		if net.access.Up == 0 {
			s.depart(&s.held[s.departed])
		} else {
			s.leaving = true
			n, size := s.load()
			s.l.chores.add(net.up.Stream(net.access.Up, s.l.now(), size), func() { s.left(n) })
		}
	}
}

// load returns how many messages have the next turn, and their bytes.
func (s *stream) load() (n, size int) {
	for _, h := range s.held[s.departed:] {
		more := len(h.b) + h.c.Len
		if n > 0 && size+more > p2p.MaxDatagram {
			break
		}
		n++
		size += more
	}
	return n, size
}

// left lets the messages depart that were on the access line.
func (s *stream) left(n int) {
	s.leaving = false
	for ; n > 0 && s.departed < len(s.held); n-- {
		s.depart(&s.held[s.departed])
	}
	s.leave()
}

// depart says when h arrives: not before what was sent earlier.
func (s *stream) depart(h *held) {
	arrives := s.l.net.stream(s.l.self, s.peer.Addr, s.l.now(), len(h.b)+h.c.Len)
	s.last = max(s.last, arrives)
	h.at = s.last
	s.departed++
	s.l.chores.add(h.at, s.release)
}

// release queues what has waited long enough.
func (s *stream) release() {
	now := s.l.now()
	for s.departed > 0 && s.held[0].at <= now {
		s.q.Put(s.held[0].b, s.held[0].c)
		s.held = s.held[1:]
		s.departed--
	}
	s.farewell()
}

// read asks for more bytes, unless there is a reason not to.
func (s *stream) read() {
	if s.conn == nil || s.asked || s.blocked || s.deaf {
		return
	}
	b, err := s.in.room(&s.l.buffers)
	if err != nil {
		s.down(err)
	} else if b != nil {
		s.asked = true
		s.conn.Read(b)
	}
}

// got takes the outcome of a read, once it has come over the access line.
func (s *stream) got(n int, err error) {
	net, now := &s.l.net, s.l.now()
	if at := net.down.Stream(net.access.Down, now, n); at > now {
		s.l.chores.add(at, func() { s.take(n, err) })
		return
	}
	s.take(n, err)
}

func (s *stream) take(n int, err error) {
	s.asked = false
	switch {
	case s.deaf || s.l.stopped:
	case s.blocked:
		s.late = &outcome{n, err}
	default:
		s.received(n, err)
	}
}

func (s *stream) received(n int, err error) {
	s.in.add(n)
	eof := errors.Is(err, io.EOF)
	s.decode(eof)
	switch {
	case s.deaf:
	case eof && s.in.len() > 0:
		s.down(fmt.Errorf("%w: the stream ended within a message, after %d bytes of it", p2p.ErrMalformed, s.in.len()))
	case eof:
		s.down(nil)
	case err != nil:
		s.down(err)
	default:
		s.read()
	}
}

// decode hands out the messages that have come. The stream may be closed by
// any of them.
func (s *stream) decode(eof bool) {
	if s.codec == nil && !s.recognise() {
		return
	}
	if s.guest && !s.heard && looksLikeProbe(s.in.bytes()) {
		s.probedLate()
		return
	}
	s.heard = s.heard || s.in.len() > 0
	s.l.reading = &s.in
	defer func() { s.l.reading = nil }()
	for !s.deaf && !s.l.stopped {
		m, n, err := s.codec.Next(s.in.bytes(), eof)
		if err != nil {
			s.down(malformed(err))
			return
		}
		s.in.skip(n)
		if m != nil {
			s.l.countReceived(m)
			s.l.tell(s.h, s.peer, m)
		} else if n == 0 {
			return
		}
	}
}

func malformed(err error) error {
	if errors.Is(err, p2p.ErrMalformed) {
		return err
	}
	return fmt.Errorf("%w: %w", p2p.ErrMalformed, err)
}
