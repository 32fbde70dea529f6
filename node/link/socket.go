package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"peerbed/protocols/p2p"
)

// A Socket is where a node listens: UDP and TCP on the same port.
type Socket struct {
	Addr    p2p.Addr
	Silence time.Duration // after which a stream's peer is given up

	udp     *net.UDPConn
	tcp     *net.TCPListener
	packets udp
}

// Listen opens both sockets. Port 0 picks a port that is free for both. The
// error is a sentence for the user.
func Listen(addr p2p.Addr, silence time.Duration) (*Socket, error) {
	tries := 1
	if addr.Port() == 0 {
		tries = 20 // a port may be free for TCP and taken for UDP
	}
	for {
		s, err := listen(addr, silence)
		if err == nil {
			return s, nil
		}
		if tries--; tries == 0 {
			return nil, sentence(addr, err)
		}
	}
}

func listen(addr p2p.Addr, silence time.Duration) (*Socket, error) {
	tcp, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(AddrPort(addr)))
	if err != nil {
		return nil, err
	}
	at := FromAddrPort(tcp.Addr().(*net.TCPAddr).AddrPort())
	udp, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(AddrPort(at)))
	if err != nil {
		tcp.Close()
		return nil, err
	}
	s := &Socket{Addr: at, Silence: silence, udp: udp, tcp: tcp}
	if err := s.packets.use(udp); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func sentence(addr p2p.Addr, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("cannot listen on %v: the port is in use; choose another, or port 0 for any", addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("cannot listen on %v: this machine does not have that address", addr)
	}
	return fmt.Errorf("cannot listen on %v: %w", addr, err)
}

// Close closes both sockets; streams live on.
func (s *Socket) Close() {
	s.udp.Close()
	s.tcp.Close()
}

// Accept gives every stream that another node dials to got, which is called on
// a goroutine of its own, until Close.
func (s *Socket) Accept(got func(*net.TCPConn)) {
	for {
		c, err := s.tcp.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(50 * time.Millisecond) // out of descriptors, mostly: wait for some
		default:
			got(c)
		}
	}
}

// Dial connects to another node, from this node's own IP address, so that
// faults of that address hold for what it dials too. It waits; the error wraps
// one of p2p's.
func (s *Socket) Dial(to p2p.Addr) (*net.TCPConn, error) { return s.DialWithin(s.Silence, to) }

// DialWithin is Dial with a patience of one's own.
func (s *Socket) DialWithin(patience time.Duration, to p2p.Addr) (*net.TCPConn, error) {
	d := net.Dialer{
		Timeout:   patience,
		LocalAddr: net.TCPAddrFromAddrPort(AddrPort(p2p.MakeAddr(s.Addr.IP(), 0))),
		Control:   func(_, _ string, c syscall.RawConn) error { return c.Control(beforeDial(s.Silence)) },
	}
	c, err := d.DialContext(context.Background(), "tcp4", to.String())
	if err != nil {
		return nil, Cause(err)
	}
	return c.(*net.TCPConn), nil
}

// Cause turns an error of a socket into one that wraps p2p's: nobody listens,
// the other is gone, or nothing is heard.
func Cause(err error) error {
	var kind error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		kind = p2p.ErrRefused
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		kind = p2p.ErrSilent
	default:
		kind = p2p.ErrReset
	}
	return fmt.Errorf("%w: %w", kind, err)
}

// AddrPort returns a as package net has it.
func AddrPort(a p2p.Addr) netip.AddrPort {
	ip := a.IP()
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)}), a.Port())
}

// FromAddrPort returns a as the contract has it; the zero Addr if it is not
// IPv4.
func FromAddrPort(a netip.AddrPort) p2p.Addr {
	ip := a.Addr().Unmap()
	if !ip.Is4() {
		return 0
	}
	b := ip.As4()
	return p2p.MakeAddr(uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8|uint32(b[3]), a.Port())
}
