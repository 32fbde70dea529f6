package resident

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
	"os"
	"path/filepath"
	"strings"
)

// A Client speaks to the resident of one cluster.
type Client struct {
	Name string
	http http.Client
}

// Dial finds the resident of a name. The error says what became of it.
func Dial(name string) (*Client, error) {
	c := &Client{Name: name}
	c.http.Transport = &http.Transport{DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(folderOf(name), socketName))
	}}
	conn, err := net.Dial("unix", filepath.Join(folderOf(name), socketName))
	if err != nil {
		return nil, lost(name, err)
	}
	return c, conn.Close()
}

// lost says why the resident of a name cannot be reached.
func lost(name string, err error) error {
	f, why := lock(name, false)
	if f != nil {
		f.lock.Close()
	}
	switch {
	case errors.Is(why, os.ErrNotExist):
		return fmt.Errorf("no cluster is called %s; peerbed list shows those there are, and peerbed up -name %s brings it up", name, name)
	case why != nil:
		return why
	case f != nil:
		return dead(name)
	}
	return fmt.Errorf("the cluster %s comes up or goes down just now (%w); try again in a moment", name, err)
}

// dead says that a resident was killed, and what it said last if it crashed.
func dead(name string) error {
	words := ""
	for _, line := range LastWords(name, logTail) {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			words = fmt.Sprintf("; its last words: %s", strings.TrimSpace(line))
		}
	}
	return fmt.Errorf("the resident of the cluster %s was killed or has crashed, and its nodes are gone with it%s; clear its name with peerbed down -name %s, then bring it up again", name, words, name)
}

// Call makes a request of in and reads its answer into out; either may be nil.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	answer, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer answer.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(answer).Decode(out); err != nil {
		return c.broken(ctx, err)
	}
	return nil
}

// Put brings the bytes of from to a node's disk, and returns that node.
func (c *Client) Put(ctx context.Context, node, name string, from io.Reader) (string, error) {
	answer, err := c.send(ctx, "PUT", at("/blob", node, name), from)
	if err != nil {
		return "", err
	}
	defer answer.Close()
	var d Done
	err = json.NewDecoder(answer).Decode(&d)
	return d.Text, err
}

// Get copies a blob of a node's disk.
func (c *Client) Get(ctx context.Context, node, name string, to io.Writer) error {
	return c.copy(ctx, at("/blob", node, name), to)
}

// Log copies what a node has printed, or without one the resident.
func (c *Client) Log(ctx context.Context, node string, to io.Writer) error {
	return c.copy(ctx, "/log?"+url.Values{"node": {node}}.Encode(), to)
}

// Progress asks how far a fetch is.
func (c *Client) Progress(ctx context.Context, node, name string) (p Progress, err error) {
	return p, c.Call(ctx, "GET", at("/progress", node, name), nil, &p)
}

// at is the path for a file of a node.
func at(path, node, name string) string {
	return path + "?" + url.Values{"node": {node}, "name": {name}}.Encode()
}

func (c *Client) copy(ctx context.Context, path string, to io.Writer) error {
	answer, err := c.send(ctx, "GET", path, nil)
	if err != nil {
		return err
	}
	defer answer.Close()
	_, err = io.Copy(to, answer)
	return err
}

// send makes a request and returns the body of its answer, if it is a good one.
func (c *Client) send(ctx context.Context, method, path string, body io.Reader) (io.ReadCloser, error) {
	q, err := http.NewRequestWithContext(ctx, method, "http://resident"+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(q)
	if err != nil {
		return nil, c.broken(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return nil, errors.New(strings.TrimSpace(string(text)))
}

// broken says why there was no answer: the user gave up, or the resident ended
// in the middle.
func (c *Client) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return lost(c.Name, err)
}

// Down ends a cluster and returns when nothing is left of it; of a dead one it
// clears the name, and says so.
func Down(ctx context.Context, name string) (text string, err error) {
	c, err := Dial(name)
	if err == nil {
		var d Done
		err = c.Call(ctx, "POST", "/down", nil, &d)
		return d.Text, err
	}
	if dead, why := Clear(name); dead {
		return fmt.Sprintf("%s was dead already; its name is free again", name), why
	}
	return "", err
}
