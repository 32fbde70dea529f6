package record

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"peerbed/protocols/p2p"
)

// An Overlay is one network, drawn at several moments. A node keeps its place
// through all of them, so that what changed is what moved the eye.
type Overlay struct {
	// Angle places a node on the circle of ids, 0 to 1 clockwise from the
	// top. nil: the network is drawn as a graph.
	Angle func(p2p.State) float64
	// Label names a node in the drawing. nil: the front of its ID.
	Label func(p2p.State) string
	// Links are the neighbours of a node that are worth drawing. nil: all.
	Links func(p2p.State) []p2p.Addr
	// Pictures are the moments, in their order.
	Pictures []Picture
}

// A Picture is one moment of an Overlay.
type Picture struct {
	Caption string      // "before", "after the crash"
	Text    string      // what there is to see, in a sentence
	Nodes   []p2p.State // who lived
	Gone    []p2p.State // who had crashed, as last seen: drawn grey
	// Sides are the groups of a cut: each gets a colour, and a link between
	// two of them is drawn broken.
	Sides [][]p2p.Addr
	// Holders have what Route looks for: drawn with a ring around.
	Holders []p2p.Addr
	Keys    []Key
	// Route is one lookup, asker first. Its hops are drawn, numbered, and
	// listed with the table entry that chose each.
	Route []p2p.Hop
	// Outcome says how the Route ended.
	Outcome string
}

// A Key is an id that is marked on the circle: a file's.
type Key struct {
	Label string
	Angle float64
}

// maxDrawn is how many nodes a picture holds before it becomes a thicket. More
// are drawn as a sample, and the picture says so.
const maxDrawn = 300

// maxLabelled is how many nodes still get a label.
const maxLabelled = 48

// The drawing's own units: a square, and the circle in it that leaves room for
// labels.
const (
	side   = 620.0
	radius = 228.0
)

var middle = point{side / 2, side / 2}

// A drawing is an Overlay with every node's place found.
type drawing struct {
	*Overlay
	known  map[p2p.Addr]p2p.State // every node that any picture has, first seen
	order  []p2p.Addr             // those that are drawn, in a fixed order
	places map[p2p.Addr]point
	angles map[p2p.Addr]float64 // of a ring: all known, drawn or not
}

func newDrawing(o *Overlay) *drawing {
	d := &drawing{Overlay: o, known: map[p2p.Addr]p2p.State{}}
	for _, p := range o.Pictures {
		for _, s := range slices.Concat(p.Nodes, p.Gone) {
			if _, ok := d.known[s.Self]; !ok {
				d.known[s.Self] = s
				d.order = append(d.order, s.Self)
			}
		}
	}
	slices.Sort(d.order)
	if o.Angle != nil {
		d.placeRing()
	} else {
		d.placeGraph()
	}
	return d
}

// links are the neighbours of a node that are drawn.
func (d *drawing) links(s p2p.State) []p2p.Addr {
	if d.Links != nil {
		return d.Links(s)
	}
	return s.Neighbours
}

// routed lists who is on any Route: they are drawn whatever the sample.
func (d *drawing) routed() []p2p.Addr {
	var on []p2p.Addr
	for _, p := range d.Pictures {
		for _, h := range p.Route {
			on = append(on, h.Addr)
		}
	}
	return on
}

// sample keeps of order every node that is picked or on a route.
func (d *drawing) sample(picked map[p2p.Addr]bool) {
	for _, a := range d.routed() {
		picked[a] = true
	}
	d.order = slices.DeleteFunc(d.order, func(a p2p.Addr) bool { return !picked[a] })
}

func (d *drawing) label(a p2p.Addr) string {
	s, ok := d.known[a]
	switch {
	case !ok:
		return a.String()
	case d.Label != nil:
		return d.Label(s)
	case s.ID == "":
		return fmt.Sprintf(".%d", a.IP()&0xff)
	}
	return s.ID[:min(len(s.ID), 5)]
}

// draw makes the SVG of one picture.
func (d *drawing) draw(p *Picture) template.HTML {
	c := &canvas{}
	m := newMoment(p)
	if d.Angle != nil {
		d.ringLinks(c, m)
		d.keys(c, p)
	} else {
		d.graphLinks(c, m)
	}
	d.nodes(c, m)
	d.labels(c)
	d.route(c, p.Route)
	return c.svg(side, side, d.describe(p))
}

func (d *drawing) describe(p *Picture) string {
	return fmt.Sprintf("%s: %d nodes alive, %d gone. %s", p.Caption, len(p.Nodes), len(p.Gone), p.Text)
}

// shown says what part of the nodes the pictures hold, where it is not all.
func (d *drawing) shown() string {
	if len(d.order) == len(d.known) {
		return ""
	}
	how := "those nearest to the first one"
	if d.Angle != nil {
		how = "evenly around the circle; a bold arc means that every successor between its ends is right"
	}
	return fmt.Sprintf("%d of %d nodes are drawn: %s.", len(d.order), len(d.known), how)
}

// A moment is a Picture with its sets as tables.
type moment struct {
	*Picture
	alive map[p2p.Addr]p2p.State
	side  map[p2p.Addr]int // 1, 2 ...; 0: on no side
	holds map[p2p.Addr]bool
}

func newMoment(p *Picture) *moment {
	m := &moment{p, map[p2p.Addr]p2p.State{}, map[p2p.Addr]int{}, map[p2p.Addr]bool{}}
	for _, s := range p.Nodes {
		m.alive[s.Self] = s
	}
	for i, g := range p.Sides {
		for _, a := range g {
			m.side[a] = i + 1
		}
	}
	for _, a := range p.Holders {
		m.holds[a] = true
	}
	return m
}

// lost says what is wrong with a link: its other end is gone, or beyond a cut.
// It is a class of the style sheet.
func (m *moment) lost(from, to p2p.Addr) string {
	if _, ok := m.alive[to]; !ok {
		return " stale"
	}
	if a, b := m.side[from], m.side[to]; a != b && a != 0 && b != 0 {
		return " severed"
	}
	return ""
}

// sideClass is the style of a node's own things while there is a cut.
func (m *moment) sideClass(a p2p.Addr) string {
	if m.side[a] == 0 {
		return ""
	}
	return fmt.Sprintf(" side%d", m.side[a])
}

func (d *drawing) nodes(c *canvas, m *moment) {
	r := 9.0
	if len(d.order) > maxLabelled {
		r = max(2.4, 9*float64(maxLabelled)/float64(len(d.order)))
	}
	for _, a := range d.order {
		s, alive := m.alive[a]
		class := "node" + m.sideClass(a)
		if !alive {
			class, s = "node gone", d.known[a]
		}
		if m.holds[a] {
			c.dot("holder", d.places[a], r+5, "")
		}
		c.dot(class, d.places[a], r, about(s, alive))
	}
}

// about is the note on a node.
func about(s p2p.State, alive bool) string {
	if !alive {
		return fmt.Sprintf("%v, gone", s.Self)
	}
	note := fmt.Sprintf("%v id %s, %d neighbours", s.Self, s.ID, len(s.Neighbours))
	if n := len(s.Stored); n > 0 {
		note += fmt.Sprintf(", holds %s", strings.Join(s.Stored[:min(n, 5)], " "))
	}
	return note
}

// labels names the nodes, but for those that would cover another's name.
func (d *drawing) labels(c *canvas) {
	if len(d.order) > maxLabelled {
		return
	}
	var taken []point
	for _, a := range d.order {
		at, anchor := d.places[a].plus(point{0, -15}), "middle"
		if d.Angle != nil {
			at, anchor = outside(d.angles[a], radius+20)
		}
		if slices.ContainsFunc(taken, func(b point) bool { return at.minus(b).length() < 18 }) {
			continue
		}
		taken = append(taken, at)
		c.text("label", at, anchor, d.label(a))
	}
}

// outside is where a word stands beside the circle, and to which side it grows.
func outside(angle, r float64) (point, string) {
	at := polar(middle, r, angle)
	anchor := "middle"
	switch {
	case at.x > middle.x+radius/4:
		anchor = "start"
	case at.x < middle.x-radius/4:
		anchor = "end"
	}
	return at.plus(point{0, 5 + 7*(at.y-middle.y)/radius}), anchor
}

// route draws the hops of a lookup, each with its number.
func (d *drawing) route(c *canvas, route []p2p.Hop) {
	for i := 1; i < len(route); i++ {
		from, ok := d.places[route[i-1].Addr]
		to, ok2 := d.places[route[i].Addr]
		if !ok || !ok2 || from == to {
			continue
		}
		way := to.minus(from)
		side := point{-way.y, way.x}.unit().times(min(34, way.length()/5))
		bend := from.toward(to, 0.5).plus(side)
		end := to.toward(bend, min(0.4, 13/max(to.minus(bend).length(), 1)))
		c.curve("hop", from, end, bend)
		at := from.toward(to, 0.5).plus(side.times(0.5))
		c.dot("number", at, 13, "")
		c.text("count", at.plus(point{0, 5}), "middle", fmt.Sprint(i))
	}
}

// steps lists a route in words, each hop with what chose it.
func (d *drawing) steps(route []p2p.Hop) []string {
	var out []string
	for i, h := range route {
		switch {
		case i == 0:
			out = append(out, d.label(h.Addr)+" asks")
		case h.By == "":
			out = append(out, d.label(h.Addr))
		default:
			out = append(out, fmt.Sprintf("%s, by %s of %s", d.label(h.Addr), h.By, d.label(route[i-1].Addr)))
		}
	}
	return out
}

// byAngle sorts addresses around the circle.
func (d *drawing) byAngle(addrs []p2p.Addr) {
	slices.SortFunc(addrs, func(a, b p2p.Addr) int {
		return cmp.Or(cmp.Compare(d.angles[a], d.angles[b]), cmp.Compare(a, b))
	})
}
