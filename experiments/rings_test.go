package experiments

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"peerbed/harness"
	"peerbed/harness/plan"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// m64 is the circle of the rings here, but for the lecture's.
const m64 ring.Bits = 64

// still is a configuration of Chord in which nothing happens but what a test
// asks for.
var still = []string{"stabilize=10m", "fix-fingers=10m", "check-predecessor=10m", "repair=10m"}

// stillRing starts a simulated ring with perfect tables. Rings of another
// number have nodes with other ports, and so with other ids: the number makes
// the ring, the seed alone would not.
func stillRing(t *harness.T, p *p2p.Protocol, nodes, number int, changes ...string) *harness.Cluster {
	t.Helper()
	return harness.New(t, p, nodes, harness.World("sim"), harness.Cast(ports(nodes, t.Seed(), number)), harness.Ideal(), harness.Quiet(),
		harness.Links(linkmodel.Model{Default: linkmodel.Link{Delay: time.Millisecond}}), // all is over before the first upkeep
		harness.Config(append(slices.Clone(still), changes...)...))
}

// ports is a cast whose nodes all listen on the same port, another for each
// seed and ring (below 1000) of it.
func ports(nodes int, seed uint64, number int) p2p.Cast {
	port := uint16(7000 + (seed*1000+uint64(number))%58000)
	return p2p.Same(nodes, p2p.Role{Name: "peer", Port: func(uint32) uint16 { return port }})
}

// inOrder returns the numbers of the nodes in the order of their ids.
func inOrder(c *harness.Cluster, nodes []int) []int {
	ids := make(map[int]ring.ID, len(nodes))
	for _, i := range nodes {
		ids[i] = m64.Addr(c.Addr(i))
	}
	return slices.SortedFunc(slices.Values(nodes), func(a, b int) int { return cmp.Compare(ids[a], ids[b]) })
}

// owner returns which of the nodes, in the order of their ids, a key belongs to.
func owner(c *harness.Cluster, sorted []int, key ring.ID) int {
	k, _ := slices.BinarySearchFunc(sorted, key, func(i int, key ring.ID) int { return cmp.Compare(m64.Addr(c.Addr(i)), key) })
	return sorted[k%len(sorted)]
}

// asked is a workload in which random nodes look up names that nobody has: at
// random times up to over, or all at the first moment, so that what one lookup
// makes its node learn helps no other.
type asked struct {
	lookups int
	over    time.Duration
}

func (a asked) Events(f plan.Facts) ([]plan.Event, error) {
	r := f.Rand()
	events := make([]plan.Event, a.lookups)
	for i := range events {
		events[i] = plan.Event{At: time.Duration(r.Float64() * float64(a.over)), Do: plan.Find, Nodes: []int{r.IntN(f.Nodes)},
			Name: fmt.Sprintf("nothing-%d-%d", f.Seed, i)}
	}
	return events, nil
}

// some picks each node with chance p, drawn for the seed and a number.
func some(t *harness.T, c *harness.Cluster, p float64, number int) (picked []int) {
	r := rand.New(rand.NewPCG(t.Seed(), uint64(number)))
	for i := range c.Size() {
		if r.Float64() < p {
			picked = append(picked, i)
		}
	}
	return picked
}
