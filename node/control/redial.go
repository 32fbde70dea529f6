package control

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// NewRedialClient makes a Client that takes a new connection from dial whenever
// the last one has ended: for nodes whose process lives longer than the way to
// it. What is under way when a connection ends fails with p2p.ErrGone; what
// comes later waits for the next connection, or for its context.
func NewRedialClient(dial func(context.Context) (net.Conn, error)) *Client {
	r := NewRedial(dial)
	return &Client{http: http.Client{Transport: transport(r.DialContext)}, conn: r}
}

// A Redial gives an http.Transport one connection at a time. Whoever asks while
// one stands waits for its end: requests share it as soon as it has been
// greeted.
type Redial struct {
	dial  func(context.Context) (net.Conn, error)
	stood chan struct{} // holds a token while a connection stands
	ctx   context.Context
	end   func()

	mu   sync.Mutex
	conn net.Conn // the latest; guarded by mu
}

// NewRedial makes one of a function that makes connections.
func NewRedial(dial func(context.Context) (net.Conn, error)) *Redial {
	ctx, end := context.WithCancel(context.Background())
	return &Redial{dial: dial, stood: make(chan struct{}, 1), ctx: ctx, end: end}
}

// DialContext is for an http.Transport.
func (r *Redial) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)()
	select {
	case r.stood <- struct{}{}:
	case <-ctx.Done():
		return nil, r.why(ctx)
	}
	c, err := r.dial(ctx)
	if err == nil {
		err = r.take(c)
	}
	if err != nil {
		<-r.stood
		return nil, err
	}
	return &redialled{Conn: c, stood: r.stood}, nil
}

// take notes the connection, for Close, unless that has come first.
func (r *Redial) take(c net.Conn) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		c.Close()
		return errEnded
	}
	r.conn = c
	return nil
}

func (r *Redial) why(ctx context.Context) error {
	if r.ctx.Err() != nil {
		return errEnded
	}
	return context.Cause(ctx)
}

// Close ends the connection that stands, and lets none follow.
func (r *Redial) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end()
	if r.conn != nil {
		r.conn.Close() // perhaps once more
	}
	return nil
}

// A redialled connection makes room for the next when it is closed.
type redialled struct {
	net.Conn
	stood chan struct{}
	once  sync.Once
}

func (c *redialled) Close() error {
	c.once.Do(func() { <-c.stood })
	return c.Conn.Close()
}
