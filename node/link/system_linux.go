package link

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// userTimeout is TCP_USER_TIMEOUT of tcp(7), in milliseconds: how long what was
// sent may stay unacknowledged.
const userTimeout = 18

// beforeDial bounds the handshake too.
func beforeDial(silence time.Duration) func(fd uintptr) {
	return func(fd uintptr) {
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, userTimeout, int(silence.Milliseconds()))
	}
}

// sendFile sends n bytes of f from off on, without a copy through this process
// and without moving the file's own offset.
func sendFile(c *net.TCPConn, f *os.File, off int64, n int) error {
	to, err := c.SyscallConn()
	if err != nil {
		return err
	}
	from, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = from.Control(func(src uintptr) {
		err := to.Write(func(dst uintptr) bool {
			var again bool
			off, n, again, result = pump(int(dst), int(src), off, n)
			return !again
		})
		if result == nil {
			result = err
		}
	})
	if result == nil {
		result = err
	}
	return result
}

// pump sends until all is gone or the socket is full (again).
func pump(dst, src int, off int64, n int) (int64, int, bool, error) {
	for n > 0 {
		sent, err := syscall.Sendfile(dst, src, &off, n)
		switch {
		case err == syscall.EAGAIN:
			return off, n, true, nil
		case err == syscall.EINTR:
		case err != nil:
			return off, n, false, os.NewSyscallError("sendfile", err)
		case sent == 0:
			return off, n, false, io.ErrUnexpectedEOF // the file is shorter than was said
		}
		n -= max(sent, 0)
	}
	return off, 0, false, nil
}
