package record

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
)

// A Plot is a diagram of lines and dots on plain axes. What theory expects goes
// on the same axes as what was measured.
type Plot struct {
	Title, X, Y string // Y and X name the axes, units included
	Series      []Series
	Bands       []Band
}

// A Series is one measure. Dots stand by themselves; otherwise a line joins them.
type Series struct {
	Name   string
	Points []XY
	Dots   bool
}

// An XY is one value.
type XY struct{ X, Y float64 }

// A Band shades a stretch of the X axis: while a fault was active.
type Band struct {
	Name     string
	From, To float64
}

// The frame of a plot, in its own units.
const (
	plotWidth, plotHeight = 760.0, 280.0
	plotLeft, plotRight   = 58.0, 14.0
	plotTop, plotBottom   = 38.0, 44.0
)

// An axis maps values to places.
type axis struct{ low, high, from, to float64 }

func (a axis) at(v float64) float64 {
	return a.from + (v-a.low)/(a.high-a.low)*(a.to-a.from)
}

// ticks returns round values along the axis, about n of them.
func (a axis) ticks(n int) []float64 {
	raw := (a.high - a.low) / float64(n)
	step := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, f := range []float64{1, 2, 5, 10} {
		if step*f >= raw {
			step *= f
			break
		}
	}
	var t []float64
	for v := math.Ceil(a.low/step) * step; v <= a.high+step/1e6; v += step {
		t = append(t, math.Round(v/step)*step)
	}
	return t
}

// axes spans all values; Y begins at 0.
func (p *Plot) axes() (x, y axis) {
	x = axis{math.Inf(1), math.Inf(-1), plotLeft, plotWidth - plotRight}
	y = axis{0, 0, plotHeight - plotBottom, plotTop}
	for _, s := range p.Series {
		for _, v := range s.Points {
			x.low, x.high = min(x.low, v.X), max(x.high, v.X)
			y.low, y.high = min(y.low, v.Y), max(y.high, v.Y)
		}
	}
	for _, b := range p.Bands {
		x.low, x.high = min(x.low, b.From), max(x.high, b.To)
	}
	if !(x.low < x.high) { // nothing, or all in one place
		x.low, x.high = min(x.low, 0), max(x.high, x.low+1, 1)
	}
	if y.low == y.high {
		y.high = y.low + 1
	}
	y.high += (y.high - y.low) / 20
	return x, y
}

// draw makes the plot's SVG.
func (p *Plot) draw() template.HTML {
	c := &canvas{}
	x, y := p.axes()
	for i, b := range p.Bands { // names of neighbours stand at two heights
		c.box("band", point{x.at(b.From), plotTop}, point{x.at(b.To), plotHeight - plotBottom})
		c.text("bandname", point{x.at(b.From) + 3, plotTop - 6 - 15*float64(i%2)}, "start", b.Name)
	}
	p.frame(c, x, y)
	for i, s := range p.Series {
		class := fmt.Sprintf("series s%d", i%6)
		for j, v := range s.Points {
			at := point{x.at(v.X), y.at(v.Y)}
			if j > 0 && !s.Dots {
				before := s.Points[j-1]
				c.line(class+" joined", point{x.at(before.X), y.at(before.Y)}, at)
			}
			c.dot(class, at, 2.6, "")
		}
	}
	return c.svg(plotWidth, plotHeight, p.Title+": "+p.Y+" against "+p.X)
}

func (p *Plot) frame(c *canvas, x, y axis) {
	for _, v := range y.ticks(5) {
		c.line("grid", point{x.from, y.at(v)}, point{x.to, y.at(v)})
		c.text("tick", point{x.from - 6, y.at(v) + 4}, "end", number(v))
	}
	for _, v := range x.ticks(10) {
		c.line("grid", point{x.at(v), y.from}, point{x.at(v), y.from + 4})
		c.text("tick", point{x.at(v), y.from + 17}, "middle", number(v))
	}
	c.line("axis", point{x.from, y.from}, point{x.to, y.from})
	c.text("tick", point{(x.from + x.to) / 2, plotHeight - 6}, "middle", p.X)
}

// number prints a tick's value without the noise of its last bits.
func number(v float64) string {
	return strconv.FormatFloat(v, 'g', 6, 64)
}
