package gnutella

import (
	"math/rand/v2"
	"slices"

	"peerbed/protocols/p2p"
)

// ideal is a perfect overlay: by the attachment that cfg says, a random regular
// graph or one that has grown. The same addresses give the same graph.
func ideal(cfg any, addrs []p2p.Addr) []p2p.State {
	c := cfg.(Config)
	g := graph{addrs: addrs, links: make([][]LinkState, len(addrs)), rand: rand.New(rand.NewPCG(uint64(len(addrs)), 0))}
	if c.Redirect > 0 {
		g.grow(c)
	} else {
		g.rings(max(1, min(c.Degree, c.MaxLinks/2)))
	}
	return g.states(roles[c.Role])
}

// A graph is an overlay that is being drawn.
type graph struct {
	addrs []p2p.Addr
	links [][]LinkState
	rand  *rand.Rand
	dials [][]int // of each node, in grow
}

// join links two nodes, if they are two and not linked yet.
func (g *graph) join(i, j int) bool {
	a, b := g.addrs[i], g.addrs[j]
	if i == j || slices.ContainsFunc(g.links[i], func(l LinkState) bool { return l.Addr == b }) {
		return false
	}
	g.links[i] = append(g.links[i], LinkState{Addr: b, Up: true})
	g.links[j] = append(g.links[j], LinkState{Addr: a, Inbound: true, Up: true})
	return true
}

// rings is the union of random rings through all nodes, in which each dials the
// next. It is an expander with high probability (Law and Siu, "Distributed
// Construction of Random Expander Networks", 2003). The first ring is in the
// order of the addresses.
func (g *graph) rings(n int) {
	ring := make([]int, len(g.addrs))
	for i := range ring {
		ring[i] = i
	}
	for range n {
		for k, i := range ring {
			g.join(i, ring[(k+1)%len(ring)])
		}
		g.rand.Shuffle(len(ring), func(i, j int) { ring[i], ring[j] = ring[j], ring[i] })
	}
}

// grow adds one node after the other, each of which dials Degree of those that
// are there; see attach.go.
func (g *graph) grow(c Config) {
	const steps, tries = 1 << 20, 100
	g.dials = make([][]int, len(g.addrs))
	for i := 1; i < len(g.addrs); i++ {
		for try := 0; len(g.dials[i]) < min(i, max(1, c.Degree)) && try < tries; try++ {
			j := g.rand.IntN(i)
			if to := g.dials[j]; len(to) > 0 && g.rand.IntN(steps) < int(c.Redirect*steps) {
				j = to[g.rand.IntN(len(to))]
			}
			if len(g.links[j]) < c.MaxLinks && g.join(i, j) {
				g.dials[i] = append(g.dials[i], j)
			}
		}
	}
}

func (g *graph) states(role string) []p2p.State {
	states := make([]p2p.State, len(g.addrs))
	for i, a := range g.addrs {
		states[i] = p2p.State{Self: a, Detail: Detail{Role: role, Links: g.links[i]}}
		for _, l := range g.links[i] {
			states[i].Neighbours = append(states[i].Neighbours, l.Addr)
		}
		slices.Sort(states[i].Neighbours)
	}
	return states
}
