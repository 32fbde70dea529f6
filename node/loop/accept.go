package loop

import (
	"cmp"
	"net"
	"time"

	"peerbed/node/link"
	"peerbed/protocols/p2p"
)

// What strangers may take of this node.
const (
	acceptPatience = 10 * time.Second // for the first bytes of a stream
	acceptBytes    = 8                // from which its language must be known
	maxInbound     = 1024             // streams dialled by others, unless Config.Streams says otherwise
	fromOne        = 4                // and one part in so many of them from one IP address
)

// accept takes a stream that another node has dialled.
func (l *Loop) accept(c *net.TCPConn) {
	from := link.FromAddrPort(c.RemoteAddr().(*net.TCPAddr).AddrPort())
	ip := from.IP()
	most := cmp.Or(l.cfg.Streams, maxInbound)
	if l.stopped || l.net.walled || l.guests >= most || l.inbound[ip] >= max(most/fromOne, 1) {
		c.SetLinger(0)
		c.Close()
		return
	}
	l.guests++
	l.inbound[ip]++
	s := l.newStream(from, nil, l.node)
	s.guest = true
	s.attach(c)
	l.later(acceptPatience, func() {
		if s.codec == nil && !s.deaf {
			s.down(p2p.ErrSilent)
		}
	})
	if l.net.blocked(from) {
		s.stall()
	} else if s.recognise(); !s.deaf {
		s.read()
	}
}

// dismiss forgets a stream that another node had dialled.
func (l *Loop) dismiss(ip uint32) {
	l.guests--
	if l.inbound[ip]--; l.inbound[ip] == 0 {
		delete(l.inbound, ip)
	}
}

// recognise asks the protocol for the language of what has come so far.
func (s *stream) recognise() bool {
	var first []byte
	if s.in.buf != nil {
		first = s.in.bytes()
	}
	if looksLikeProbe(first) {
		s.answerProbe(first)
		return false
	}
	codec, err := s.l.language(first[:min(len(first), acceptBytes)])
	switch {
	case err != nil || codec == nil && len(first) >= acceptBytes:
		s.down(p2p.ErrRefused)
		return false
	case codec == nil:
		return false
	}
	s.codec = codec
	s.l.tell(s.h, s.peer, &p2p.Up{Inbound: true})
	return !s.deaf
}

// language is the protocol's Accept. One that speaks no streams refuses all but
// probes, as soon as there is something to tell them by.
func (l *Loop) language(first []byte) (p2p.Codec, error) {
	if l.proto.Accept != nil {
		return l.proto.Accept(first)
	}
	if len(first) == 0 {
		return nil, nil
	}
	return nil, p2p.ErrRefused
}
