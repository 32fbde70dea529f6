package docker

import (
	"context"
	"fmt"

	"peerbed/harness"
	"peerbed/node/control"
	"peerbed/protocols/p2p"
)

// Pause freezes the node's container.
func (b *Backend) Pause(ctx context.Context, a p2p.Addr) error {
	b.wanted.RLock() // links that are being set need an answer
	defer b.wanted.RUnlock()
	l, unlock, err := b.changing(a)
	if err != nil {
		return fmt.Errorf("cannot pause: %w", err)
	}
	defer unlock()
	if l.node.frozen() {
		return fmt.Errorf("%s: %w", l.node.spec.Name, harness.ErrPaused)
	}
	l.node.freeze(l.life)
	err = call(ctx, func(ctx context.Context) error { return b.engine.ContainerPause(ctx, l.node.container) })
	if err != nil {
		l.node.freeze(nil)
		return fmt.Errorf("cannot pause %s: %w", l.node.spec.Name, err)
	}
	return nil
}

// Resume lets the container go on and gives the node the links that are wanted
// by now.
func (b *Backend) Resume(ctx context.Context, a p2p.Addr) error {
	b.wanted.RLock()
	defer b.wanted.RUnlock()
	l, unlock, err := b.changing(a)
	if err != nil {
		return fmt.Errorf("cannot resume: %w", err)
	}
	defer unlock()
	if !l.node.frozen() {
		return fmt.Errorf("cannot resume %s: it is not paused", l.node.spec.Name)
	}
	err = call(ctx, func(ctx context.Context) error { return b.engine.ContainerUnpause(ctx, l.node.container) })
	if err != nil {
		return fmt.Errorf("cannot resume %s: %w", l.node.spec.Name, err)
	}
	l.node.freeze(nil)
	ctx, cancel := l.until(ctx, patience)
	defer cancel()
	return l.control.SetNet(ctx, control.Net{Links: b.wanted.net.Links.Part(a)})
}

// changing returns the line to a node that is up, and holds off whoever else
// would kill, start, pause or resume it.
func (b *Backend) changing(a p2p.Addr) (line, func(), error) {
	n, err := b.node(a)
	if err != nil {
		return line{}, nil, err
	}
	n.changing.Lock()
	l, err := n.reach()
	if err != nil {
		n.changing.Unlock()
		return line{}, nil, err
	}
	return l, n.changing.Unlock, nil
}

// freeze notes that this life is frozen; nil: none is.
func (n *node) freeze(l *life) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.paused = l
}

// frozen reports whether the node is up and paused.
func (n *node) frozen() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.life != nil && n.life == n.paused
}
