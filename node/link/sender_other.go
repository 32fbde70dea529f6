//go:build !unix

package link

import (
	"net"

	"peerbed/protocols/p2p"
)

// A sender writes datagrams. Where there is no way past Go's poller it may wait
// for the socket's buffer.
type sender struct{ c *net.UDPConn }

func (s *sender) use(c *net.UDPConn) error {
	s.c = c
	return nil
}

func (s *sender) send(to p2p.Addr, b []byte) { s.c.WriteToUDPAddrPort(b, AddrPort(to)) }
