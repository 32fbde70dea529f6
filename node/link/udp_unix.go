//go:build unix && !(linux && (amd64 || arm64))

package link

import (
	"net"
	"syscall"

	"peerbed/protocols/p2p"
)

// A udp reads and writes datagrams. It writes past Go's poller, which would
// park the loop when the socket's buffer is full.
type udp struct {
	c    *net.UDPConn
	raw  syscall.RawConn
	to   syscall.SockaddrInet4
	out  []byte
	send func(fd uintptr) bool
}

func (u *udp) use(c *net.UDPConn) (err error) {
	u.c = c
	u.raw, err = c.SyscallConn()
	u.send = func(fd uintptr) bool {
		syscall.Sendto(int(fd), u.out, 0, &u.to) // non-blocking; EAGAIN drops it, as a full line would
		return true
	}
	return err
}

func (u *udp) write(to p2p.Addr, b []byte) {
	u.to.Port, u.to.Addr, u.out = int(to.Port()), AddrPort(to).Addr().As4(), b
	u.raw.Write(u.send)
}

func (u *udp) read(b []byte) (n int, from p2p.Addr, err error) {
	n, a, err := u.c.ReadFromUDPAddrPort(b)
	return n, FromAddrPort(a), err
}
