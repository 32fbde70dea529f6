package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxUnderWay is how many requests may be open on one connection.
const maxUnderWay = 4096

// headerPatience bounds how long a request may take to say what it wants.
const headerPatience = 10 * time.Second

// Serve answers requests on the connections that l accepts, HTTP/1.1 and HTTP/2
// without TLS, until ctx ends; then it lets open requests finish for grace.
func Serve(ctx context.Context, l net.Listener, h http.Handler, grace time.Duration) error {
	s := &http.Server{
		Handler:           h,
		Protocols:         new(http.Protocols),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxUnderWay},
		ReadHeaderTimeout: headerPatience,
	}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		soon, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		if s.Shutdown(soon) != nil {
			s.Close()
		}
	})
	err := s.Serve(l)
	if !stop() {
		<-stopped
		return nil
	}
	return err
}

// The pauses between two tries of Dialled.
const (
	firstRetry = 20 * time.Millisecond
	lastRetry  = time.Second
)

// ErrForsaken is what a Dialled listener ends with when nobody has answered for
// as long as it has patience: whoever started the node is gone.
var ErrForsaken = errors.New("nobody listens at the control socket any more")

// Dialled returns a Listener of a single peer: its Accept dials the unix socket
// at path, and dials again once that connection has ended, until it has been
// refused for as long as patience. That is how a node offers its API to a
// harness that it can reach, but that need not reach it.
func Dialled(path string, patience time.Duration) net.Listener {
	ctx, cancel := context.WithCancel(context.Background())
	return &dialled{path: path, patience: patience, ctx: ctx, cancel: cancel, free: make(chan struct{}, 1)}
}

type dialled struct {
	path     string
	patience time.Duration
	ctx      context.Context
	cancel   func()
	free     chan struct{} // holds a token while a connection stands
}

func (d *dialled) Accept() (net.Conn, error) {
	select {
	case d.free <- struct{}{}:
	case <-d.ctx.Done():
		return nil, net.ErrClosed
	}
	end := time.Now().Add(d.patience)
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		var dial net.Dialer
		c, err := dial.DialContext(d.ctx, "unix", d.path)
		if err == nil {
			return &released{Conn: c, free: d.free}, nil
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("%w (for %v): %w", ErrForsaken, d.patience, err)
		}
		select {
		case <-time.After(wait):
		case <-d.ctx.Done():
			return nil, net.ErrClosed
		}
	}
}

func (d *dialled) Close() error {
	d.cancel()
	return nil
}

func (d *dialled) Addr() net.Addr { return &net.UnixAddr{Name: d.path, Net: "unix"} }

// A released connection gives its place back when it is closed.
type released struct {
	net.Conn
	once sync.Once
	free chan struct{}
}

func (r *released) Close() error {
	r.once.Do(func() { <-r.free })
	return r.Conn.Close()
}
