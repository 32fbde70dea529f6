package harness

import (
	"cmp"
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// Totals is the traffic of all nodes together (the introducer's own left out)
// since the run began, through crashes and restarts.
type Totals struct {
	Kinds []p2p.Traffic // by type of message, in order of class and name
	// Seen is the bytes that the world saw on the wire, headers included; 0
	// where it cannot see.
	SeenIn, SeenOut uint64
}

// A count is what one node has counted: in processes that have ended, and in
// the one that runs.
type count struct{ before, now Counters }

// Totals reads the counters of all nodes. What a node counted between the last
// reading and its crash is lost; a reading precedes every crash that the
// cluster makes by a second at most.
func (c *Cluster) Totals() Totals {
	if c.err != nil {
		return Totals{}
	}
	t, err := c.totals()
	c.fail(err)
	return t
}

// Measure returns the traffic while f runs.
func (c *Cluster) Measure(f func()) Totals {
	before := c.Totals()
	f()
	return c.Totals().Sub(before)
}

func (c *Cluster) totals() (t Totals, err error) {
	if err := c.readTraffic(0); err != nil {
		return t, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.nodes {
		if n := c.traffic[c.Addr(i)]; n != nil {
			t.add(n.before)
			t.add(n.now)
		}
	}
	slices.SortFunc(t.Kinds, func(a, b p2p.Traffic) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Kind, b.Kind))
	})
	return t, nil
}

// readTraffic reads all counters, unless that was done less than fresh ago.
func (c *Cluster) readTraffic(fresh time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counted > 0 && c.Now()-c.counted < fresh {
		return nil
	}
	all, err := c.backend.Counters(c.ctx)
	c.counted = c.Now()
	for a, now := range all {
		if c.traffic[a] == nil {
			c.traffic[a] = &count{}
		}
		c.traffic[a].now = now
	}
	return err
}

// settleAccounts moves what nodes had counted to the account of their past processes.
func (c *Cluster) settleAccounts(nodes []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range nodes {
		if n := c.traffic[c.Addr(i)]; n != nil {
			var t Totals
			t.add(n.before)
			t.add(n.now)
			load := n.before.Load.plus(n.now.Load)
			n.before, n.now = Counters{Traffic: t.Kinds, SeenIn: t.SeenIn, SeenOut: t.SeenOut, Load: load}, Counters{}
		}
	}
}

func (t *Totals) add(n Counters) {
	t.SeenIn += n.SeenIn
	t.SeenOut += n.SeenOut
	for _, k := range n.Traffic {
		into := t.kind(k.Kind, k.Class)
		into.Sent += k.Sent
		into.SentBytes += k.SentBytes
		into.Received += k.Received
		into.ReceivedBytes += k.ReceivedBytes
	}
}

func (t *Totals) kind(name string, class p2p.Class) *p2p.Traffic {
	i := slices.IndexFunc(t.Kinds, func(k p2p.Traffic) bool { return k.Kind == name })
	if i < 0 {
		i = len(t.Kinds)
		t.Kinds = append(t.Kinds, p2p.Traffic{Kind: name, Class: class})
	}
	return &t.Kinds[i]
}

// Sub returns the traffic since an earlier reading.
func (t Totals) Sub(earlier Totals) Totals {
	d := Totals{SeenIn: t.SeenIn - earlier.SeenIn, SeenOut: t.SeenOut - earlier.SeenOut}
	for _, k := range t.Kinds {
		was := *earlier.kind(k.Kind, k.Class)
		k.Sent -= was.Sent
		k.SentBytes -= was.SentBytes
		k.Received -= was.Received
		k.ReceivedBytes -= was.ReceivedBytes
		d.Kinds = append(d.Kinds, k)
	}
	return d
}

// Class sums the types of one class.
func (t Totals) Class(class p2p.Class) p2p.Traffic {
	return t.sum(func(k p2p.Traffic) bool { return k.Class == class }, p2p.Traffic{Class: class})
}

// Kind returns one type of message.
func (t Totals) Kind(name string) p2p.Traffic {
	return t.sum(func(k p2p.Traffic) bool { return k.Kind == name }, p2p.Traffic{Kind: name})
}

// All sums all types.
func (t Totals) All() p2p.Traffic {
	return t.sum(func(p2p.Traffic) bool { return true }, p2p.Traffic{})
}

func (t Totals) sum(which func(p2p.Traffic) bool, s p2p.Traffic) p2p.Traffic {
	for _, k := range t.Kinds {
		if which(k) {
			s.Sent += k.Sent
			s.SentBytes += k.SentBytes
			s.Received += k.Received
			s.ReceivedBytes += k.ReceivedBytes
		}
	}
	return s
}
