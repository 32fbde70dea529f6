//go:build linux || darwin

package proc

import (
	"context"
	"fmt"
	"syscall"

	"peerbed/harness"
	"peerbed/protocols/p2p"
)

// Pause stops the process of a node. Its kernel still takes what others send.
func (w *world) Pause(_ context.Context, a p2p.Addr) error {
	w.applying.Lock() // a gate that is being set needs an answer
	defer w.applying.Unlock()
	n, p, err := w.process(a)
	switch {
	case err != nil:
		return fmt.Errorf("pause %v: %w", a, err)
	case n.active() == nil:
		return fmt.Errorf("pause %v: %w", a, harness.ErrPaused)
	}
	n.setPaused(p)
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		n.setPaused(nil)
		return fmt.Errorf("pause %v: %w", a, err)
	}
	awaitStop(p.cmd.Process.Pid)
	return nil
}

// Resume lets the process go on and shows it the network that is wanted by now.
func (w *world) Resume(ctx context.Context, a p2p.Addr) error {
	w.applying.Lock()
	defer w.applying.Unlock()
	n, p, err := w.process(a)
	switch {
	case err != nil:
		return fmt.Errorf("resume %v: %w", a, err)
	case n.active() != nil:
		return fmt.Errorf("resume %v: it is not paused", a)
	}
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		return fmt.Errorf("resume %v: %w", a, err)
	}
	n.setPaused(nil)
	share, _ := w.share(a)
	return p.client.SetNet(ctx, share)
}

// process returns the node at a and its process, which runs or is paused.
func (w *world) process(a p2p.Addr) (*node, *process, error) {
	n, err := w.node(a)
	if err != nil {
		return nil, nil, err
	}
	p := n.running()
	if p == nil {
		return nil, nil, p2p.ErrGone
	}
	return n, p, nil
}

func (n *node) setPaused(p *process) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.paused = p
}
