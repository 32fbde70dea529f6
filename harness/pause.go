package harness

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Pause stops nodes where they are, until Resume or Heal: they hear nothing and
// do nothing, but their kernels acknowledge what others send. A wish of a
// paused node waits. Nodes that are down or paused already are left out.
func (c *Cluster) Pause(nodes ...int) (handle string) {
	c.try(func() (err error) {
		handle, err = c.pause("", nodes)
		return err
	})
	return handle
}

// Resume lets paused nodes go on with what came meanwhile.
func (c *Cluster) Resume(nodes ...int) { c.try(func() error { return c.resume(nodes) }) }

func (c *Cluster) pause(label string, nodes []int) (handle string, err error) {
	if err := c.known(nodes); err != nil {
		return "", fmt.Errorf("pause: %w", err)
	}
	nodes = slices.DeleteFunc(c.only(nodes, true), func(i int) bool { return !c.lives(i) })
	if len(nodes) == 0 {
		return "", nil
	}
	if err := c.readTraffic(time.Second); err != nil {
		return "", err
	}
	c.hold(true, nodes)
	handle = c.begin(Fault{Name: cmp.Or(label, pausing), kind: pausing, Text: "pause of " + c.Names(nodes), Nodes: nodes})
	return handle, c.each(nodes, func(_, i int) error {
		if err := c.backend.Pause(c.ctx, c.Addr(i)); err != nil {
			return fmt.Errorf("pause of %s: %w", c.Name(i), err)
		}
		return nil
	})
}

func (c *Cluster) resume(nodes []int) error {
	if err := c.known(nodes); err != nil {
		return fmt.Errorf("resume: %w", err)
	}
	nodes = slices.DeleteFunc(c.only(nodes, true), c.lives)
	err := c.each(nodes, func(_, i int) error {
		if err := c.backend.Resume(c.ctx, c.Addr(i)); err != nil {
			return fmt.Errorf("resuming %s: %w", c.Name(i), err)
		}
		return nil
	})
	c.hold(false, nodes)
	c.endPauses()
	return err
}

// endPauses ends the pauses that no node is left of.
func (c *Cluster) endPauses() {
	c.end(func(f *Fault) bool {
		return f.kind == pausing && !slices.ContainsFunc(f.Nodes, func(i int) bool { return c.Up(i) && !c.lives(i) })
	})
}

// lives reports whether node i runs and is not paused.
func (c *Cluster) lives(i int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[i].up && !c.nodes[i].paused
}

// hold notes that nodes are paused, or no more.
func (c *Cluster) hold(paused bool, nodes []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range nodes {
		c.nodes[i].paused = paused
	}
}
