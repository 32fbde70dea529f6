package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"peerbed/node/control"
)

// A Client is the harness's end of the connection to its agent. It may be used
// concurrently. All calls end with their context.
type Client struct {
	http http.Client
	line *control.Redial
}

// ErrGone is what calls end with that the agent's own end has cut short. All of
// them may be made again: the agent is started anew.
var ErrGone = errors.New("the run's agent is gone: its container ended or was removed")

// NewClient speaks to the agent on the connections that dial makes: one at a
// time, a new one when the last has ended.
func NewClient(dial func(context.Context) (net.Conn, error)) *Client {
	c := &Client{line: control.NewRedial(dial)}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	c.http.Transport = &http.Transport{DialContext: c.line.DialContext, Protocols: &protocols}
	return c
}

// Greet returns when the agent answers.
func (c *Client) Greet(ctx context.Context) error { return c.call(ctx, "GET", "/health", nil, nil) }

// Guard closes the network g and removes the packet tables of runs that are
// no more. It comes before the first node.
func (c *Client) Guard(ctx context.Context, g Guard) error {
	return c.call(ctx, "PUT", "/guard", g, nil)
}

// SetRules makes r hold in place of earlier rules, in one step. It took that
// long in the agent: a cut falls for all nodes within this time.
func (c *Client) SetRules(ctx context.Context, r Rules) (took time.Duration, err error) {
	err = c.call(ctx, "PUT", "/rules", r, &took)
	return took, err
}

// Seen reads the counters of the interfaces of all nodes.
func (c *Client) Seen(ctx context.Context) (Seen, error) {
	var s Seen
	err := c.call(ctx, "GET", "/seen", nil, &s)
	return s, err
}

// Crossings reads the counters of all ways, where Guard had them counted.
func (c *Client) Crossings(ctx context.Context) (Crossings, error) {
	var all Crossings
	err := c.call(ctx, "GET", "/crossings", nil, &all)
	return all, err
}

// Raise makes room in the machine's neighbour table and returns what its limits
// are now. An error does no harm to a run whose nodes have few neighbours.
func (c *Client) Raise(ctx context.Context, r Raise) (now Limits, err error) {
	err = c.call(ctx, "PUT", "/neighbours", r, &now)
	return now, err
}

// End removes all that the run has made but the agent itself, and says what
// would not go.
func (c *Client) End(ctx context.Context) (Left, error) {
	var left Left
	err := c.call(ctx, "POST", "/end", nil, &left)
	return left, err
}

// Close ends the lease: the agent removes what is left, and itself.
func (c *Client) Close() error { return c.line.Close() }

func (c *Client) call(ctx context.Context, method, path string, body, reply any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("agent: %s: %w", path, err)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("agent: %s: %w", path, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return gone(ctx, path, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
		return fmt.Errorf("agent: %s: %s", path, strings.TrimSpace(string(text)))
	}
	if reply == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(reply); err != nil {
		return gone(ctx, path, err)
	}
	return nil
}

// gone says that the agent cannot be reached, unless the caller gave up first.
func gone(ctx context.Context, path string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("agent: %s: %w", path, context.Cause(ctx))
	}
	return fmt.Errorf("agent: %s: %w: %w", path, ErrGone, err)
}
