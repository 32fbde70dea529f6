package experiments

import (
	"errors"
	"fmt"
	"testing"

	"peerbed/harness"
	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
)

// TestGnutellaGN3GN4Flood counts what a flood costs (claims GN3 and GN4): in a network of
// N nodes and E links it is exactly 2E-N+1 Query messages, whatever the timing,
// because the asker sends one over each of its links and everybody else over
// each but the one that the query came by first. Of them 2E-2N+2 are
// duplicates. That holds if no TTL runs out, so it is at least N here, and
// while no link comes or goes, so that is checked.
func TestGnutellaGN3GN4Flood(t *testing.T) {
	t.Parallel() // most of it is waiting
	settings := harness.Config("ttl=255", "ping=10m", "patience=1s")
	harness.Repeat(t, 1, func(t *harness.T) {
		t.Run("sim", func(t *harness.T) {
			floodsCost(t, harness.New(t, gnutella.Protocol, 100, settings, harness.World("sim")))
		})
		t.Run("real", func(t *harness.T) {
			floodsCost(t, start(t, gnutella.Protocol, 8, settings))
		})
	})
}

func floodsCost(t testing.TB, c *harness.Cluster) {
	if c.Size() > 255 {
		t.Fatalf("-nodes %d: a TTL has one byte, so that a flood is sure to reach 255 nodes and no more", c.Size())
	}
	c.Settle(gnutella.Connected)
	floods, last := 0, linkSet{}
	for attempt := 0; floods < 5; attempt++ {
		if attempt == 50 {
			t.Fatalf("links came or went during all but %d of %d floods", floods, attempt)
		}
		before := links(c.States())
		traffic := c.Measure(func() { flood(t, c, attempt%c.Size()) })
		if last = links(c.States()); last != before {
			continue
		}
		floods++
		checkFlood(t, c.Size(), before.count, traffic.Kind("query"))
	}
	fmt.Printf("  %d floods over %d nodes and %d links: %d queries each\n", floods, c.Size(), last.count, 2*last.count-c.Size()+1)
}

// flood asks for what nobody has, so that the query goes everywhere.
func flood(t testing.TB, c *harness.Cluster, asker int) {
	t.Helper()
	if out := c.Find(asker, "nobody has this"); !errors.Is(out.Err, p2p.ErrNotFound) {
		t.Fatalf("%s looked for what nobody has: %v, want %v", c.Name(asker), out.Err, p2p.ErrNotFound)
	}
}

func checkFlood(t testing.TB, nodes, edges int, query p2p.Traffic) {
	t.Helper()
	want := uint64(2*edges - nodes + 1)
	if query.Sent != want || query.Received != want {
		t.Errorf("N=%d, E=%d: a flood sent %d queries, of which %d arrived; want 2E-N+1 = %d", nodes, edges, query.Sent, query.Received, want)
	}
	if twice := query.Received - uint64(nodes-1); twice != uint64(2*edges-2*nodes+2) {
		t.Errorf("N=%d, E=%d: %d duplicates, want 2E-2N+2 = %d", nodes, edges, twice, 2*edges-2*nodes+2)
	}
}

// A linkSet tells whether two overlays have the same links.
type linkSet struct {
	count int
	text  string
}

func links(states []p2p.State) linkSet {
	var s linkSet
	for _, n := range states {
		s.count += len(n.Neighbours)
		s.text += fmt.Sprintln(n.Self, n.Neighbours)
	}
	s.count /= 2 // both ends know of a link: gnutella.Connected
	return s
}
