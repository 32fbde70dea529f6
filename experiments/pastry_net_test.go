package experiments

import (
	"math/rand/v2"
	"slices"
	"time"

	"peerbed/harness"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
	"peerbed/protocols/pastry"
)

// stillPastry is a configuration of Pastry in which nothing happens but what a test
// asks for.
var stillPastry = []string{"keep-alive=10m", "maintain=10m", "repair=10m", "merge=0s", "copies=1"}

// plane is links of the paper's experiments: nodes at random places of a square,
// messages as slow as the way is long.
func plane(t *harness.T, number int) linkmodel.Model {
	return linkmodel.Model{Plane: &linkmodel.Plane{Side: 100 * time.Millisecond, Seed: t.Seed()*1000 + uint64(number)}}
}

// far is the round trip between two nodes.
func far(m *linkmodel.Model) pastry.Distance {
	return func(a, b p2p.Addr) time.Duration { return 2 * m.Link(a, b).Delay } // the same in both directions
}

// nearPastry is Pastry whose ideal states have the nearest node in each slot.
func nearPastry(m *linkmodel.Model) *p2p.Protocol {
	p := *pastry.Protocol
	p.Ideal = func(cfg any, addrs []p2p.Addr) []p2p.State { return pastry.Perfect(cfg.(pastry.Config), addrs, far(m)) }
	return &p
}

// perfectPastry starts a simulated network with perfect tables and nothing going on,
// on a plane.
func perfectPastry(t *harness.T, p *p2p.Protocol, m *linkmodel.Model, nodes, number int, changes ...string) *harness.Cluster {
	t.Helper()
	return harness.New(t, p, nodes, harness.World("sim"), harness.Cast(ports(nodes, t.Seed(), number)), harness.Ideal(), harness.Quiet(),
		harness.Links(*m), harness.Config(append(slices.Clone(stillPastry), changes...)...))
}

// lengths are those of the hops of a route.
func lengths(d pastry.Distance, path []p2p.Hop) (each []float64) {
	for i := range path[1:] {
		each = append(each, float64(d(path[i].Addr, path[i+1].Addr)))
	}
	return each
}

// routes asks for so many names that nobody has, all at once, and returns the ways
// to their roots.
func routes(t *harness.T, c *harness.Cluster, lookups int) (paths [][]p2p.Hop) {
	t.Helper()
	for _, o := range c.Run(0, asked{lookups: lookups}).Operations {
		if len(o.Path) == 0 {
			t.Fatalf("the lookup of %s came nowhere: %v", o.Name, o.Err)
		}
		paths = append(paths, o.Path)
	}
	return paths
}

// shuffled is the numbers below n in an order drawn for the seed.
func shuffled(t *harness.T, n int) []int { return rand.New(rand.NewPCG(t.Seed(), uint64(n))).Perm(n) }
