package record

import (
	"bytes"
	"html"
	"html/template"
	"image/color"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A Plot is a diagram of lines and dots on plain axes. What theory expects goes
// on the same axes as what was measured.
type Plot struct {
	Title, X, Y string // Y and X name the axes, units included
	Series      []Series
	Bands       []Band
	// Left and Right are the ends of the X axis; both 0: as the values are.
	Left, Right float64
}

// A Series is one measure. Dots stand by themselves; otherwise a line joins them.
type Series struct {
	Name   string
	Points []XY
	Dots   bool
	Theory bool // expected, not measured: a dashed line
	// Spread are the ends of the points' confidence intervals, if there are
	// any: one for each point.
	Spread []Span
}

// An XY is one value.
type XY struct{ X, Y float64 }

// A Span is an interval of Y.
type Span struct{ Low, High float64 }

// A Band shades a stretch of the X axis: while a fault was active.
type Band struct {
	Name     string
	From, To float64
}

// The size of a plot.
const plotWidth, plotHeight = 760, 270

// palette is how many series have a colour of their own.
const palette = 6

// A theme colour stands for a variable of the page's style sheet, which the
// reader's light or dark theme sets: vgsvg knows only fixed colours, so each is
// drawn in one that nothing else has, and put in afterwards.
func theme(n int) color.Color { return color.RGBA{0xfe, 0x01, uint8(n), 0xff} }

const (
	axisColour = palette + iota
	gridColour
	bandColour
)

var themed = strings.NewReplacer(
	"#FE0100", "var(--node)", "#FE0101", "var(--hop)", "#FE0102", "var(--key)",
	"#FE0103", "var(--two)", "#FE0104", "var(--bad)", "#FE0105", "var(--three)",
	"#FE0106", "var(--soft)", "#FE0107", "var(--rule)", "#FE0108", "var(--band)")

// draw makes the plot's SVG. A plot that cannot be drawn is a broken invariant
// of this package: what is no number has been left out.
func (p *Plot) draw() template.HTML {
	d := plot.New()
	d.BackgroundColor = nil
	d.X.Label.Text = p.X
	for _, a := range []*plot.Axis{&d.X, &d.Y} {
		a.Tick.Marker = plot.TickerFunc(ticks)
		a.LineStyle.Color, a.Tick.LineStyle.Color = theme(axisColour), theme(axisColour)
		for _, f := range []*font.Font{&a.Label.TextStyle.Font, &a.Tick.Label.Font} {
			f.Variant, f.Size = "Sans", 11
		}
		a.Padding = 2
	}
	d.X.Min, d.X.Max, d.Y.Max = p.ranges()
	d.Y.Min = 0
	d.Add(shades(p.Bands), grid())
	for i := range p.Series {
		p.Series[i].add(d, theme(i%palette))
	}
	c := vgsvg.New(plotWidth, plotHeight)
	area := draw.New(c)
	if len(p.Bands) > 0 {
		area = draw.Crop(area, 0, 0, 0, -rowHeight*maxRows)
	}
	d.Draw(area)
	nameBands(d, area, p.Bands)
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		panic("record: a plot cannot be written to memory: " + err.Error())
	}
	return p.inline(b.String())
}

var (
	prologue = regexp.MustCompile(`(?s)^.*?<svg[^>]*>`)
	faces    = regexp.MustCompile(`\s+style="font-family:[^"]*font-size:11px"`)
	digits   = regexp.MustCompile(`(\.\d)\d+`)
	paths    = regexp.MustCompile(`d="[^"]*"`)
)

// inline makes of an SVG file a part of the page: the page's fonts and colours.
func (p *Plot) inline(svg string) template.HTML {
	head := `<svg class="chart" viewBox="0 0 ` + strconv.Itoa(plotWidth) + ` ` + strconv.Itoa(plotHeight) +
		`" role="img" aria-label="` + html.EscapeString(p.Title+": "+p.Y+" against "+p.X) + `">`
	svg = prologue.ReplaceAllLiteralString(svg, head)
	svg = paths.ReplaceAllStringFunc(svg, func(d string) string { return digits.ReplaceAllString(d, "$1") }) // a tenth of a pixel will do
	return template.HTML(themed.Replace(faces.ReplaceAllLiteralString(svg, "")))
}

// ranges spans all values; Y begins at 0.
func (p *Plot) ranges() (left, right, top float64) {
	left, right = math.Inf(1), math.Inf(-1)
	for _, s := range p.Series {
		for i, v := range s.Points {
			if !finite(v.X, v.Y) {
				continue
			}
			left, right, top = min(left, v.X), max(right, v.X), max(top, v.Y)
			if i < len(s.Spread) && finite(s.Spread[i].High) {
				top = max(top, s.Spread[i].High)
			}
		}
	}
	if p.Left < p.Right {
		left, right = p.Left, p.Right
	}
	for _, b := range p.Bands {
		left, right = min(left, b.From), max(right, b.To)
	}
	if !(left < right) { // nothing, or all in one place
		left, right = min(left, 0), max(right, left+1, 1)
	}
	if top == 0 {
		top = 1
	}
	return left, right, top * 1.05
}

func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

// add draws the series.
func (s *Series) add(d *plot.Plot, c color.Color) {
	line := plotter.Line{LineStyle: draw.LineStyle{Color: c, Width: 1.6}}
	if s.Theory {
		line.Dashes = []vg.Length{5, 3}
	}
	var bars spans
	for i, v := range s.Points {
		if !finite(v.X, v.Y) {
			continue
		}
		line.XYs = append(line.XYs, plotter.XY(v))
		if i < len(s.Spread) && finite(s.Spread[i].Low, s.Spread[i].High) {
			bars.at, bars.span = append(bars.at, v.X), append(bars.span, s.Spread[i])
		}
	}
	if !s.Dots && len(line.XYs) > 1 {
		d.Add(&line)
	}
	if s.Dots || !s.Theory && len(line.XYs) <= maxDots {
		d.Add(dots{line.XYs, c})
	}
	bars.colour = c
	d.Add(bars)
}

// maxDots is up to how many values a line has dots, too.
const maxDots = 30

// dots are all values of a series as one path, which keeps pages short.
type dots struct {
	values plotter.XYs
	colour color.Color
}

func (s dots) Plot(c draw.Canvas, p *plot.Plot) {
	const size = 3.4
	x, y := p.Transforms(&c)
	var path vg.Path
	for _, v := range s.values {
		at := vg.Point{X: x(v.X), Y: y(v.Y)}
		path.Move(at.Add(vg.Point{X: -size / 2}))
		path.Line(at.Add(vg.Point{X: size / 2}))
	}
	stroke(c, path, s.colour, size)
}

// spans are bars over the confidence intervals of values.
type spans struct {
	at     []float64
	span   []Span
	colour color.Color
}

func (s spans) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var path vg.Path
	for i, v := range s.at {
		for _, end := range []float64{s.span[i].Low, s.span[i].High} {
			path.Move(vg.Point{X: x(v) - 3, Y: y(max(end, p.Y.Min))})
			path.Line(vg.Point{X: x(v) + 3, Y: y(max(end, p.Y.Min))})
		}
		path.Move(vg.Point{X: x(v), Y: y(max(s.span[i].Low, p.Y.Min))})
		path.Line(vg.Point{X: x(v), Y: y(s.span[i].High)})
	}
	stroke(c, path, s.colour, 1)
}

func stroke(c draw.Canvas, path vg.Path, colour color.Color, width vg.Length) {
	if len(path) > 0 {
		c.SetLineStyle(draw.LineStyle{Color: colour, Width: width})
		c.Stroke(path)
	}
}

// shades are the bands behind everything.
type shades []Band

func (s shades) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	for _, b := range s {
		from, to := x(b.From), max(x(b.To), x(b.From)+1)
		c.FillPolygon(theme(bandColour), []vg.Point{{X: from, Y: c.Min.Y}, {X: to, Y: c.Min.Y}, {X: to, Y: c.Max.Y}, {X: from, Y: c.Max.Y}})
	}
}

// Names of bands stand above the plot, in as many rows as they need.
const rowHeight, maxRows = 13, 3

// nameBands writes the names, but for those that would cover others in every
// row.
func nameBands(d *plot.Plot, area draw.Canvas, bands []Band) {
	style := d.X.Tick.Label
	style.XAlign, style.YAlign = draw.XLeft, draw.YBottom
	inner := d.DataCanvas(area)
	x, _ := d.Transforms(&inner)
	var free [maxRows]vg.Length
	for _, b := range bands {
		from, width := x(b.From), style.Width(b.Name)
		for row := range free {
			if free[row] <= from && from+width <= area.Max.X {
				free[row] = from + width + 6
				area.FillText(style, vg.Point{X: from, Y: area.Max.Y + 2 + vg.Length(row)*rowHeight}, b.Name)
				break
			}
		}
	}
}

func grid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Vertical.Width = 0
	g.Horizontal.Color, g.Horizontal.Width = theme(gridColour), 0.8
	return g
}

// ticks are round values, about six of them, without the noise of their last
// bits.
func ticks(low, high float64) []plot.Tick {
	raw := (high - low) / 6
	step := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, f := range []float64{1, 2, 5, 10} {
		if step*f >= raw {
			step *= f
			break
		}
	}
	var all []plot.Tick
	for v := math.Ceil(low/step) * step; v <= high+step/1e6; v += step {
		round := math.Round(v/step) * step
		all = append(all, plot.Tick{Value: round, Label: strconv.FormatFloat(round, 'g', 6, 64)})
	}
	return all
}
