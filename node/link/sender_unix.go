//go:build unix

package link

import (
	"net"
	"syscall"

	"peerbed/protocols/p2p"
)

// A sender writes datagrams past Go's poller, which would park the loop when
// the socket's buffer is full.
type sender struct {
	raw  syscall.RawConn
	to   syscall.SockaddrInet4
	b    []byte
	call func(fd uintptr) bool
}

func (s *sender) use(c *net.UDPConn) (err error) {
	s.raw, err = c.SyscallConn()
	s.call = func(fd uintptr) bool {
		syscall.Sendto(int(fd), s.b, 0, &s.to) // non-blocking; EAGAIN drops it, as a full line would
		return true
	}
	return err
}

func (s *sender) send(to p2p.Addr, b []byte) {
	s.to.Port, s.to.Addr, s.b = int(to.Port()), AddrPort(to).Addr().As4(), b
	s.raw.Write(s.call)
}
