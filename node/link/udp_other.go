//go:build !unix

package link

import (
	"net"

	"peerbed/protocols/p2p"
)

// A udp reads and writes datagrams. Where there is no way past Go's poller a
// write may wait for the socket's buffer.
type udp struct{ c *net.UDPConn }

func (u *udp) use(c *net.UDPConn) error {
	u.c = c
	return nil
}

func (u *udp) write(to p2p.Addr, b []byte) { u.c.WriteToUDPAddrPort(b, AddrPort(to)) }

func (u *udp) read(b []byte) (n int, from p2p.Addr, err error) {
	n, a, err := u.c.ReadFromUDPAddrPort(b)
	return n, FromAddrPort(a), err
}
