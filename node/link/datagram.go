package link

import (
	"errors"
	"net"
	"time"

	"peerbed/protocols/p2p"
)

// inFlight is how many datagrams may wait for the loop. What comes on top
// waits in the kernel, and is dropped there when its buffer is full.
const inFlight = 256

// A packet is one datagram on its way to the loop. It is used again and again,
// with its delivery bound once, so that receiving allocates nothing.
type packet struct {
	from    p2p.Addr
	n       int
	deliver func()
	b       [p2p.MaxDatagram + 1]byte // one more, to see that it is too long
}

// Datagrams hands every datagram to heard, on the loop, until Close. The bytes
// are the callee's until it returns. Longer ones than the contract allows are
// dropped.
func (s *Socket) Datagrams(post func(func()), heard func(from p2p.Addr, b []byte)) {
	free := make(chan *packet, inFlight)
	made := 0
	for {
		p := s.take(free, &made, heard)
		n, from, err := s.packets.read(p.b[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		p.n, p.from = n, from
		if err != nil || n > p2p.MaxDatagram {
			free <- p
			if err != nil {
				time.Sleep(10 * time.Millisecond) // a socket in trouble must not spin
			}
			continue
		}
		post(p.deliver)
	}
}

// take returns a packet that is free, or a new one up to inFlight, or waits.
func (s *Socket) take(free chan *packet, made *int, heard func(p2p.Addr, []byte)) *packet {
	select {
	case p := <-free:
		return p
	default:
	}
	if *made == inFlight {
		return <-free
	}
	*made++
	p := &packet{}
	p.deliver = func() {
		heard(p.from, p.b[:p.n])
		free <- p
	}
	return p
}

// Send sends a datagram, or drops it where the kernel has no room: it never
// waits. It is called on the loop only.
func (s *Socket) Send(to p2p.Addr, b []byte) { s.packets.write(to, b) }
