package record

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// A point is a place in a drawing, in units of its viewBox.
type point struct{ x, y float64 }

func (p point) plus(q point) point              { return point{p.x + q.x, p.y + q.y} }
func (p point) minus(q point) point             { return point{p.x - q.x, p.y - q.y} }
func (p point) times(f float64) point           { return point{p.x * f, p.y * f} }
func (p point) length() float64                 { return math.Hypot(p.x, p.y) }
func (p point) String() string                  { return fmt.Sprintf("%.1f %.1f", p.x, p.y) }
func (p point) toward(q point, f float64) point { return p.plus(q.minus(p).times(f)) }

// unit returns p at length 1, or any direction if p has no length.
func (p point) unit() point {
	if l := p.length(); l > 0 {
		return p.times(1 / l)
	}
	return point{0, 1}
}

// polar returns the point at an angle, 0 to 1 clockwise from the top.
func polar(center point, radius, angle float64) point {
	sin, cos := math.Sincos(2 * math.Pi * angle)
	return point{center.x + radius*sin, center.y - radius*cos}
}

// A canvas collects the elements of one inline SVG. How they look is the page's
// style sheet's: an element has classes, not colours.
type canvas struct {
	b    strings.Builder
	open string // the class of a path that has not ended; "": none
}

func (c *canvas) line(class string, from, to point) {
	c.end()
	fmt.Fprintf(&c.b, `<path class="%s" d="M%v L%v"/>`, class, from, to)
}

// curve draws from one point to another, pulled toward a third.
func (c *canvas) curve(class string, from, to, toward point) {
	c.end()
	fmt.Fprintf(&c.b, `<path class="%s" d="M%v Q%v %v"/>`, class, from, toward, to)
}

// thin draws one of many lines that look the same: those of one class that follow
// one another are one path, which keeps pages short.
func (c *canvas) thin(class string, from, toward, to point) {
	if c.open != class {
		c.end()
		fmt.Fprintf(&c.b, `<path class="%s" d="`, class)
		c.open = class
	}
	fmt.Fprintf(&c.b, "M%.0f %.0fQ%.0f %.0f %.0f %.0f", from.x, from.y, toward.x, toward.y, to.x, to.y)
}

// end ends the path that thin has begun.
func (c *canvas) end() {
	if c.open != "" {
		c.b.WriteString(`"/>`)
		c.open = ""
	}
}

// arc draws clockwise around a center.
func (c *canvas) arc(class string, from, to point, radius float64, large bool) {
	c.end()
	flag := 0
	if large {
		flag = 1
	}
	fmt.Fprintf(&c.b, `<path class="%s" d="M%v A%.1f %.1f 0 %d 1 %v"/>`, class, from, radius, radius, flag, to)
}

// dot draws a disc; its title is what a pointer that rests on it is told.
func (c *canvas) dot(class string, at point, radius float64, title string) {
	c.end()
	fmt.Fprintf(&c.b, `<circle class="%s" cx="%.1f" cy="%.1f" r="%.1f">`, class, at.x, at.y, radius)
	if title != "" {
		fmt.Fprintf(&c.b, `<title>%s</title>`, html.EscapeString(title))
	}
	c.b.WriteString(`</circle>`)
}

// text writes words; anchor is "start", "middle" or "end".
func (c *canvas) text(class string, at point, anchor, words string) {
	c.end()
	fmt.Fprintf(&c.b, `<text class="%s" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`,
		class, at.x, at.y, anchor, html.EscapeString(words))
}

// svg closes the drawing. label says in words what it shows, for readers who
// cannot see it.
func (c *canvas) svg(width, height float64, label string) template.HTML {
	c.end()
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %.0f %.0f" role="img" aria-label="%s">%s</svg>`,
		width, height, html.EscapeString(label), c.b.String()))
}
