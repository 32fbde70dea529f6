package experiments

import (
	"fmt"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/check"
	"peerbed/harness/workload"
	"peerbed/protocols/gnutella"
	"peerbed/protocols/kelips"
	"peerbed/protocols/napster"
	"peerbed/protocols/p2p"
)

// TestNapsterN7Congestion loads the server (claim N7: "the server becomes
// congested"). Its line carries so many answers a second and no more: below, a lookup
// waits a little; beyond, ever longer. The same load on the same line, one node's of
// many, does nothing of the kind to Gnutella or Kelips.
func TestNapsterN7Congestion(t *testing.T) {
	loads := []float64{0.3, 0.6, 0.85, 1.5}
	harness.Repeat(t, 3, func(t *harness.T) {
		var capacity float64
		times, found := map[string][]float64{}, map[string][]float64{}
		for _, p := range []*p2p.Protocol{napster.Protocol, gnutella.Protocol, kelips.Protocol} {
			c := congested(t, p)
			if p == napster.Protocol {
				capacity = accessLine / replySize(t, c)
			}
			c.Throttle([]int{0}, accessLine, accessLine)
			for i, load := range loads {
				if p != napster.Protocol && 0 < i && i < len(loads)-1 {
					continue
				}
				r := c.Run(10*time.Second, workload.Lookups{Rate: load * capacity})
				times[p.Name] = append(times[p.Name], r.P50.Seconds()*1000)
				found[p.Name] = append(found[p.Name], r.Found)
				c.Advance(10 * time.Second) // what waits is gone
			}
			fmt.Printf("  %-8s %.0f lookups a second are a load of 1; half take %.0f ms at most\n", p.Name, capacity, times[p.Name])
			closeNow(t, c)
		}
		n := times[napster.Protocol.Name]
		t.Want("napster: a load of 0.6 beside one of 0.3", n[1]/n[0], harness.AtMost(1.5))
		t.Want("napster: a load of 1.5 beside one of 0.3", n[3]/n[0], harness.AtLeast(10))
		for _, p := range []*p2p.Protocol{gnutella.Protocol, kelips.Protocol} {
			o := times[p.Name]
			t.Want(p.Name+": a load of 1.5 beside one of 0.3", o[1]/o[0], harness.AtMost(2))
			// What the node with the slow line has, and what it asks for, is 2 of 30.
			t.Want(p.Name+": found at a load of 1.5", found[p.Name][1], harness.AtLeast(1-3.0/30))
		}
	})
}

// accessLine is what node 0 can send and receive, in bytes a second.
const accessLine = 4000

// congested is a network of thirty with sixty files.
func congested(t *harness.T, p *p2p.Protocol) *harness.Cluster {
	t.Helper()
	const nodes = 30
	patient := map[*p2p.Protocol][]string{napster.Protocol: {"patience=1m"}, gnutella.Protocol: {"window=0s"}}
	c := harness.New(t, p, nodes, harness.World("sim"), harness.Nodes(nodes), harness.Quiet(), harness.Links(napsterLinks),
		harness.Config(patient[p]...))
	c.Settle(check.Whole(p))
	c.Share(2*nodes, 10)
	c.Advance(10 * time.Second)
	return c
}

// replySize is what the server sends for a lookup.
func replySize(t *harness.T, c *harness.Cluster) float64 {
	t.Helper()
	r := c.Run(10*time.Second, workload.Lookups{Rate: 10})
	for _, k := range r.Traffic.Kinds {
		if k.Kind == "results" {
			return float64(k.SentBytes) / float64(k.Sent)
		}
	}
	t.Fatal("no results were sent")
	panic("unreachable")
}
