//go:build amd64 || arm64

package link

import (
	"encoding/binary"
	"net"
	"os"
	"syscall"
	"unsafe"

	"peerbed/protocols/p2p"
)

// A udp reads and writes datagrams by system calls that never wait, so that
// Go's scheduler need not be told of them: hearing of the first one after a
// moment of rest it wakes its monitor, a thread that then looks around for a
// while, which cost an idle node more than the datagram.
type udp struct {
	raw      syscall.RawConn
	to, from syscall.RawSockaddrInet4
	out, in  []byte
	n        int // of the bytes in in
	err      syscall.Errno
	send     func(fd uintptr) bool
	receive  func(fd uintptr) bool
}

func (u *udp) use(c *net.UDPConn) (err error) {
	u.raw, err = c.SyscallConn()
	u.to.Family = syscall.AF_INET
	u.send, u.receive = u.sendTo, u.receiveFrom
	return err
}

func (u *udp) write(to p2p.Addr, b []byte) {
	if len(b) == 0 {
		return // no message is empty
	}
	u.to.Port, u.to.Addr, u.out = swap(to.Port()), AddrPort(to).Addr().As4(), b
	u.raw.Write(u.send)
}

// sendTo drops what the kernel has no room for (EAGAIN), as a full line would.
func (u *udp) sendTo(fd uintptr) bool {
	syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&u.out[0])), uintptr(len(u.out)), 0,
		uintptr(unsafe.Pointer(&u.to)), unsafe.Sizeof(u.to))
	return true
}

func (u *udp) read(b []byte) (n int, from p2p.Addr, err error) {
	u.in = b
	if err := u.raw.Read(u.receive); err != nil {
		return 0, 0, err
	}
	if u.err != 0 {
		return 0, 0, os.NewSyscallError("recvfrom", u.err)
	}
	return u.n, p2p.MakeAddr(binary.BigEndian.Uint32(u.from.Addr[:]), swap(u.from.Port)), nil
}

// receiveFrom reports false where there is nothing, and is called again when
// there may be.
func (u *udp) receiveFrom(fd uintptr) bool {
	size := uint32(unsafe.Sizeof(u.from))
	n, _, err := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&u.in[0])), uintptr(len(u.in)), 0,
		uintptr(unsafe.Pointer(&u.from)), uintptr(unsafe.Pointer(&size)))
	u.n, u.err = int(n), err
	return err != syscall.EAGAIN && err != syscall.EINTR
}

// swap turns a port into the kernel's order of bytes and back; both processors
// of this file have the low byte first.
func swap(port uint16) uint16 { return port<<8 | port>>8 }
