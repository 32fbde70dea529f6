package agent

import (
	"io"
	"net"
	"sync"
)

// A line is a listener with one connection: Accept returns it once, and
// io.EOF after it has closed. A server that serves a line so returns when its
// only client is gone.
type line struct {
	net.Conn
	once   sync.Once
	fresh  chan net.Conn
	closed chan struct{}
}

func newLine(c net.Conn) *line {
	l := &line{Conn: c, fresh: make(chan net.Conn, 1), closed: make(chan struct{})}
	l.fresh <- l
	return l
}

func (l *line) Accept() (net.Conn, error) {
	select {
	case c := <-l.fresh:
		return c, nil
	case <-l.closed:
		return nil, io.EOF
	}
}

func (l *line) Addr() net.Addr { return l.LocalAddr() }

func (l *line) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Conn.Close()
}
