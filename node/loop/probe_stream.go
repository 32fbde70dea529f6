package loop

import (
	"bytes"
	"net"
	"time"

	"peerbed/protocols/p2p"
)

// openProbe probes by a stream. Behind a closed gate a call is lost, and so is
// the probe.
func (l *Loop) openProbe(p *probe) {
	if l.net.vain(p.to) {
		return
	}
	deadline := time.Now().Add(p.wait)
	l.later(l.net.handshake(l.self, p.to), func() { go l.dialProbe(p, deadline) })
}

// dialProbe connects, on a goroutine of its own, and stays until the answer
// comes or the deadline.
func (l *Loop) dialProbe(p *probe, deadline time.Time) {
	c, err := l.cfg.Socket.DialWithin(max(time.Until(deadline), time.Millisecond), p.to)
	if err != nil {
		return
	}
	defer c.Close()
	c.SetDeadline(deadline)
	l.mail.post(func() { l.askProbe(p, c) })
	b := readProbe(c)
	kind, id, out, ok := probeOf(b)
	heard := make(chan struct{})
	l.mail.post(func() {
		if ok && kind == probeAnswer && !l.net.blocked(p.to) {
			l.answered(p.to, id, time.Duration(out))
		}
		close(heard)
	})
	select {
	case <-heard:
	case <-l.ended:
	}
}

// mostBefore bounds what a node may say before it has heard that it is probed.
const mostBefore = 4 << 10

// readProbe reads the answer, behind what a node says that speaks first; nil: it
// has not come.
func readProbe(c *net.TCPConn) []byte {
	b := make([]byte, 0, mostBefore+probeLen)
	for len(b) < cap(b) {
		n, err := c.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if i := bytes.Index(b, []byte(probeMagic)); i >= 0 && len(b) >= i+probeLen {
			return b[i : i+probeLen]
		}
		if err != nil {
			break
		}
	}
	return nil
}

// askProbe puts the question, past the gate and through the link model. So
// little never fills a socket: the write does not wait.
func (l *Loop) askProbe(p *probe, c *net.TCPConn) {
	now := l.now()
	p.sent[0] = now
	question := questionBytes(p.series << placeBits)
	l.later(l.net.stream(l.self, p.to, now, probeLen)-now, func() {
		if !p.over && !l.net.blocked(p.to) {
			c.Write(question)
		}
	})
}

// looksLikeProbe reports whether a stream that began so can be a probe's.
func looksLikeProbe(first []byte) bool {
	n := min(len(first), len(probeMagic))
	return n > 0 && string(first[:n]) == probeMagic[:n]
}

// probedLate answers a probe where the Node has heard of the stream, because in
// its language the acceptor speaks first. To the Node the caller has hung up.
func (s *stream) probedLate() {
	if s.in.len() < probeLen {
		return
	}
	s.l.tell(s.h, s.peer, &p2p.Down{})
	if !s.deaf {
		s.answerProbe(s.in.bytes())
	}
}

// answerProbe answers a probe once all of it has come, and closes its stream.
func (s *stream) answerProbe(b []byte) {
	if len(b) < probeLen {
		return
	}
	kind, id, sent, ok := probeOf(b[:probeLen])
	if !ok || kind != probeAsk {
		s.down(p2p.ErrRefused)
		return
	}
	s.l.probes.note(id >> placeBits)
	answer := answerBytes(id, sent)
	s.q.Count(len(answer))
	if s.l.net.perfect {
		s.q.Put(answer, p2p.Content{})
	} else {
		s.hold(answer, p2p.Content{})
	}
	s.close()
}
