package run

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"peerbed/node/loop"
	"peerbed/protocols/p2p"
)

// everything is the name for -publish of all files in the share.
const everything = "."

// maxTorrent is how long a .torrent file may be, in bytes.
const maxTorrent = 4 << 20

// progress is how often a fetch says how far it is; again how soon a node that
// has not joined yet is asked once more.
const (
	progressEvery = time.Second
	again         = 500 * time.Millisecond
)

// wishes carries out what -publish and -fetch ask for, one after the other, and
// says what came of it.
func (c *config) wishes(ctx context.Context, l *loop.Loop, out io.Writer) {
	for _, name := range c.publications() {
		r := c.wish(ctx, l, p2p.Publish{Name: name})
		if r.Err != nil {
			fmt.Fprintf(out, "cannot publish: %v\n", r.Err)
			continue
		}
		fmt.Fprintf(out, "published %s%s\n", name, linkOf(l, name))
	}
	if c.fetch == "" {
		return
	}
	name, err := named(c.fetch)
	if err != nil {
		fmt.Fprintf(out, "cannot fetch: %v\n", err)
		return
	}
	done := make(chan p2p.Result, 1)
	go func() { done <- c.wish(ctx, l, p2p.Fetch{Name: name}) }()
	for began := time.Now(); ; {
		select {
		case r := <-done:
			if r.Err != nil {
				fmt.Fprintf(out, "cannot fetch: %v\n", r.Err)
			} else {
				fmt.Fprintf(out, "fetched %s, %d bytes, in %v\n", r.Blob.Name, r.Blob.Len, time.Since(began).Round(100*time.Millisecond))
			}
			return
		case <-time.After(progressEvery):
			say(l, name, time.Since(began), out)
		}
	}
}

// publications are the names to publish.
func (c *config) publications() []string {
	if c.publish != everything {
		return strings.FieldsFunc(c.publish, func(r rune) bool { return r == ',' })
	}
	var names []string
	entries, _ := os.ReadDir(c.share)
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

// wish asks the node, once more while it has not joined.
func (c *config) wish(ctx context.Context, l *loop.Loop, op p2p.Op) p2p.Result {
	for {
		r, _ := l.Do(ctx, op)
		if !errors.Is(r.Err, p2p.ErrNotJoined) || ctx.Err() != nil {
			return r
		}
		time.Sleep(again)
	}
}

// named returns what a Fetch of the name, or of the .torrent file, is called: a
// file goes to the node as a data URL.
func named(what string) (string, error) {
	if !strings.HasSuffix(what, ".torrent") {
		return what, nil
	}
	info, err := os.Stat(what)
	if errors.Is(err, os.ErrNotExist) {
		return what, nil // a name like any other
	}
	if err == nil && info.Size() > maxTorrent {
		err = fmt.Errorf("%s has %d bytes, more than any torrent", what, info.Size())
	}
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(what)
	return "data:application/x-bittorrent;base64," + base64.StdEncoding.EncodeToString(b), err
}

// say prints how far a fetch is, if the protocol's Detail can tell.
func say(l *loop.Loop, name string, took time.Duration, out io.Writer) {
	s, err := l.Inspect()
	d, ok := s.Detail.(interface {
		Progress(name string) (here, all int64)
	})
	if err != nil || !ok {
		return
	}
	if here, all := d.Progress(name); all > 0 {
		fmt.Fprintf(out, "%3d %%  %d of %d bytes, %.1f MB/s\n", 100*here/all, here, all, float64(here)/1e6/took.Seconds())
	}
}

// linkOf is what others can fetch it by, if the protocol's Detail can tell.
func linkOf(l *loop.Loop, name string) string {
	s, err := l.Inspect()
	d, ok := s.Detail.(interface{ Link(name string) string })
	if err != nil || !ok {
		return ""
	}
	return ": " + d.Link(name)
}
