package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"peerbed/harness/plan"
	"peerbed/harness/record/journal"
	"peerbed/harness/stat"
	"peerbed/protocols/p2p"
)

// A Better says which way a measure is good.
type Better int

const (
	Lower  Better = -1 // fewer, faster
	Higher Better = 1
)

// A Measure is one column of figures.
type Measure struct {
	Name, Unit string // as in the table's head: "p50", "ms"
	Better     Better
}

func (m Measure) head() string {
	if m.Unit == "" {
		return m.Name
	}
	return m.Name + " " + m.Unit
}

// Measures are what phases are measured by, in the order of the table. Package
// harness says what they mean: Summary, Of, Turnover.
var Measures = []Measure{
	{"found", "%", Higher}, {"fetched", "%", Higher}, {"hops", "", Lower},
	{"messages", "/lookup", Lower}, {"bytes", "/lookup", Lower},
	{"p50", "ms", Lower}, {"p95", "ms", Lower},
	{"upkeep", "msgs/node/s", Lower}, {"upkeep bytes", "B/node/s", Lower},
}

// A Row is one figure of one phase: a value for each seed that has it.
type Row struct {
	Cluster, Protocol, World string
	Phase                    int
	Title                    string
	Measure                  Measure
	Values                   []float64
}

// When names the phase.
func (r Row) When() string { return when(r.Phase, r.Title) }

func when(phase int, title string) string {
	if title != "" {
		return title
	}
	return fmt.Sprintf("phase %d", phase)
}

// Interval is the mean over seeds.
func (r Row) Interval() stat.Interval { return stat.Mean(r.Values) }

// Rows lists all figures, phase by phase. What was not measured in a phase has
// no row.
func (r *Run) Rows() []Row {
	var rows []Row
	for _, g := range r.Groups {
		for _, p := range g.phases() {
			for _, m := range Measures {
				row := Row{Cluster: g.Name, Protocol: g.Logs[0].Protocol, World: g.Logs[0].World, Phase: p.Phase, Title: p.Title, Measure: m}
				for _, log := range g.Logs {
					if v := measure(log, p.Phase, m.Name); !math.IsNaN(v) {
						row.Values = append(row.Values, v)
					}
				}
				if len(row.Values) > 0 {
					rows = append(rows, row)
				}
			}
		}
	}
	return rows
}

// phases are those of the seed that has most.
func (g *Group) phases() []journal.Phase {
	var most []journal.Phase
	for _, log := range g.Logs {
		if len(log.Phases) > len(most) {
			most = log.Phases
		}
	}
	return most
}

// measure works out one figure of a phase; NaN: there is none. A phase that was
// cut short has those that operations tell.
func measure(log *journal.Log, phase int, name string) float64 {
	switch name {
	case "found":
		return share(log, phase, plan.Find)
	case "fetched":
		return share(log, phase, plan.Fetch)
	case "hops":
		return hops(log, phase)
	case "p50":
		return quantile(log, phase, 0.5)
	case "p95":
		return quantile(log, phase, 0.95)
	}
	s := summaryOf(log, phase)
	if s == nil {
		return math.NaN()
	}
	switch name {
	case "messages":
		return of(s.N, s.Messages)
	case "bytes":
		return of(s.N, s.Bytes)
	}
	sent, bytes := upkeep(log, phase, s)
	if name == "upkeep" {
		return sent
	}
	return bytes
}

// of is a value that n operations were measured for.
func of(n int, v float64) float64 {
	if n == 0 {
		return math.NaN()
	}
	return v
}

func lookups(log *journal.Log, phase int, which func(*journal.Operation) bool) func(func(*journal.Operation) bool) {
	return func(yield func(*journal.Operation) bool) {
		for i := range log.Operations {
			if o := &log.Operations[i]; o.Phase == phase && which(o) && !yield(o) {
				return
			}
		}
	}
}

func found(o *journal.Operation) bool { return o.Result == "ok" && o.Op != plan.Publish }

func share(log *journal.Log, phase int, op plan.Verb) float64 {
	n, ok := 0, 0
	for o := range lookups(log, phase, func(o *journal.Operation) bool { return o.Op == op }) {
		n++
		if o.Result == "ok" {
			ok++
		}
	}
	return 100 * float64(ok) / float64(n)
}

func hops(log *journal.Log, phase int) float64 {
	n, sum := 0, 0
	for o := range lookups(log, phase, found) {
		n++
		sum += o.Hops
	}
	return float64(sum) / float64(n)
}

// quantile is the time in ms that a share q of what was found did not exceed.
func quantile(log *journal.Log, phase int, q float64) float64 {
	var took []time.Duration
	for o := range lookups(log, phase, found) {
		took = append(took, o.Took)
	}
	return rank(took, q)
}

// rank returns in ms the smallest time that a share q does not exceed; NaN of
// none.
func rank(took []time.Duration, q float64) float64 {
	if len(took) == 0 {
		return math.NaN()
	}
	slices.Sort(took)
	return ms(took[max(int(math.Ceil(q*float64(len(took)))), 1)-1])
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

// upkeep is what a node sent of class membership, in a second.
func upkeep(log *journal.Log, phase int, s *journal.Summary) (messages, bytes float64) {
	seconds := s.Hours * time.Hour.Seconds() // of nodes
	if seconds <= 0 {
		for _, p := range log.Phases {
			if p.Phase == phase {
				seconds = p.Length.Seconds() * float64(max(len(log.Names), 1))
			}
		}
	}
	for _, k := range s.Traffic {
		if k.Class == p2p.Membership {
			messages += float64(k.Sent)
			bytes += float64(k.SentBytes)
		}
	}
	return messages / seconds, bytes / seconds
}

// WriteCSV writes the rows, one value of one seed a line.
func (r *Run) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	line := func(cells ...string) { out.Write(cells) } // errors wait for Flush
	line("run", "cluster", "protocol", "world", "phase", "title", "measure", "unit", "sample", "value")
	for _, row := range r.Rows() {
		for i, v := range row.Values {
			line(r.Name(), row.Cluster, row.Protocol, row.World, strconv.Itoa(row.Phase), row.Title,
				row.Measure.Name, row.Measure.Unit, strconv.Itoa(i+1), strconv.FormatFloat(v, 'g', -1, 64))
		}
	}
	out.Flush()
	return out.Error()
}
