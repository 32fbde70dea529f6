package record

import (
	"math"

	"peerbed/protocols/p2p"
)

// rounds is how often the springs of a graph are relaxed.
const rounds = 220

// placeGraph finds places for a network without a circle: linked nodes attract,
// all repel one another, and everything is drawn gently to the middle, so that
// parts that have lost each other stay on the page (Fruchterman and Reingold
// 1991). Links of all pictures count, so that one layout serves them all.
func (d *drawing) placeGraph() {
	links := d.joins()
	if len(d.order) > maxDrawn {
		d.sample(near(d.order, links, maxDrawn))
	}
	index := map[p2p.Addr]int{}
	for i, a := range d.order {
		index[a] = i
	}
	springs := make([][]int, len(d.order))
	for i, a := range d.order {
		for _, b := range links[a] {
			if j, ok := index[b]; ok && i < j {
				springs[i] = append(springs[i], j)
			}
		}
	}
	at := relax(springs)
	d.places = map[p2p.Addr]point{}
	for i, a := range d.order {
		d.places[a] = at[i]
	}
}

// joins is what all pictures know of links, in both directions, in a fixed order.
func (d *drawing) joins() map[p2p.Addr][]p2p.Addr {
	links := map[p2p.Addr][]p2p.Addr{}
	seen := map[[2]p2p.Addr]bool{}
	add := func(a, b p2p.Addr) {
		if a != b && !seen[[2]p2p.Addr{a, b}] {
			seen[[2]p2p.Addr{a, b}] = true
			links[a] = append(links[a], b)
		}
	}
	for _, p := range d.Pictures {
		for _, s := range p.Nodes {
			for _, b := range d.links(s) {
				add(s.Self, b)
				add(b, s.Self)
			}
		}
	}
	return links
}

// near picks the n nodes that a walk in breadth from the first one meets first.
func near(order []p2p.Addr, links map[p2p.Addr][]p2p.Addr, n int) map[p2p.Addr]bool {
	picked := map[p2p.Addr]bool{}
	for _, from := range order {
		queue := []p2p.Addr{from}
		for len(queue) > 0 && len(picked) < n {
			a := queue[0]
			queue = queue[1:]
			if picked[a] {
				continue
			}
			picked[a] = true
			queue = append(queue, links[a]...)
		}
	}
	return picked
}

// relax starts the nodes on a spiral and lets the springs work, in steps that
// shrink.
func relax(springs [][]int) []point {
	n := len(springs)
	at := make([]point, n)
	for i := range at {
		at[i] = polar(point{}, math.Sqrt(float64(i)+0.5)/math.Sqrt(float64(n)), float64(i)*0.381966)
	}
	k := 1 / math.Sqrt(float64(max(n, 1))) // the length at which a spring rests
	for round := range rounds {
		force := forces(at, springs, k)
		step := 0.12 * (1 - float64(round)/rounds)
		for i, f := range force {
			at[i] = at[i].plus(f.unit().times(min(f.length(), step)))
		}
	}
	return fit(at)
}

func forces(at []point, springs [][]int, k float64) []point {
	force := make([]point, len(at))
	for i := range at {
		for j := range i {
			way := at[i].minus(at[j])
			l := max(way.length(), 1e-3)
			push := way.unit().times(k * k / l)
			force[i] = force[i].plus(push)
			force[j] = force[j].minus(push)
		}
		force[i] = force[i].minus(at[i].times(0.6 * k))
	}
	for i, ends := range springs {
		for _, j := range ends {
			way := at[j].minus(at[i])
			pull := way.times(way.length() / k)
			force[i] = force[i].plus(pull)
			force[j] = force[j].minus(pull)
		}
	}
	return force
}

// stretch is how much more one axis may be stretched than the other.
const stretch = 1.5

// fit stretches the places to the drawing's square.
func fit(at []point) []point {
	low, high := point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	for _, p := range at {
		low = point{min(low.x, p.x), min(low.y, p.y)}
		high = point{max(high.x, p.x), max(high.y, p.y)}
	}
	const edge = 44
	span := high.minus(low)
	most := max(span.x, span.y, 1e-9)
	center := low.toward(high, 0.5)
	for i, p := range at {
		from := p.minus(center).times(side - 2*edge)
		at[i] = middle.plus(point{from.x / max(span.x, most/stretch), from.y / max(span.y, most/stretch)})
	}
	return at
}

// graphLinks draws each link once, whichever end knows of it.
func (d *drawing) graphLinks(c *canvas, m *moment) {
	seen := map[[2]p2p.Addr]bool{}
	for _, a := range d.order {
		for _, b := range d.links(m.alive[a]) {
			to, ok := d.places[b]
			pair := [2]p2p.Addr{min(a, b), max(a, b)}
			if !ok || seen[pair] {
				continue
			}
			seen[pair] = true
			c.thin("edge"+m.lost(a, b), d.places[a], to, to)
		}
	}
}
