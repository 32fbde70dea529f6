//go:build linux || darwin

package proc

import (
	"context"
	"fmt"

	"peerbed/harness"
	"peerbed/node/control"
	"peerbed/protocols/p2p"
)

// Probe has one node probe another.
func (w *world) Probe(ctx context.Context, from, to p2p.Addr, p harness.Probing) (harness.Echo, error) {
	n, _, err := w.process(from)
	if err != nil {
		return harness.Echo{}, fmt.Errorf("a probe from %v: %w", from, err)
	}
	asker := w.client(from)
	if asker == nil {
		return harness.Echo{}, fmt.Errorf("a probe from %s: %w", n.spec.Name, harness.ErrPaused)
	}
	return harness.ProbeBy(ctx, asker, w.client(to), to, p)
}

// client returns the way to a node's process; nil if none runs or it is paused.
func (w *world) client(a p2p.Addr) *control.Client {
	if n, err := w.node(a); err == nil {
		if p := n.active(); p != nil {
			return p.client
		}
	}
	return nil
}
