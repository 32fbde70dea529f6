package docker

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"peerbed/harness"
	"peerbed/node/control"
	"peerbed/protocols/p2p"
)

// Put asks the node itself, so that it works on a remote daemon too.
func (b *Backend) Put(ctx context.Context, a p2p.Addr, blob string, from io.Reader) error {
	return b.move(ctx, a, func(ctx context.Context, c *control.Client) error { return c.PutBlob(ctx, blob, from) })
}

// Get asks the node itself.
func (b *Backend) Get(ctx context.Context, a p2p.Addr, blob string, to io.Writer) error {
	return b.move(ctx, a, func(ctx context.Context, c *control.Client) error { return c.GetBlob(ctx, blob, to) })
}

// move has a node that can answer take or give a blob. It is not tried again:
// what was read of it is gone.
func (b *Backend) move(ctx context.Context, a p2p.Addr, f func(context.Context, *control.Client) error) error {
	l, err := b.reach(a)
	if err != nil {
		return err
	}
	if l.node.frozen() {
		return fmt.Errorf("%s: %w", l.node.spec.Name, harness.ErrPaused)
	}
	ctx, cancel := l.until(ctx, wishes)
	defer cancel()
	return f(ctx, l.control)
}

// logLines is how many lines Log returns.
const logLines = "1000"

// Log asks the daemon what the container has printed.
func (b *Backend) Log(ctx context.Context, a p2p.Addr) ([]byte, error) {
	n, err := b.node(a)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = call(ctx, func(ctx context.Context) error { return b.engine.print(ctx, n.container, logLines, &text) })
	return text.Bytes(), err
}

// print copies the last lines that a container has printed.
func (e *engine) print(ctx context.Context, id, lines string, to io.Writer) error {
	r, err := e.ContainerLogs(ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: lines})
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = stdcopy.StdCopy(to, to, r)
	return err
}
