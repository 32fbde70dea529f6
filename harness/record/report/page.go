package report

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"peerbed/harness/record"
	"peerbed/harness/record/journal"
	"peerbed/harness/stat"
)

// MaxSize is the most bytes that a page may have.
const MaxSize = 500_000

// HTML makes the page, no longer than MaxSize.
func (r *Run) HTML() ([]byte, error) {
	groups := r.told()
	for {
		bare, err := r.render(groups, 0)
		if err != nil {
			return nil, err
		}
		if len(bare) <= MaxSize || len(groups) == 0 {
			return r.illustrate(groups, bare)
		}
		groups = groups[:len(groups)/2]
	}
}

// illustrate adds as many pictures to a page without any as it has room for.
func (r *Run) illustrate(groups []Group, bare []byte) ([]byte, error) {
	const most = 8
	one, err := r.render(groups, 1)
	if err != nil || len(one) > MaxSize || len(one) == len(bare) {
		return bare, err
	}
	for n := min(most, (MaxSize-len(bare))/(len(one)-len(bare))); n > 1; n-- {
		b, err := r.render(groups, n)
		if err != nil || len(b) <= MaxSize {
			return b, err
		}
	}
	return one, nil
}

func (r *Run) render(groups []Group, pictures int) ([]byte, error) {
	var b bytes.Buffer
	_, err := r.page(groups, pictures).WriteTo(&b)
	return b.Bytes(), err
}

// told are the clusters that have a chapter: those that something was measured
// of, or all if they are few.
func (r *Run) told() []Group {
	const few = 4
	if len(r.Groups) <= few {
		return r.Groups
	}
	return slices.DeleteFunc(slices.Clone(r.Groups), func(g Group) bool { return len(g.phases()) == 0 })
}

// page makes the page with chapters of these clusters, each with so many
// pictures.
func (r *Run) page(groups []Group, pictures int) *record.Page {
	p := &record.Page{Title: r.Test(), Lead: r.lead(), Facts: r.facts(), Command: r.Journals[0].Run.Repeat, Tables: r.verdicts()}
	if t := r.comparison(); len(t.Rows) > 0 {
		p.Tables = append(p.Tables, t)
	}
	for _, f := range r.Figures() {
		p.Plots = append(p.Plots, f.Plot())
	}
	for _, g := range groups {
		p.Parts = append(p.Parts, g.part(pictures))
	}
	if n := len(r.told()); len(groups) < n {
		p.Facts = append(p.Facts, record.Fact{Name: "left out", Value: fmt.Sprintf("chapters of %d more clusters, for which there is no room; the journal has all", n-len(groups))})
	}
	return p
}

func (r *Run) lead() string {
	var names []string
	for _, g := range r.Groups {
		names = append(names, g.Name)
	}
	lead := "No cluster has begun."
	if len(names) > 0 {
		log := r.Groups[0].Logs[0]
		lead = fmt.Sprintf("%s: %d nodes in %s.", list(names), log.Nodes, log.World)
	}
	if n := len(r.Journals); n > 1 {
		lead += fmt.Sprintf(" Played with %d seeds: values are means over them, ± is their 95 %% interval.", n)
	}
	if how := r.Ended(); how != "" {
		lead += " This run was not one as it should be: " + how + "."
	}
	return lead
}

func list(names []string) string {
	if len(names) > 12 {
		return fmt.Sprintf("%s and %d more clusters", strings.Join(names[:10], ", "), len(names)-10)
	}
	return strings.Join(names, ", ")
}

// facts are what one needs to judge the rest.
func (r *Run) facts() []record.Fact {
	run := r.Journals[0].Run
	var seeds []string
	for _, j := range r.Journals {
		seeds = append(seeds, fmt.Sprint(j.Run.Seed))
	}
	facts := []record.Fact{{Name: "seed", Value: list(seeds)}, {Name: "began", Value: run.Started.UTC().Format(time.RFC3339)}}
	add := func(name string, value func(*journal.Log) string) {
		var all []string
		for _, g := range r.Groups {
			if v := value(g.Logs[0]); v != "" && !slices.Contains(all, v) {
				all = append(all, v)
			}
		}
		if len(all) > 0 {
			facts = append(facts, record.Fact{Name: name, Value: strings.Join(all, "; ")})
		}
	}
	add("world", func(l *journal.Log) string { return l.World + ": " + l.Detail })
	add("clock", func(l *journal.Log) string { return string(l.Clock) })
	add("cuts by", func(l *journal.Log) string { return l.Cuts })
	add("links", func(l *journal.Log) string { return l.Links })
	add("config", func(l *journal.Log) string {
		if len(l.Config) == 0 {
			return ""
		}
		return l.Cluster.Protocol + " " + strings.Join(l.Config, " ")
	})
	add("in the simulator", func(l *journal.Log) string { return l.Simulate })
	facts = append(facts, record.Fact{Name: "machine", Value: fmt.Sprintf("%s, %d processors, %s", run.System, run.Processors, run.Go)})
	facts = append(facts, r.machines()...)
	for i, d := range r.Damage {
		if i == 5 {
			facts = append(facts, record.Fact{Name: "damage", Value: fmt.Sprintf("and %d more places", len(r.Damage)-i)})
			break
		}
		facts = append(facts, record.Fact{Name: "damage", Value: d})
	}
	return facts
}

// machines tells how a real machine fared, at its worst, and which phases it was
// too slow for.
func (r *Run) machines() []record.Fact {
	var worst *journal.Machine
	var wrong []string
	for _, g := range r.Groups {
		for _, log := range g.Logs {
			for i := range log.Machines {
				m := &log.Machines[i]
				if worst == nil || m.LagWorst > worst.LagWorst {
					worst = m
				}
				if m.Verdict != "" {
					wrong = append(wrong, fmt.Sprintf("%s, phase %d", g.Name, m.Phase))
				}
			}
		}
	}
	if worst == nil {
		return nil
	}
	facts := []record.Fact{{Name: "at worst", Value: fmt.Sprintf("timers %v late, processors %.0f %% busy, operations %v late",
		worst.LagWorst.Round(time.Millisecond), 100*worst.Busy, worst.Late.Round(time.Millisecond))}}
	if len(wrong) > 0 {
		facts = append(facts, record.Fact{Name: "too slow for", Value: list(wrong) + ": times there do not count"})
	}
	return facts
}

// verdicts is the table of what the test wanted.
func (r *Run) verdicts() []record.Table {
	t := record.Table{Title: "What the test wanted", Head: []string{"what", "wanted", "measured", "95 % interval", "seeds", "verdict"}}
	for _, v := range r.Verdicts {
		interval, seeds := "", "1"
		if v.Seeds > 1 {
			interval, seeds = fmt.Sprintf("%.4g to %.4g", v.Low, v.High), fmt.Sprint(v.Seeds)
		}
		t.Add(v.What, v.Want, fmt.Sprintf("%.4g", v.Got), interval, seeds, map[bool]string{true: "holds", false: "FAILS"}[v.OK])
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return []record.Table{t}
}

// comparison is the table of all phases.
func (r *Run) comparison() record.Table {
	t := record.Table{Title: "Before, during and after each disturbance", Head: []string{"cluster", "when"}, Notes: []string{
		"found, fetched: of all that was asked for, whether or not anybody still had it.",
		"hops, p50, p95: of finds and fetches that succeeded; a fetch's time includes the transfer.",
		"messages, bytes: all of class lookup that any node sent, divided by all lookups, failed ones too; upkeep: of class membership.",
	}}
	for _, m := range Measures {
		t.Head = append(t.Head, m.head())
	}
	rows := r.Rows()
	for i := range r.Groups {
		g := &r.Groups[i]
		if i > 0 && len(t.Rows) > 0 {
			t.Rule()
		}
		for _, p := range g.phases() {
			cells := []string{g.Name, when(p.Phase, p.Title)}
			for _, m := range Measures {
				cells = append(cells, cell(rows, g.Name, p.Phase, m))
			}
			t.Add(cells...)
		}
	}
	return t
}

func cell(rows []Row, cluster string, phase int, m Measure) string {
	i := slices.IndexFunc(rows, func(r Row) bool { return r.Cluster == cluster && r.Phase == phase && r.Measure == m })
	if i < 0 {
		return ""
	}
	return text(rows[i].Interval())
}

// text writes a mean, and its interval if it has one.
func text(i stat.Interval) string {
	mean := number(i.Mean)
	if math.IsInf(i.Half, 0) || math.IsNaN(i.Half) {
		return mean
	}
	return mean + " ± " + number(i.Half)
}

// number writes three digits or so.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100 || a == 0:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

var zero = regexp.MustCompile(`([{ ])\w+:(<nil>|false|0s|0|\[\])( |})`)

// asked writes plans without the fields that ask for nothing.
func asked(plans []string) string {
	text := strings.Join(plans, ", ")
	for zero.MatchString(text) {
		text = strings.ReplaceAll(zero.ReplaceAllString(text, "$1$3"), "{ ", "{")
		text = strings.ReplaceAll(strings.ReplaceAll(text, "  ", " "), " }", "}")
	}
	return text
}

// part is a cluster's chapter.
func (g *Group) part(pictures int) record.Part {
	log := g.Logs[0]
	p := record.Part{Title: g.Name, Plots: g.plots(), Overlay: overlay(log, pictures)}
	p.Text = append(p.Text, fmt.Sprintf("%d nodes of %s in %s, for %v.", log.Nodes, log.Protocol, log.World, log.Last.Round(time.Millisecond)))
	for i, ph := range log.Phases {
		if i == 12 {
			p.Text = append(p.Text, fmt.Sprintf("And %d phases more.", len(log.Phases)-i))
			break
		}
		p.Text = append(p.Text, fmt.Sprintf("%s, from %v for %v: %s", when(ph.Phase, ph.Title), ph.At.Round(time.Millisecond), ph.Length, asked(ph.Plans)))
	}
	if n, shown := len(log.Overlays), len(p.Overlay.Pictures); shown < n {
		p.Text = append(p.Text, fmt.Sprintf("%d of %d pictures of the overlay are shown; the journal has all.", shown, n))
	}
	return p
}
