// Package baseline is what benchmarks of transfers hold nodes against: the same
// bytes copied over TCP by nothing but the standard library, and what a process
// has used.
package baseline

import (
	"crypto/sha1"
	"fmt"
	"io"
	"net"
	"os"
)

// Copy moves a file to another over a TCP connection on loopback. With sum it
// is hashed as it arrives, by SHA-1.
func Copy(from, to string, sum bool) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	sent := make(chan error, 1)
	go func() { sent <- serve(l, from) }()
	if err := receive(l.Addr().String(), to, sum); err != nil {
		return err
	}
	return <-sent
}

// serve sends the file to whoever dials first.
func serve(l net.Listener, file string) error {
	c, err := l.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(c, f)
	return err
}

func receive(addr, file string, sum bool) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	var to io.Writer = f
	if sum {
		to = io.MultiWriter(f, sha1.New())
	}
	// Not TCPConn.WriteTo, which would keep the bytes in the kernel: a node that
	// verifies must see them.
	_, err = io.CopyBuffer(to, struct{ io.Reader }{c}, make([]byte, 256<<10))
	if end := f.Close(); err == nil {
		err = end
	}
	if err != nil {
		return fmt.Errorf("copy to %s: %w", file, err)
	}
	return nil
}
