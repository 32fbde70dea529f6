//go:build linux || darwin

package proc

import (
	"context"
	"fmt"
	"io"
	"os"

	"peerbed/harness"
	"peerbed/protocols/p2p"
)

// reach returns the process of a node that can answer.
func (w *world) reach(a p2p.Addr) (*process, error) {
	n, err := w.node(a)
	if err != nil {
		return nil, err
	}
	if n.running() == nil {
		return nil, n.whyDown()
	}
	if p := n.active(); p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%v: %w", a, harness.ErrPaused)
}

// Put goes through the node's control API.
func (w *world) Put(ctx context.Context, a p2p.Addr, blob string, from io.Reader) error {
	p, err := w.reach(a)
	if err != nil {
		return err
	}
	return p.client.PutBlob(ctx, blob, from)
}

// Get goes through the node's control API.
func (w *world) Get(ctx context.Context, a p2p.Addr, blob string, to io.Writer) error {
	p, err := w.reach(a)
	if err != nil {
		return err
	}
	return p.client.GetBlob(ctx, blob, to)
}

// longestLog is how much of a log is read, in bytes.
const longestLog = 64 << 10

// Log reads the file that the node's output goes to.
func (w *world) Log(_ context.Context, a p2p.Addr) ([]byte, error) {
	n, err := w.node(a)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(n.path("log"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	from := max(0, info.Size()-longestLog)
	return io.ReadAll(io.NewSectionReader(f, from, longestLog))
}
