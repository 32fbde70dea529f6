package harness

import (
	"context"
	"fmt"
	"io"
	"time"

	"peerbed/harness/plan"
	"peerbed/protocols/p2p"
)

// What follows drives a cluster by hand, one step at a time, as a shell does. A
// step that fails says so and is over: it is not kept for Err, and the cluster
// goes on. Steps that change something come one after the other; the others
// may be taken at any time, from any goroutine.

// Play carries out one event of a plan now, whatever its time. Of a fault that
// heals it returns what Heal knows it by. Nodes that Leave are asked to and not
// waited for; those that are Away are. Wishes are Ask's.
func (c *Cluster) Play(e plan.Event) (handle string, err error) {
	if err := c.known(e.Nodes); err != nil {
		return "", fmt.Errorf("%s: %w", e.Do, err)
	}
	if e.Do == plan.Away {
		return "", c.sendAway(e.Nodes)
	}
	return c.carryOut(e)
}

func (c *Cluster) carryOut(e plan.Event) (handle string, err error) {
	switch e.Do {
	case plan.Crash:
		return "", c.kill(Crash, e.Label, e.Nodes)
	case plan.Vanish:
		return "", c.kill(Vanish, e.Label, e.Nodes)
	case plan.Leave:
		return "", c.depart(e.Label, "leave", e.Nodes)
	case plan.Restart:
		return "", c.restart(e.Nodes)
	case plan.Cut, plan.Wall, plan.Drop, plan.Throttle:
		return c.disturb(e)
	case plan.Pause:
		return c.pause(e.Label, e.Nodes)
	case plan.Resume:
		return "", c.resume(e.Nodes)
	case plan.Heal:
		if e.Label == "" {
			return "", c.heal()
		}
		return "", c.heal(e.Label)
	case plan.Shape:
		return "", c.shapeBy(e)
	}
	return "", fmt.Errorf("an event of the plan wants to %q, which is nothing that a cluster does", e.Do)
}

// Ask has node i carry out a wish and waits for the outcome, or until ctx ends.
// Where time is real, several may be under way; where it is virtual, this makes
// it pass, and so is a step that changes something.
func (c *Cluster) Ask(ctx context.Context, i int, op p2p.Op) Outcome {
	done, began := make(chan Outcome, 1), c.Now()
	c.backend.Do(c.Addr(i), op, func(o Outcome) { done <- o })
	if c.about.Virtual {
		if err := c.advanceUnder(ctx, 2*p2p.MaxOp, func() bool { return len(done) > 0 }); err != nil {
			return Outcome{Result: p2p.Result{Err: err}}
		}
	}
	select {
	case o := <-done:
		c.rec.wish(i, began, op, o)
		if _, leave := op.(p2p.Leave); leave && o.Err == nil {
			c.mark(false, i)
			c.begin(Fault{Name: string(plan.Leave), Text: "leave of " + c.Name(i), Nodes: []int{i}})
		}
		return o
	case <-ctx.Done():
		return Outcome{Result: p2p.Result{Err: context.Cause(ctx)}}
	}
}

// Sleep lets time pass, or runs the world where time is virtual.
func (c *Cluster) Sleep(ctx context.Context, d time.Duration) error {
	return c.advanceUnder(ctx, d, nil)
}

// Inspect reads the state of node i.
func (c *Cluster) Inspect(ctx context.Context, i int) (p2p.State, error) {
	return c.backend.Inspect(ctx, c.Addr(i))
}

// Condition is how node i is: "up", "paused", or what took it down, "crash",
// "vanish", "leave" or the name that a plan gave to it.
func (c *Cluster) Condition(i int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch n := c.nodes[i]; {
	case n.paused:
		return "paused"
	case n.up:
		return "up"
	}
	name := "down"
	for _, k := range c.lasting {
		for _, j := range c.faults[k].Nodes {
			if j == i && c.faults[k].kind == "" {
				name = c.faults[k].Name
			}
		}
	}
	return name
}

// Lasting returns the faults that are not over, in the order of their beginning.
func (c *Cluster) Lasting() []Fault {
	var some []Fault
	for _, f := range c.active() {
		some = append(some, f)
	}
	return some
}

// Traffic is Totals as a step.
func (c *Cluster) Traffic() (Totals, error) { return c.totals() }

// Put makes the bytes of from a blob on the disk of node i, for it to publish.
func (c *Cluster) Put(ctx context.Context, i int, blob string, from io.Reader) error {
	return c.backend.Put(ctx, c.Addr(i), blob, from)
}

// Get copies a blob from the disk of node i.
func (c *Cluster) Get(ctx context.Context, i int, blob string, to io.Writer) error {
	return c.backend.Get(ctx, c.Addr(i), blob, to)
}

// Log returns the end of what node i has printed.
func (c *Cluster) Log(ctx context.Context, i int) ([]byte, error) {
	return c.backend.Log(ctx, c.Addr(i))
}
