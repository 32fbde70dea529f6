package harness

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"peerbed/protocols/p2p"
)

// Nodes that go by themselves during a run. A Leave takes its time and the plan
// goes on meanwhile, so that the node counts as gone from the moment that it is
// asked; whoever wants it back before it has gone finds it crashed.

// goodbye is how long a node may take to leave before it is killed.
const goodbye = 30 * time.Second

// depart asks nodes to leave and does not wait until they have. Each is a fault
// of its own, which ends when that node is back.
func (c *Cluster) depart(label, why string, nodes []int) error {
	nodes = c.only(nodes, true)
	if len(nodes) == 0 {
		return nil
	}
	if err := c.readTraffic(time.Second); err != nil {
		return err
	}
	c.mark(false, nodes...)
	for _, i := range nodes {
		c.begin(Fault{Name: cmp.Or(label, "leave"), Text: why + " of " + c.Name(i), Nodes: []int{i}})
		c.ask(i)
	}
	return nil
}

// ask has node i leave. One that cannot is killed.
func (c *Cluster) ask(i int) {
	left := make(chan struct{})
	c.nodes[i].left = left
	c.backend.Do(c.Addr(i), p2p.Leave{}, func(o Outcome) {
		if o.Err != nil && !errors.Is(o.Err, p2p.ErrGone) {
			c.backend.Kill(c.ctx, c.Addr(i), Crash) // fails only if it has just died
		}
		c.settleAccounts([]int{i})
		close(left)
	})
}

// gone waits until a node that was asked to leave has left, for so long; then
// it is killed. Of another node it knows nothing.
func (c *Cluster) gone(i int, patience time.Duration) error {
	left := c.nodes[i].left
	if left == nil {
		return nil
	}
	over := func() bool {
		select {
		case <-left:
			return true
		default:
			return false
		}
	}
	err := c.advance(patience, over)
	if err == nil && !over() {
		if err = c.backend.Kill(c.ctx, c.Addr(i), Crash); err == nil || errors.Is(err, p2p.ErrGone) {
			err = c.advance(goodbye, over)
		}
	}
	if err == nil && !over() {
		err = errors.New("its outcome did not come")
	}
	if err != nil {
		return fmt.Errorf("leave of %s: %w", c.Name(i), err)
	}
	c.nodes[i].left = nil
	return nil
}

// sendAway has nodes leave before a run begins, so that they are not there when
// its clock starts.
func (c *Cluster) sendAway(nodes []int) error {
	if err := c.depart("away", "absence", nodes); err != nil {
		return err
	}
	for _, i := range nodes {
		if err := c.gone(i, goodbye); err != nil {
			return err
		}
	}
	return nil
}
