package report

import (
	"cmp"
	"math"
	"slices"

	"peerbed/harness/record"
	"peerbed/harness/record/journal"
	"peerbed/harness/stat"
)

// A Figure is a diagram that the test gave, over all seeds.
type Figure struct{ journal.Figure }

// Figures lists them, those of one title together: where several seeds gave a
// value at the same place, it is their mean with its interval.
func (r *Run) Figures() []Figure {
	var all []Figure
	given := map[[2]string][]journal.Mark{} // by the titles of figure and curve
	for _, f := range r.given {
		i := slices.IndexFunc(all, func(o Figure) bool { return o.Title == f.Title })
		if i < 0 {
			i = len(all)
			head := f
			head.Curves = nil
			all = append(all, Figure{head})
		}
		for _, c := range f.Curves {
			if !slices.ContainsFunc(all[i].Curves, func(o journal.Curve) bool { return o.Name == c.Name }) {
				all[i].Curves = append(all[i].Curves, journal.Curve{Name: c.Name, Theory: c.Theory})
			}
			key := [2]string{f.Title, c.Name}
			given[key] = append(given[key], c.Marks...)
		}
	}
	for _, f := range all {
		for k := range f.Curves {
			f.Curves[k].Marks = merged(given[[2]string{f.Title, f.Curves[k].Name}])
		}
	}
	return all
}

// merged makes one mark of all at the same place.
func merged(marks []journal.Mark) []journal.Mark {
	at := map[float64][]journal.Mark{}
	for _, m := range marks {
		at[m.X] = append(at[m.X], m)
	}
	var out []journal.Mark
	for x, same := range at {
		if len(same) == 1 {
			out = append(out, same[0])
			continue
		}
		var values []float64
		for _, m := range same {
			values = append(values, m.Y)
		}
		i := stat.Mean(values)
		out = append(out, journal.Mark{X: x, Y: i.Mean, Low: i.Low(), High: i.High()})
	}
	slices.SortFunc(out, func(a, b journal.Mark) int { return cmp.Compare(a.X, b.X) })
	return out
}

// Plot draws the figure: what theory expects is dashed and named by its source.
func (f Figure) Plot() record.Plot {
	p := record.Plot{Title: f.Title, X: f.X, Y: f.Y}
	for _, c := range f.Curves {
		s := record.Series{Name: c.Name, Theory: c.Theory != ""}
		if s.Theory && c.Theory != c.Name {
			s.Name += ": " + c.Theory
		}
		for _, m := range c.Marks {
			s.Points = append(s.Points, record.XY{X: m.X, Y: m.Y})
			span := record.Span{Low: m.Low, High: m.High}
			if m.Low == m.High {
				span = record.Span{Low: math.NaN(), High: math.NaN()}
			}
			s.Spread = append(s.Spread, span)
		}
		p.Series = append(p.Series, s)
	}
	return p
}
