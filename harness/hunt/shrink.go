package hunt

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
	"time"

	"peerbed/harness/plan"
	"peerbed/protocols/linkmodel"
)

const (
	// draws is how many streams of random draws a smaller case is tried with.
	draws = 8
	// most bounds the runs that one case is shrunk by.
	most = 3000
)

// A Played is what came of playing a case.
type Played struct {
	Violation *Violation // nil: none
	Done      []bool     // which events were not passed over
	Err       error      // of the harness
}

// Shrink makes a case that violates an invariant as small as it can, where cases
// are not a Sweep's: play plays one, several at once; least is how many nodes are
// left to be there at first. It ends early once ended says so.
func Shrink(c *Case, least int, play func(*Case) Played, ended func() bool) *Case {
	return (&shrinking{play: play, least: least, best: c, ended: ended}).shrink()
}

// A shrinking makes a case smaller that violates an invariant.
type shrinking struct {
	play  func(*Case) Played
	least int
	best  *Case // with its Violation
	runs  int
	ended func() bool // the user has had enough
}

// shrink returns the smallest case that it finds to violate the same invariant.
func (s *Sweep) shrink(c *Case, ended func() bool) *Case {
	play := func(c *Case) Played {
		r := s.play(c)
		return Played{r.broken, r.played, r.err}
	}
	return Shrink(c, s.Least, play, ended)
}

func (h *shrinking) shrink() *Case {
	h.cutOff()
	for again := true; again; {
		again = h.fewer()
		again = h.absent() || again
		again = h.nodes() || again
		again = h.links() || again
		again = h.times() || again
	}
	return h.best
}

// try plays a smaller case, with several draws at once, and takes it if it is
// as bad.
func (h *shrinking) try(c *Case) bool {
	if len(c.Up) < h.least {
		return false
	}
	together := runtime.GOMAXPROCS(0)
	for from := 0; from < draws && h.runs < most && !h.ended(); from += together {
		cases := make([]*Case, min(together, draws-from))
		tries := make([]Played, len(cases))
		var all sync.WaitGroup
		for i := range tries {
			cases[i] = c.clone()
			cases[i].Seed += uint64(from + i)
			all.Go(func() { tries[i] = h.play(cases[i]) })
		}
		all.Wait()
		for i, p := range tries {
			h.runs++
			if p.Err == nil && p.Violation != nil && p.Violation.Invariant == h.best.Invariant {
				h.best = cases[i]
				h.best.Violation = *p.Violation
				h.best.keep(p.Done)
				return true
			}
		}
	}
	return false
}

// keep leaves out the events that came to nothing or come after the violation.
func (c *Case) keep(played []bool) {
	kept := c.Events[:0]
	for i, e := range c.Events {
		if played[i] && e.At <= c.At {
			kept = append(kept, e)
		}
	}
	c.Events = kept
}

// cutOff ends the plan at its last event.
func (h *shrinking) cutOff() {
	c := h.best.clone()
	if len(c.Events) > 0 {
		c.End = c.Events[len(c.Events)-1].At
		h.try(c)
	}
}

// fewer is delta debugging: it leaves out parts of the events, halves first.
func (h *shrinking) fewer() (done bool) {
	for size := (len(h.best.Events) + 1) / 2; size >= 1; size = size / 2 {
		for from := 0; from < len(h.best.Events); {
			c := h.best.clone()
			c.Events = slices.Delete(c.Events, from, min(from+size, len(c.Events)))
			if h.try(c) {
				done = true
			} else {
				from += size
			}
		}
	}
	return done
}

// nodes leaves out nodes, with all that happens to them.
func (h *shrinking) nodes() (done bool) {
	for i := range h.best.Nodes {
		if !h.best.mentions(i) {
			continue
		}
		c := h.best.clone()
		c.without(i)
		done = h.try(c) || done
	}
	return done
}

func (c *Case) mentions(i int) bool {
	return slices.Contains(c.Up, i) || slices.ContainsFunc(c.Events, func(e plan.Event) bool { return slices.Contains(e.Nodes, i) })
}

func (c *Case) without(i int) {
	is := func(k int) bool { return k == i }
	c.Up = slices.DeleteFunc(c.Up, is)
	c.Events = slices.DeleteFunc(c.Events, func(e plan.Event) bool { return slices.Contains(e.Nodes, i) })
	for k := range c.Events {
		e := &c.Events[k]
		e.Groups = slices.Clone(e.Groups)
		for g := range e.Groups {
			e.Groups[g] = slices.DeleteFunc(slices.Clone(e.Groups[g]), is)
		}
	}
}

// absent has nodes that go and come back join in the first place.
func (h *shrinking) absent() (done bool) {
	for k := 0; k < len(h.best.Events); k++ {
		e := h.best.Events[k]
		if e.Do != plan.Crash && e.Do != plan.Vanish && e.Do != plan.Leave || !slices.Contains(h.best.Up, e.Nodes[0]) {
			continue
		}
		c := h.best.clone()
		c.Up = slices.DeleteFunc(c.Up, func(i int) bool { return i == e.Nodes[0] })
		c.Events = slices.Delete(c.Events, k, k+1)
		done = h.try(c) || done
	}
	return done
}

// plain are links without a draw.
var plain = linkmodel.Model{Default: linkmodel.Link{Delay: 20 * time.Millisecond}}

// links tries links that all take the same time.
func (h *shrinking) links() bool {
	if h.best.Links.Default == plain.Default {
		return false
	}
	c := h.best.clone()
	c.Links = plain
	return h.try(c)
}

// times makes times rounder: whole ten seconds rather than seconds, and so on.
func (h *shrinking) times() (done bool) {
	for i := 0; i < len(h.best.Events); i++ {
		done = h.round(i) || done
	}
	return done
}

func (h *shrinking) round(i int) bool {
	at := h.best.Events[i].At
	for unit := 10 * time.Second; unit > time.Millisecond && at%unit != 0; unit /= 10 {
		for _, to := range []time.Duration{at.Truncate(unit), at.Truncate(unit) + unit} {
			c := h.best.clone()
			c.Events[i].At = to
			slices.SortStableFunc(c.Events, func(a, b plan.Event) int { return cmp.Compare(a.At, b.At) })
			c.End = max(c.End, c.Events[len(c.Events)-1].At)
			if h.try(c) {
				return true
			}
		}
	}
	return false
}
