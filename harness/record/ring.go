package record

import (
	"math"

	"peerbed/protocols/p2p"
)

// placeRing puts every node on the circle by its id, and samples evenly if they
// are too many.
func (d *drawing) placeRing() {
	d.angles = map[p2p.Addr]float64{}
	for a, s := range d.known {
		d.angles[a] = d.Angle(s)
	}
	if n := len(d.order); n > maxDrawn {
		d.byAngle(d.order)
		picked := map[p2p.Addr]bool{}
		for i := range maxDrawn {
			picked[d.order[i*n/maxDrawn]] = true
		}
		d.sample(picked)
	}
	d.byAngle(d.order)
	d.places = map[p2p.Addr]point{}
	for _, a := range d.order {
		d.places[a] = polar(middle, radius, d.angles[a])
	}
}

// ahead is how far b lies clockwise of a, above 0 and up to 1 (itself).
func ahead(a, b float64) float64 {
	f := math.Mod(b-a+1, 1)
	if f == 0 {
		return 1
	}
	return f
}

// successor returns whom s believes to follow it: the first of its neighbours
// clockwise. It is itself if it knows nobody.
func (d *drawing) successor(s p2p.State) p2p.Addr {
	next, best := s.Self, 1.0
	for _, b := range d.links(s) {
		angle, ok := d.angles[b]
		if !ok {
			continue
		}
		if f := ahead(d.angles[s.Self], angle); f < best {
			next, best = b, f
		}
	}
	return next
}

// ringLinks draws fingers thin, through the circle, and successors bold, along
// it. A sampled picture has fingers of two dozen nodes, and an arc wherever the
// chain of successors between two drawn nodes holds.
func (d *drawing) ringLinks(c *canvas, m *moment) {
	sampled := len(d.order) < len(d.known)
	c.arc("circle", polar(middle, radius, 0), polar(middle, radius, 0.5), radius, false)
	c.arc("circle", polar(middle, radius, 0.5), polar(middle, radius, 0), radius, false)
	every := max(1, len(d.order)/24)
	for i, a := range d.order {
		s, ok := m.alive[a]
		if !ok || sampled && i%every != 0 {
			continue
		}
		d.fingers(c, m, s)
	}
	for _, a := range d.order {
		if s, ok := m.alive[a]; ok {
			d.arcOf(c, m, s, sampled)
		}
	}
}

// fingers draws the links of s but for its successor, and but for whoever has s
// as successor: that one is drawn bold already.
func (d *drawing) fingers(c *canvas, m *moment, s p2p.State) {
	next := d.successor(s)
	for _, b := range d.links(s) {
		angle, ok := d.angles[b]
		if t, alive := m.alive[b]; !ok || b == next || alive && d.successor(t) == s.Self {
			continue
		}
		to := polar(middle, radius, angle)
		from := d.places[s.Self]
		c.thin("finger"+m.lost(s.Self, b), from, from.toward(to, 0.5).toward(middle, 0.35), to)
	}
}

// arcOf draws the successor of s; in a sample, the chain of successors up to
// the next node that is drawn. A successor beyond a living node, as after a
// cut, is drawn through the circle: that ring is not whole.
func (d *drawing) arcOf(c *canvas, m *moment, s p2p.State, sampled bool) {
	next := d.successor(s)
	class := "succ" + m.lost(s.Self, next) + m.sideClass(s.Self)
	for steps := 0; sampled && d.places[next] == (point{}); steps++ {
		t, ok := m.alive[next]
		if !ok || steps > len(d.known) {
			return
		}
		next = d.successor(t)
	}
	if next == s.Self {
		return
	}
	from, f := d.angles[s.Self], ahead(d.angles[s.Self], d.angles[next])
	to := polar(middle, radius, from+f)
	if d.skips(m, from, f) {
		c.curve(class, d.places[s.Self], to, polar(middle, radius*0.72, from+f/2))
		return
	}
	c.arc(class, d.places[s.Self], to, radius, f > 0.5)
}

// skips reports whether a living node that is drawn lies strictly within the
// part f of the circle clockwise of an angle.
func (d *drawing) skips(m *moment, from, f float64) bool {
	for _, a := range d.order {
		if _, ok := m.alive[a]; ok && ahead(from, d.angles[a]) < f {
			return true
		}
	}
	return false
}

// keys marks files' ids on the circle.
func (d *drawing) keys(c *canvas, p *Picture) {
	for _, k := range p.Keys {
		c.line("key", polar(middle, radius-12, k.Angle), polar(middle, radius+12, k.Angle))
		at, anchor := outside(k.Angle, radius+20)
		c.text("keyname", at, anchor, k.Label)
	}
}
