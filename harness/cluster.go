package harness

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// A Cluster is the nodes of one run and all that is known of them. Nodes are
// numbered from 0; the introducer that they find one another through is not
// among them.
//
// Its methods are for one goroutine, the test's.
type Cluster struct {
	t       testing.TB // nil outside a test
	play    *play      // the seed of a test that is repeated; nil: it is not
	ctx     context.Context
	backend Backend
	about   About
	choice  choice
	set     Settings
	config  any // the protocol's, with the changes asked for
	err     error

	nodes      []*node // of the protocol
	introducer *node
	hosts      map[string]p2p.Addr
	files      []string
	runs       int       // how often Run was called
	page       string    // see SetPage
	caption    string    // see Caption
	rec        *recorder // nil: nothing is recorded

	mu      sync.Mutex       // for what follows and node.up: Run disturbs and asks at once
	links   linkmodel.Source // what Shape says; faults come on top
	net     fault.Net        // what all of it makes of the network
	proven  fault.Net        // what net was when it was last proved
	faults  []Fault          // all that ever were, in order
	lasting []int            // which of them are not over
	moves   []move           // all joins and departures, in order
	traffic map[p2p.Addr]*count
	counted time.Duration // when traffic was last read

	closing sync.Once
}

// A node is one place of the cluster: it keeps its address and disk through
// crash and restart.
type node struct {
	spec Spec
	up   bool
	// paused: it is up and stands still.
	paused bool
	left   chan struct{} // closed when it has left; nil: it was not asked to leave
}

// A Check says whether the states of all live nodes fit together. nil: they
// do; else what is wrong, with addresses. Protocol packages have some
// (chord.Closed), and package check has those that fit every protocol.
type Check func(states []p2p.State) error

// Size returns the number of nodes, those that are down included.
func (c *Cluster) Size() int { return len(c.nodes) }

// Protocol returns what the nodes speak.
func (c *Cluster) Protocol() *p2p.Protocol { return c.set.Protocol }

// Config returns the nodes' configuration, of Protocol.Config's type, with the
// changes that were asked for.
func (c *Cluster) Config() any { return c.config }

// Seed returns the seed of the run.
func (c *Cluster) Seed() uint64 { return c.set.Seed }

// About says what the world is.
func (c *Cluster) About() About { return c.about }

// Now returns the time since the world began, virtual or real.
func (c *Cluster) Now() time.Duration { return c.backend.Now() }

// Addr returns the address of node i.
func (c *Cluster) Addr(i int) p2p.Addr { return c.nodes[i].spec.Addr }

// Addrs returns the addresses of all nodes, by their number.
func (c *Cluster) Addrs() []p2p.Addr {
	addrs := make([]p2p.Addr, len(c.nodes))
	for i := range c.nodes {
		addrs[i] = c.Addr(i)
	}
	return addrs
}

// Name returns what node i is called in reports: "chord-3".
func (c *Cluster) Name(i int) string { return c.nodes[i].spec.Name }

// Role returns the role of node i.
func (c *Cluster) Role(i int) string { return c.nodes[i].spec.Role }

// Index returns the number of the node at a, or -1.
func (c *Cluster) Index(a p2p.Addr) int {
	for i, n := range c.nodes {
		if n.spec.Addr == a {
			return i
		}
	}
	return -1
}

// Up reports whether node i runs; a paused one does.
func (c *Cluster) Up(i int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[i].up
}

// Live returns the numbers of the nodes that run and are not paused, in order.
func (c *Cluster) Live() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	var live []int
	for i, n := range c.nodes {
		if n.up && !n.paused {
			live = append(live, i)
		}
	}
	return live
}

// nextUp returns the first live node, from i on and round; -1: there is none.
func (c *Cluster) nextUp(i int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.nodes {
		if j := (i + k) % len(c.nodes); c.nodes[j].up && !c.nodes[j].paused {
			return j
		}
	}
	return -1
}

// Files returns the names of what has been published, in order.
func (c *Cluster) Files() []string { return c.files }

// Err returns the first failure of the machinery, or nil. In a test it is
// always nil: the failure has ended the test.
func (c *Cluster) Err() error { return c.err }

// fail keeps the first error and ends the test, if there is one.
func (c *Cluster) fail(err error) {
	if err == nil || c.err != nil {
		return
	}
	c.err = err
	if c.t != nil {
		c.t.Helper()
		c.t.Fatalf("peerbed: %v", err)
	}
}

// say prints a line of progress.
func (c *Cluster) say(format string, args ...any) {
	fmt.Fprintf(c.set.Out, "peerbed: "+format+"\n", args...)
}

// Advance lets time pass.
func (c *Cluster) Advance(d time.Duration) {
	if c.err == nil {
		c.fail(c.advance(d, nil))
	}
}

// States reads the states of all live nodes, by their number. A node that is
// gone though nobody took it down is a failure of the machinery.
func (c *Cluster) States() []p2p.State {
	if c.err != nil {
		return nil
	}
	live := c.Live()
	states := make([]p2p.State, len(live))
	c.fail(c.each(live, func(k, i int) (err error) {
		states[k], err = c.backend.Inspect(c.ctx, c.Addr(i))
		if errors.Is(err, p2p.ErrGone) {
			return fmt.Errorf("%s (%v) died by itself: %w", c.Name(i), c.Addr(i), err)
		}
		return err
	}))
	return states
}

// Settling is how long Settle waits at most.
const Settling = 2 * time.Minute

// Settle lets time pass until check holds for the live nodes, and fails with
// what is still wrong after Settling.
func (c *Cluster) Settle(check Check) { c.SettleWithin(Settling, check) }

// SettleWithin is Settle with a limit of one's own.
func (c *Cluster) SettleWithin(limit time.Duration, check Check) {
	began := c.Now()
	for step := 100 * time.Millisecond; c.err == nil; step = min(2*step, time.Second) {
		err := check(c.States())
		if err == nil || c.err != nil {
			return
		}
		if c.Now()-began >= limit {
			c.fail(fmt.Errorf("%s did not settle within %v: %w", c.set.Protocol.Name, limit, err))
			return
		}
		c.Advance(step)
	}
}

// Close ends all nodes and leaves nothing behind. A test need not call it.
func (c *Cluster) Close() error {
	var err error
	c.closing.Do(func() {
		forget(c)
		c.rec.close()
		err = c.backend.Close()
	})
	return err
}
