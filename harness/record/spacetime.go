package record

import (
	_ "embed"
	"fmt"
	"html"
	"io"
	"time"
)

// A SpaceTime is a diagram of messages: a lifeline for each node, time going
// down, an arrow for each message from where it was sent to where it was heard
// (Lamport, CACM 21(7), 1978). Steps stand in the order of time. The drawing is
// not to scale, for pauses would push all else together: a longer wait is a
// longer way, but a bounded one, and times are written at the side.
type SpaceTime struct {
	Title string
	Lanes []string // the nodes' names
	Steps []Step
}

// A Step is something that happens at one node.
type Step struct {
	At   time.Duration
	Lane int
	What StepKind
	Text string // written beside it
	Note string // what a pointer that rests on it is told
	// Heard, of a Sent, is the index of the Step that hears it; 0: none does.
	// Toward is the lane of whom it was meant for; -1: nobody in the drawing.
	Heard, Toward int
}

// A StepKind says how a Step is drawn.
type StepKind int

const (
	Sent   StepKind = iota // an arrow begins; it ends in a cross if nobody hears it
	Heard                  // an arrow ends
	Marked                 // a word on the lifeline: a wish, an outcome, a crash
	Ticked                 // a dot on the lifeline: a timer
)

// The measures of a SpaceTime.
const (
	laneWidth          = 132.0
	gutter             = 96.0 // for times, at the left
	headRoom           = 64.0
	sentRoom, stepRoom = 17.0, 7.0 // at least, from the step before
	waitRoom           = 30.0      // at most, for the time between
)

//go:embed spacetime.css
var spaceTimeStyle string

// WriteSVG draws the diagram as a file of its own, which follows the reader's
// light or dark theme.
func (s *SpaceTime) WriteSVG(w io.Writer) error {
	heights := s.heights()
	width := gutter + laneWidth*float64(max(len(s.Lanes), 1))
	height := headRoom + 40
	if n := len(heights); n > 0 {
		height = heights[n-1] + 40
	}
	c := &canvas{}
	s.lifelines(c, height)
	s.times(c, heights)
	for i := range s.Steps {
		s.step(c, i, heights)
	}
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" class="spacetime" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-label="%s">
<style>%s</style><defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0 1L10 5L0 9z"/></marker></defs>
<rect class="paper" width="100%%" height="100%%"/>%s</svg>
`, width, height, width, height, html.EscapeString(s.Title), spaceTimeStyle, c.b.String())
	return err
}

func lane(i int) float64 { return gutter + laneWidth*(float64(i)+0.5) }

// heights places each step below the one before.
func (s *SpaceTime) heights() []float64 {
	y := make([]float64, len(s.Steps))
	if len(s.Steps) == 0 {
		return y
	}
	mean := float64(s.Steps[len(s.Steps)-1].At-s.Steps[0].At)/float64(len(s.Steps)) + 1
	at := headRoom
	for i, step := range s.Steps {
		if i > 0 {
			wait := float64(step.At - s.Steps[i-1].At)
			at += stepRoom + waitRoom*wait/(wait+2*mean)
			if step.What == Sent || step.What == Marked {
				at += sentRoom - stepRoom
			}
		}
		y[i] = at
	}
	return y
}

func (s *SpaceTime) lifelines(c *canvas, height float64) {
	c.text("title", point{12, 20}, "start", s.Title)
	for i, name := range s.Lanes {
		c.text("lane", point{lane(i), headRoom - 20}, "middle", name)
		c.line("life", point{lane(i), headRoom - 12}, point{lane(i), height - 16})
	}
}

// times writes at the side when steps happen, where there is room.
func (s *SpaceTime) times(c *canvas, heights []float64) {
	last := 0.0
	for i, step := range s.Steps {
		if y := heights[i]; i == 0 || y-last >= 15 {
			c.text("time", point{gutter - 8, y + 4}, "end", fmt.Sprintf("%.3f ms", step.At.Seconds()*1000))
			last = y
		}
	}
}

func (s *SpaceTime) step(c *canvas, i int, heights []float64) {
	step := &s.Steps[i]
	at := point{lane(step.Lane), heights[i]}
	switch step.What {
	case Ticked:
		c.dot("tick", at, 2.5, step.Note)
	case Heard:
		c.dot("heard", at, 2.5, step.Note)
	case Marked:
		c.dot("mark", at, 5, step.Note)
		c.text("word", at.plus(point{9, 4}), "start", step.Text)
	case Sent:
		s.arrow(c, step, at, heights)
	}
}

// arrow draws a message; its name stands on the side to which it goes.
func (s *SpaceTime) arrow(c *canvas, step *Step, at point, heights []float64) {
	way, anchor := point{9, -4}, "start"
	if step.Toward >= 0 && step.Toward < step.Lane {
		way, anchor = point{-9, -4}, "end"
	}
	c.dot("sent", at, 2.5, step.Note)
	c.text("name", at.plus(way), anchor, step.Text)
	if step.Heard == 0 {
		end := at.plus(point{way.x * 4, 8})
		c.line("lost", at, end)
		c.line("cross", end.plus(point{-4, -4}), end.plus(point{4, 4}))
		c.line("cross", end.plus(point{-4, 4}), end.plus(point{4, -4}))
		return
	}
	c.line("arrow", at, point{lane(s.Steps[step.Heard].Lane), heights[step.Heard]})
}
