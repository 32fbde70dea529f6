package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"peerbed/protocols/p2p"
)

// A Client speaks to one node over one connection. Its methods may be called
// concurrently; they share the connection (HTTP/2). Once that has ended, every
// error wraps p2p.ErrGone.
type Client struct {
	http http.Client
	conn io.Closer
}

// NewClient makes a Client of a connection, which it owns: the one that the
// node dialled, or one that was dialled to the node.
func NewClient(conn net.Conn) *Client {
	only := &onlyConn{Conn: conn, closed: make(chan struct{})}
	return &Client{http: http.Client{Transport: transport(only.dial)}, conn: only}
}

// transport speaks HTTP/2 without TLS on the connections of dial.
func transport(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *http.Transport {
	t := &http.Transport{
		DialContext:        dial,
		Protocols:          new(http.Protocols),
		HTTP2:              &http.HTTP2Config{StrictMaxConcurrentRequests: true},
		DisableCompression: true,
	}
	t.Protocols.SetUnencryptedHTTP2(true)
	return t
}

var errEnded = errors.New("the control connection has ended")

// An onlyConn is the connection of a Transport that must not make another.
type onlyConn struct {
	net.Conn
	taken  atomic.Bool
	once   sync.Once
	closed chan struct{}
}

// dial hands out the connection. Whoever comes second waits: requests that are
// made while the first is still being greeted will share it.
func (o *onlyConn) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if !o.taken.Swap(true) {
		return o, nil
	}
	select {
	case <-o.closed:
		return nil, errEnded
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (o *onlyConn) Close() error {
	o.once.Do(func() { close(o.closed) })
	return o.Conn.Close()
}

// Close ends the connection; what is under way fails.
func (c *Client) Close() error { return c.conn.Close() }

// Health asks who is there.
func (c *Client) Health(ctx context.Context) (h Health, err error) {
	err = c.call(ctx, "GET", "/health", nil, &h)
	return h, err
}

// Start starts a node that waits for it.
func (c *Client) Start(ctx context.Context) error {
	return c.call(ctx, "POST", "/start", nil, nil)
}

// Do hands a wish to the node and waits until it is done; took is how long that
// was in the node itself. A node that cannot be reached gives a Result whose
// Err wraps p2p.ErrGone.
func (c *Client) Do(ctx context.Context, op p2p.Op) (r p2p.Result, took time.Duration) {
	var reply DoReply
	if err := c.call(ctx, "POST", "/do", Request(op), &reply); err != nil {
		return p2p.Result{Err: err}, 0
	}
	return reply.Result(), reply.Took
}

// Inspect reads the node's state. detail is Protocol.Detail: State.Detail will
// have its type.
func (c *Client) Inspect(ctx context.Context, detail any) (p2p.State, error) {
	var raw json.RawMessage
	if err := c.call(ctx, "GET", "/inspect", nil, &raw); err != nil {
		return p2p.State{}, err
	}
	return ReadState(raw, detail)
}

// Counters reads what the node has counted since its process began.
func (c *Client) Counters(ctx context.Context) (r CountersReply, err error) {
	err = c.call(ctx, "GET", "/counters", nil, &r)
	return r, err
}

// SetNet puts n in place of the node's gate and links. It holds when SetNet
// returns.
func (c *Client) SetNet(ctx context.Context, n Net) error {
	return c.call(ctx, "PUT", "/net", n, nil)
}

// Probe has the node ask another one's loop for signs of life.
func (c *Client) Probe(ctx context.Context, q ProbeRequest) (r ProbeReply, err error) {
	err = c.call(ctx, "POST", "/probe", q, &r)
	return r, err
}

// Heard asks the node that was probed how many probes of a series came.
func (c *Client) Heard(ctx context.Context, series uint64) (int, error) {
	var r HeardReply
	err := c.call(ctx, "GET", "/probes/"+strconv.FormatUint(series, 10), nil, &r)
	return r.Heard, err
}

// PutBlob makes the bytes of from, MaxBlob at most, a blob on the node's disk,
// in place of what was there.
func (c *Client) PutBlob(ctx context.Context, name string, from io.Reader) error {
	resp, err := c.stream(ctx, "PUT", "/blob?name="+url.QueryEscape(name), from)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// GetBlob copies a blob of the node's disk.
func (c *Client) GetBlob(ctx context.Context, name string, to io.Writer) error {
	resp, err := c.stream(ctx, "GET", "/blob?name="+url.QueryEscape(name), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(to, resp.Body)
	return err
}

// Metrics reads the node's metrics in Prometheus' text format.
func (c *Client) Metrics(ctx context.Context) ([]byte, error) {
	resp, err := c.send(ctx, "GET", "/metrics", nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, maxBody))
}

func (c *Client) call(ctx context.Context, method, path string, body, into any) error {
	resp, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if into == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	} else {
		err = json.NewDecoder(resp.Body).Decode(into)
	}
	if err != nil {
		return gone(ctx, method, path, err)
	}
	return nil
}

// send makes a request of JSON; see stream.
func (c *Client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var b []byte
	if body != nil {
		var err error
		if b, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	return c.stream(ctx, method, path, bytes.NewReader(b))
}

// stream makes a request and returns its answer, if it is a good one.
func (c *Client) stream(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://node"+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, gone(ctx, method, path, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	return nil, refused(resp.StatusCode, strings.TrimSpace(string(text)))
}

// refused makes an error of a status code and its sentence.
func refused(code int, text string) error {
	if code == http.StatusGone {
		return p2p.RemoteError(text, p2p.ErrGone.Error())
	}
	return errors.New(text)
}

// gone says that the node cannot be reached, unless the caller gave up first.
func gone(ctx context.Context, method, path string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s %s: %w", method, path, context.Cause(ctx))
	}
	return fmt.Errorf("%w: %s %s: %w", p2p.ErrGone, method, path, err)
}
