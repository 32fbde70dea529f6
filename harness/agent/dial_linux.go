package agent

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

// datagram is how much of what comes in makes one, where Dial sends datagrams.
const datagram = 1200

// Dial carries a caller's bytes, from in and to out, to and from the address
// that where names: "tcp 127.0.0.1:80". It is for processes in the network
// namespace of a node that is not ours.
func Dial(where string, in io.Reader, out io.Writer) error {
	network, address, _ := strings.Cut(where, " ")
	c, err := net.DialTimeout(network, address, meeting)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := fmt.Fprintf(out, "%c", Dialled); err != nil {
		return err
	}
	if t, ok := c.(*net.TCPConn); ok {
		go func() {
			io.Copy(c, in)
			t.CloseWrite()
		}()
		io.Copy(out, c)
		return nil
	}
	go func() {
		defer c.Close()
		insistently(in, c)
	}()
	return insistently(c, out)
}

// insistently copies, and takes no refusal: of a datagram it is no more than
// news that nobody wanted it.
func insistently(from io.Reader, to io.Writer) error {
	buf := make([]byte, datagram)
	for {
		n, err := from.Read(buf)
		if err == nil {
			_, err = to.Write(buf[:n])
		}
		switch {
		case errors.Is(err, net.ErrClosed), errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, syscall.ECONNREFUSED):
			return err
		}
	}
}
