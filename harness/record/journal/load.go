package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// A Journal is all of one file.
type Journal struct {
	File     string
	Run      Run
	Clusters []*Log // in the order of their beginning
	Verdicts []Verdict
	Figures  []Figure
	// Damage tells what could not be read, a sentence for each place.
	Damage []string
}

// A Log is all that a journal tells of one cluster.
type Log struct {
	Cluster
	Names, Roles []string // by the nodes' numbers
	Addrs        []string
	Phases       []Phase
	Events       []Event
	Members      []Member
	Faults       []Fault // each once, as it was last
	Operations   []Operation
	Tracks       []*Track
	Samples      []time.Duration // when there was one
	Overlays     []Picture
	Machines     []Machine
	Summaries    []Summary
	End          *End // nil: the run was killed, or still goes on
	Last         time.Duration

	tracks map[int]*Track
}

// A Track is one series over time.
type Track struct {
	Name   string
	Labels map[string]string
	Points []Point // in order of time; those where the value changed
}

// A Point is a value from a moment on.
type Point struct {
	At time.Duration
	V  float64
}

// A Picture is the states of all live nodes at a moment.
type Picture struct {
	At    time.Duration
	Title string
	Nodes []Overlay
}

// Load reads a journal as far as it can be read. An error means that nothing
// could be.
func Load(file string) (*Journal, error) {
	r, err := Open(file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return load(r)
}

func load(r *Reader) (*Journal, error) {
	j := &Journal{File: r.file}
	logs := map[string]*Log{}
	for {
		l, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if what := j.take(logs, l); what != "" {
			r.complain(r.line, what)
		}
	}
	j.Damage = r.Damage()
	if j.Run.Version == 0 && len(j.Clusters) == 0 {
		return nil, fmt.Errorf("%s is no journal of a run", r.file)
	}
	return j, nil
}

// take adds a line, or says why it cannot.
func (j *Journal) take(logs map[string]*Log, l Line) (wrong string) {
	switch {
	case l.Run != nil:
		j.Run = *l.Run
	case l.Verdict != nil:
		j.Verdicts = append(j.Verdicts, *l.Verdict)
	case l.Figure != nil:
		j.Figures = append(j.Figures, *l.Figure)
	case l.Cluster != nil:
		log := &Log{Cluster: *l.Cluster, tracks: map[int]*Track{}}
		logs[log.Cluster.Cluster] = log
		j.Clusters = append(j.Clusters, log)
	default:
		name, ok := l.Of()
		if !ok {
			return "" // of a kind that this version does not know
		}
		log := logs[name]
		if log == nil {
			return fmt.Sprintf("it tells of a cluster %q that has not begun", name)
		}
		return log.take(l)
	}
	return ""
}

// Of returns which cluster a line tells of; false: of none, or of nothing known.
func (l Line) Of() (cluster string, ok bool) {
	switch {
	case l.Cluster != nil:
		return l.Cluster.Cluster, true
	case l.Nodes != nil:
		return l.Nodes.Cluster, true
	case l.Phase != nil:
		return l.Phase.Cluster, true
	case l.Event != nil:
		return l.Event.Cluster, true
	case l.Member != nil:
		return l.Member.Cluster, true
	case l.Fault != nil:
		return l.Fault.Cluster, true
	case l.Operation != nil:
		return l.Operation.Cluster, true
	case l.Series != nil:
		return l.Series.Cluster, true
	case l.Sample != nil:
		return l.Sample.Cluster, true
	case l.Overlay != nil:
		return l.Overlay.Cluster, true
	case l.Machine != nil:
		return l.Machine.Cluster, true
	case l.Summary != nil:
		return l.Summary.Cluster, true
	case l.End != nil:
		return l.End.Cluster, true
	}
	return "", false
}

func (g *Log) take(l Line) (wrong string) {
	switch {
	case l.Nodes != nil:
		return g.tell(l.Nodes)
	case l.Phase != nil:
		g.Phases = append(g.Phases, *l.Phase)
	case l.Event != nil:
		g.Events = append(g.Events, *l.Event)
	case l.Member != nil:
		g.Members = append(g.Members, *l.Member)
	case l.Fault != nil:
		g.fault(l.Fault)
	case l.Operation != nil:
		g.Operations = append(g.Operations, *l.Operation)
		g.reach(l.Operation.At + max(l.Operation.Took, 0))
	case l.Series != nil:
		t := &Track{Name: l.Series.Name, Labels: l.Series.Labels}
		g.tracks[l.Series.Series] = t
		g.Tracks = append(g.Tracks, t)
	case l.Sample != nil:
		return g.sample(l.Sample)
	case l.Overlay != nil:
		g.overlay(l.Overlay)
	case l.Machine != nil:
		g.Machines = append(g.Machines, *l.Machine)
	case l.Summary != nil:
		g.Summaries = append(g.Summaries, *l.Summary)
	case l.End != nil:
		g.End = l.End
		g.reach(l.End.At)
	}
	return ""
}

func (g *Log) reach(at time.Duration) { g.Last = max(g.Last, at) }

func (g *Log) tell(n *Nodes) (wrong string) {
	if n.First != len(g.Names) || len(n.Addrs) != len(n.Names) || len(n.Roles) != len(n.Names) {
		return fmt.Sprintf("nodes from number %d on do not follow the %d before", n.First, len(g.Names))
	}
	g.Names, g.Roles = append(g.Names, n.Names...), append(g.Roles, n.Roles...)
	for _, a := range n.Addrs {
		g.Addrs = append(g.Addrs, a.String())
	}
	return ""
}

func (g *Log) fault(f *Fault) {
	i, there := slices.BinarySearchFunc(g.Faults, f.N, func(x Fault, n int) int { return cmp.Compare(x.N, n) })
	if there {
		g.Faults[i] = *f
		return
	}
	g.Faults = slices.Insert(g.Faults, i, *f)
}

func (g *Log) sample(s *Sample) (wrong string) {
	g.Samples = append(g.Samples, s.At)
	g.reach(s.At)
	for _, v := range s.Values {
		t := g.tracks[int(v[0])]
		if t == nil {
			wrong = fmt.Sprintf("a value of series %v, which was not told", v[0])
			continue
		}
		t.Points = append(t.Points, Point{s.At, v[1]})
	}
	return wrong
}

func (g *Log) overlay(o *Overlay) {
	if n := len(g.Overlays); n == 0 || g.Overlays[n-1].At != o.At || g.Overlays[n-1].Title != o.Title {
		g.Overlays = append(g.Overlays, Picture{At: o.At, Title: o.Title})
	}
	p := &g.Overlays[len(g.Overlays)-1]
	p.Nodes = append(p.Nodes, *o)
}

// At returns the value at a moment; NaN before the first.
func (t *Track) At(at time.Duration) float64 {
	i, there := slices.BinarySearchFunc(t.Points, at, func(p Point, at time.Duration) int { return cmp.Compare(p.At, at) })
	if there {
		return t.Points[i].V
	}
	if i == 0 {
		return math.NaN()
	}
	return t.Points[i-1].V
}

// Find returns the series of a metric whose labels are as given, "class=lookup"
// each.
func (g *Log) Find(metric string, labels ...string) []*Track {
	var found []*Track
	for _, t := range g.Tracks {
		if t.Name == metric && !slices.ContainsFunc(labels, func(l string) bool {
			name, value, _ := strings.Cut(l, "=")
			return t.Labels[name] != value
		}) {
			found = append(found, t)
		}
	}
	return found
}

// Sum adds up series at a moment; one that has not begun counts 0.
func Sum(tracks []*Track, at time.Duration) float64 {
	sum := 0.0
	for _, t := range tracks {
		if v := t.At(at); !math.IsNaN(v) {
			sum += v
		}
	}
	return sum
}
