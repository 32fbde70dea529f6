package loop

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// postDatagram encodes and sends m.
func (l *Loop) postDatagram(to p2p.Addr, m p2p.Msg) {
	if l.datagrams == nil {
		panic("loop: " + l.proto.Name + " sends a datagram and has no codec for them")
	}
	b, c, err := l.datagrams.Append(l.scratch[:0], m)
	if err != nil {
		return
	}
	l.countSent(m)
	if len(b)+c.Len > p2p.MaxDatagram {
		return
	}
	if c.Len > 0 {
		b = l.readContent(b, c)
	}
	l.scratch = b[:0]
	l.send(to, b)
}

// readContent appends the little that a datagram can carry.
func (l *Loop) readContent(b []byte, c p2p.Content) []byte {
	f, err := l.cfg.Folder.Blob(c.Blob)
	if err != nil {
		return b
	}
	defer f.Close()
	n := len(b)
	b = append(b, make([]byte, c.Len)...)
	got, _ := f.ReadAt(b[n:], c.Off)
	return b[:n+got]
}

// send sends b past the gate and through the link model.
func (l *Loop) send(to p2p.Addr, b []byte) {
	switch {
	case l.net.notTo[to.IP()]:
	case l.net.perfect:
		l.cfg.Socket.Send(to, b)
	default:
		l.sendLater(to, b)
	}
}

// leastWait is how long a datagram must have to wait if it is to wait at all.
// Timers keep whole milliseconds (epoll_wait) and are late by half of one, so that
// waiting for less misses its time by more than not waiting does.
const leastWait = 500 * time.Microsecond

func (l *Loop) sendLater(to p2p.Addr, b []byte) {
	now := l.now()
	at, ok := l.net.datagram(l.self, to, now, len(b))
	if !ok {
		return
	}
	if at-now < leastWait {
		l.cfg.Socket.Send(to, b)
		return
	}
	b = slices.Clone(b)
	l.chores.add(at, func() {
		if !l.net.notTo[to.IP()] { // a cut loses what is on its way
			l.cfg.Socket.Send(to, b)
		}
	})
}

// datagram takes what has come from another node, over the access line.
func (l *Loop) datagram(from p2p.Addr, b []byte) {
	if l.net.access.Down == 0 || l.net.notFrom[from.IP()] {
		l.hear(from, b)
		return
	}
	now := l.now()
	at, ok := l.net.down.Datagram(l.net.access.Down, now, len(b))
	if !ok {
		return
	}
	if at-now < leastWait {
		l.hear(from, b)
		return
	}
	b = slices.Clone(b)
	l.chores.add(at, func() { l.hear(from, b) })
}

func (l *Loop) hear(from p2p.Addr, b []byte) {
	if l.stopped || l.net.notFrom[from.IP()] || l.probed(from, b) || l.datagrams == nil {
		return
	}
	m, n, err := l.datagrams.Next(b, true)
	if err != nil || m == nil || n != len(b) {
		l.bad++
		return
	}
	l.countReceived(m)
	l.tell(l.node, from.Peer(), m)
}
