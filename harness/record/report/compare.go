package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"peerbed/harness/record"
	"peerbed/harness/stat"
)

// A Comparison lays two runs of one test side by side.
type Comparison struct {
	Old, New *Run
	Pairs    []Pair
	// Missing are phases and verdicts that only one of them has.
	Missing []string
}

// A Pair is one figure in both runs.
type Pair struct {
	Cluster, When string // "": a verdict of the whole test
	Measure       Measure
	Old, New      stat.Interval
	// Broken says that it is a verdict that held and fails now.
	Broken bool
}

// Compare pairs the figures of two runs. Runs of different tests have nothing to
// compare; the error says so.
func Compare(old, new *Run) (*Comparison, error) {
	if old.Test() != new.Test() {
		return nil, fmt.Errorf("they are runs of different tests: %s is of %s, %s of %s", old.Name(), old.Test(), new.Name(), new.Test())
	}
	c := &Comparison{Old: old, New: new}
	before, after := keyed(old), keyed(new)
	for _, k := range before.order {
		a := before.pairs[k]
		b, ok := after.pairs[k]
		if !ok {
			c.Missing = append(c.Missing, k+": only in "+old.Name())
			continue
		}
		a.New, a.Broken = b.Old, !a.Broken && b.Broken
		c.Pairs = append(c.Pairs, a)
	}
	for _, k := range after.order {
		if _, ok := before.pairs[k]; !ok {
			c.Missing = append(c.Missing, k+": only in "+new.Name())
		}
	}
	if len(c.Pairs) == 0 {
		return nil, fmt.Errorf("%s and %s have no figure in common", old.Name(), new.Name())
	}
	return c, nil
}

// figures are those of one run, as Old, by a name that a run of the same test
// has too.
type figures struct {
	order []string
	pairs map[string]Pair
}

func keyed(r *Run) figures {
	f := figures{pairs: map[string]Pair{}}
	add := func(p Pair) {
		name := p.name()
		for n := 2; ; n++ { // phases may have the same title
			if _, ok := f.pairs[name]; !ok {
				break
			}
			name = fmt.Sprintf("%s (%d)", p.name(), n)
		}
		f.order = append(f.order, name)
		f.pairs[name] = p
	}
	for _, row := range r.Rows() {
		add(Pair{Cluster: row.Cluster, When: row.When(), Measure: row.Measure, Old: row.Interval()})
	}
	for _, v := range r.Verdicts {
		add(Pair{Measure: Measure{Name: v.What}, Old: stat.Interval{Mean: v.Got, Half: half(v.Seeds, v.High-v.Low), N: max(v.Seeds, 1)}, Broken: !v.OK})
	}
	return f
}

func half(seeds int, width float64) float64 {
	if seeds < 2 {
		return math.Inf(1)
	}
	return width / 2
}

func (p Pair) name() string {
	if p.Cluster == "" {
		return p.Measure.Name
	}
	return fmt.Sprintf("%s, %s: %s", p.Cluster, p.When, p.Measure.Name)
}

// Change is by how much of the old value the new one is more; infinite where the
// old one is 0 and the new one not.
func (p Pair) Change() float64 {
	d := p.New.Mean - p.Old.Mean
	switch {
	case d == 0:
		return 0
	case p.Old.Mean == 0:
		return math.Inf(int(math.Copysign(1, d)))
	}
	return d / math.Abs(p.Old.Mean)
}

// Apart says that the intervals of both do not touch. Where a single seed was
// played nobody knows, and it is taken for true.
func (p Pair) Apart() bool {
	if p.Old.N < 2 || p.New.N < 2 {
		return true
	}
	return p.Old.High() < p.New.Low() || p.New.High() < p.Old.Low()
}

// Worse says that the new value is worse by more than a share of the old one,
// and not by chance as far as the seeds tell; or that a verdict broke.
func (p Pair) Worse(share float64) bool {
	return p.Broken || p.Measure.Better != 0 && p.Change()*float64(p.Measure.Better) < -share && p.Apart()
}

// Regressions are the pairs that are worse; only are the measures that count,
// none: all, with the verdicts.
func (c *Comparison) Regressions(share float64, only ...string) []Pair {
	var worse []Pair
	for _, p := range c.Pairs {
		if p.Worse(share) && (len(only) == 0 || slices.Contains(only, p.Measure.Name)) {
			worse = append(worse, p)
		}
	}
	return worse
}

// String says what changed from what to what.
func (p Pair) String() string {
	if p.Broken {
		return fmt.Sprintf("%s: held with %s, fails with %s", p.name(), text(p.Old), text(p.New))
	}
	unit := p.Measure.Unit
	if unit != "" {
		unit = " " + unit
	}
	return fmt.Sprintf("%s: from %s%s to %s%s (%s)", p.name(), text(p.Old), unit, text(p.New), unit, p.change())
}

func (p Pair) change() string {
	if v := p.Change(); !math.IsInf(v, 0) {
		return fmt.Sprintf("%+.1f %%", 100*v)
	}
	return "from nothing"
}

// Table has the pairs that differ by more than a share of the old value.
func (c *Comparison) Table(share float64) record.Table {
	t := record.Table{Title: fmt.Sprintf("%s: %s against %s", c.New.Test(), c.New.Name(), c.Old.Name()),
		Head: []string{"cluster", "when", "measure", "old", "new", "change", ""}}
	left, single := 0, false
	for _, p := range c.Pairs {
		single = single || p.Old.N < 2 || p.New.N < 2
		if math.Abs(p.Change()) <= share && !p.Broken {
			left++
			continue
		}
		t.Add(p.Cluster, p.When, p.Measure.head(), text(p.Old), text(p.New), p.change(), p.judged())
	}
	if left > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%d more differ by no more than %.0f %%.", left, 100*share))
	}
	if single {
		t.Notes = append(t.Notes, "Played with one seed: a difference may be chance; with -seeds 10 there are intervals.")
	}
	for i, m := range c.Missing {
		if i == 5 {
			t.Notes = append(t.Notes, fmt.Sprintf("And %d more that one run lacks.", len(c.Missing)-i))
			break
		}
		t.Notes = append(t.Notes, m)
	}
	return t
}

func (p Pair) judged() string {
	switch {
	case p.Broken:
		return "FAILS now"
	case p.Measure.Better == 0 || p.Change() == 0:
		return ""
	case !p.Apart():
		return "intervals overlap"
	case p.Worse(0):
		return "worse"
	}
	return "better"
}

// Page is the comparison with everything in it.
func (c *Comparison) Page() *record.Page {
	p := &record.Page{Title: c.New.Test() + ", twice", Tables: []record.Table{c.Table(-1)}, Command: c.New.Journals[0].Run.Repeat}
	p.Lead = fmt.Sprintf("%d of %d figures are worse than before.", len(c.Regressions(0)), len(c.Pairs))
	for _, side := range []struct {
		name string
		run  *Run
	}{{"old", c.Old}, {"new", c.New}} {
		p.Facts = append(p.Facts, record.Fact{Name: side.name, Value: side.run.Name() + ". " + side.run.lead()})
		for _, f := range side.run.facts() {
			p.Facts = append(p.Facts, record.Fact{Name: side.name + ", " + f.Name, Value: f.Value})
		}
	}
	return p
}

// WriteJSON writes all pairs.
func (c *Comparison) WriteJSON(w io.Writer) error {
	type pair struct {
		Cluster string   `json:"cluster,omitempty"`
		When    string   `json:"when,omitempty"`
		Measure string   `json:"measure"`
		Unit    string   `json:"unit,omitempty"`
		Old     Value    `json:"old"`
		New     Value    `json:"new"`
		Change  *float64 `json:"change"` // of the old value; null: that was 0
		Verdict string   `json:"verdict,omitempty"`
	}
	doc := struct {
		Old     string   `json:"old"`
		New     string   `json:"new"`
		Pairs   []pair   `json:"pairs"`
		Missing []string `json:"missing,omitempty"`
	}{Old: c.Old.Name(), New: c.New.Name(), Missing: c.Missing}
	for _, p := range c.Pairs {
		x := pair{p.Cluster, p.When, p.Measure.Name, p.Measure.Unit, valueOf(p.Old), valueOf(p.New), nil, p.judged()}
		if v := p.Change(); !math.IsInf(v, 0) {
			x.Change = &v
		}
		doc.Pairs = append(doc.Pairs, x)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(doc)
}
