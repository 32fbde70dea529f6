package agent

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Door makes the folders of a node in the run's volume, with the state it is to
// take up (JSON; none: nil), and listens there for its control connection. A
// second time does no harm.
func (c *Client) Door(ctx context.Context, node int, state []byte) error {
	resp, err := c.request(ctx, "PUT", door(node), bytes.NewReader(state))
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Pass waits until the node dials in, and returns the connection. It ends when
// it is closed, when the node ends it or when the agent is gone.
func (c *Client) Pass(ctx context.Context, node int) (net.Conn, error) {
	body, w := io.Pipe()
	life, end := context.WithCancelCause(context.Background())
	stop := context.AfterFunc(ctx, func() { end(context.Cause(ctx)) })
	resp, err := c.request(life, "POST", door(node), body)
	if !stop() && err == nil {
		resp.Body.Close()
		err = context.Cause(ctx)
	}
	if err != nil {
		end(nil)
		w.Close()
		return nil, err
	}
	return &passage{Reader: resp.Body, w: w, end: func() { end(net.ErrClosed) }}, nil
}

func door(node int) string { return "/doors/" + strconv.Itoa(node) }

func (c *Client) request(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, gone(ctx, path, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	return nil, fmt.Errorf("agent: %s: %s", path, strings.TrimSpace(string(text)))
}

// A passage is a node's control connection inside the agent's: a request whose
// body is what is written, with an answer whose body is what is read.
type passage struct {
	io.Reader
	w    *io.PipeWriter
	end  func()
	once sync.Once
}

func (p *passage) Write(b []byte) (int, error) { return p.w.Write(b) }

func (p *passage) Close() error {
	p.once.Do(func() {
		p.w.Close()
		p.end()
	})
	return nil
}

// LocalAddr, RemoteAddr and the deadlines are there for net.Conn: whoever
// speaks HTTP on a passage bounds calls by their context.

func (p *passage) LocalAddr() net.Addr              { return passageAddr{} }
func (p *passage) RemoteAddr() net.Addr             { return passageAddr{} }
func (p *passage) SetDeadline(time.Time) error      { return nil }
func (p *passage) SetReadDeadline(time.Time) error  { return nil }
func (p *passage) SetWriteDeadline(time.Time) error { return nil }

type passageAddr struct{}

func (passageAddr) Network() string { return "agent" }
func (passageAddr) String() string  { return "through the agent" }
