package harness

import (
	"context"
	"fmt"

	"peerbed/protocols/p2p"
)

// Pause makes a toy one that gives no answer.
func (f *fake) Pause(_ context.Context, a p2p.Addr) error {
	if n := f.nodes[a]; !n.up || n.paused {
		return fmt.Errorf("%v cannot be paused: up %v, paused %v", a, n.up, n.paused)
	}
	f.nodes[a].paused = true
	return nil
}

func (f *fake) Resume(_ context.Context, a p2p.Addr) error {
	if !f.nodes[a].paused {
		return fmt.Errorf("%v is not paused", a)
	}
	f.nodes[a].paused = false
	return nil
}
