package docker

import (
	"context"
	"fmt"

	"peerbed/harness"
	"peerbed/node/control"
	"peerbed/protocols/p2p"
)

// Probe has one node probe another.
func (b *Backend) Probe(ctx context.Context, from, to p2p.Addr, p harness.Probing) (harness.Echo, error) {
	asker, err := b.reach(from)
	if err != nil {
		return harness.Echo{}, err
	}
	if asker.node.frozen() {
		return harness.Echo{}, fmt.Errorf("%s: %w", asker.node.spec.Name, harness.ErrPaused)
	}
	var target *control.Client
	if l, err := b.reach(to); err == nil && !l.node.frozen() {
		target = l.control
	}
	ctx, cancel := asker.until(ctx, patience+p.Longest())
	defer cancel()
	return harness.ProbeBy(ctx, asker.control, target, to, p)
}
