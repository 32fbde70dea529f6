package harness

import (
	"fmt"
	"hash/fnv"
	"time"

	"peerbed/protocols/p2p"
)

// Do carries out a wish at node i and waits for the outcome. A wish of a node
// that is down ends with p2p.ErrGone.
func (c *Cluster) Do(i int, op p2p.Op) Outcome {
	done, began := make(chan Outcome, 1), c.Now()
	if c.err != nil {
		return Outcome{Result: p2p.Result{Err: c.err}}
	}
	c.backend.Do(c.Addr(i), op, func(o Outcome) { done <- o })
	if err := c.advance(2*p2p.MaxOp, func() bool { return len(done) > 0 }); err != nil {
		c.fail(err)
	}
	select {
	case o := <-done:
		c.note(i, op, o)
		c.rec.wish(i, began, op, o)
		return o
	default:
		return Outcome{Result: p2p.Result{Err: fmt.Errorf("%s: no outcome in %v: %w", c.Name(i), 2*p2p.MaxOp, p2p.ErrTimeout)}}
	}
}

// note remembers what an operation changed.
func (c *Cluster) note(i int, op p2p.Op, o Outcome) {
	switch op := op.(type) {
	case p2p.Publish:
		if o.Err == nil {
			c.files = append(c.files, op.Name)
		}
	case p2p.Leave:
		c.settleAccounts([]int{i})
		c.mark(false, i)
	}
}

// Publish has node i make a blob of size bytes and publish it. The bytes
// follow from the name.
func (c *Cluster) Publish(i int, name string, size int64) Outcome {
	return c.Do(i, Publishing(name, size))
}

// Publishing is the wish to publish a blob of size bytes that follow from its
// name; of size 0, the blob of that name that lies on the node's disk.
func Publishing(name string, size int64) p2p.Publish {
	return p2p.Publish{Name: name, Size: size, Seed: nameSeed(name)}
}

// nameSeed makes the seed of a blob's bytes from its name.
func nameSeed(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// Find has node i ask who has name.
func (c *Cluster) Find(i int, name string) Outcome { return c.Do(i, p2p.Find{Name: name}) }

// Fetch has node i bring name to its disk.
func (c *Cluster) Fetch(i int, name string) Outcome { return c.Do(i, p2p.Fetch{Name: name}) }

// Leave has nodes say good-bye, one after the other.
func (c *Cluster) Leave(nodes ...int) {
	for _, i := range nodes {
		if c.err == nil {
			c.fail(c.readTraffic(time.Second))
		}
		if o := c.Do(i, p2p.Leave{}); o.Err != nil {
			c.fail(fmt.Errorf("%s could not leave: %w", c.Name(i), o.Err))
		}
	}
}

// Share publishes files of size bytes each, called file-0, file-1 and so on,
// at live nodes in turn. All must succeed.
func (c *Cluster) Share(files int, size int64) {
	live := c.Live()
	for range files {
		if c.err != nil || len(live) == 0 {
			return
		}
		k := len(c.files)
		i, name := live[k%len(live)], fmt.Sprintf("file-%d", k)
		if o := c.Publish(i, name, size); o.Err != nil {
			c.fail(fmt.Errorf("%s could not publish %s: %w", c.Name(i), name, o.Err))
		}
	}
}
