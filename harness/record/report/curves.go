package report

import (
	"cmp"
	"math"
	"slices"
	"time"

	"peerbed/harness/plan"
	"peerbed/harness/record"
	"peerbed/harness/record/journal"
	"peerbed/harness/stat"
)

// maxBins is how many points a curve over time has, and inBin how many lookups
// there should be in each: of fewer the share that succeeded is noise.
const maxBins, inBin = 48, 8

// A scale parts the time of a cluster into bins; one serves all seeds.
type scale struct {
	from, step time.Duration
	n          int // bins
}

func (g *Group) scale() scale {
	last := time.Second
	for _, log := range g.Logs {
		last = max(last, log.Last)
	}
	first := last
	for _, log := range g.Logs {
		for _, p := range log.Phases {
			first = min(first, p.At)
		}
	}
	if first == last {
		first = 0
	}
	n := min(max(len(g.Logs[0].Operations)/inBin, 12), maxBins)
	return scale{first, max((last-first)/time.Duration(n), time.Millisecond) + 1, n}
}

func (s scale) bin(at time.Duration) int {
	if at < s.from {
		return -1
	}
	return int((at - s.from) / s.step)
}

// middle is the middle of a bin, in seconds.
func (s scale) middle(bin int) float64 {
	return (s.from + s.step*time.Duration(2*bin+1)/2).Seconds()
}

// end is the moment at which a bin ends.
func (s scale) end(bin int) time.Duration { return s.from + s.step*time.Duration(bin+1) }

// curve is the mean over seeds of a value in each bin; NaN: that seed has none
// there.
func (g *Group) curve(name string, s scale, value func(log *journal.Log) []float64) record.Series {
	line := record.Series{Name: name}
	var seeds [][]float64
	for _, log := range g.Logs {
		seeds = append(seeds, value(log))
	}
	for b := range s.n {
		var values []float64
		for _, v := range seeds {
			if !math.IsNaN(v[b]) {
				values = append(values, v[b])
			}
		}
		if len(values) == 0 {
			continue
		}
		i := stat.Mean(values)
		line.Points = append(line.Points, record.XY{X: s.middle(b), Y: i.Mean})
		line.Spread = append(line.Spread, span(i))
	}
	return line
}

// span is an interval as a plot takes it: NaN where there is none.
func span(i stat.Interval) record.Span {
	if math.IsInf(i.Half, 0) || i.Half == 0 {
		return record.Span{Low: math.NaN(), High: math.NaN()}
	}
	return record.Span{Low: i.Low(), High: i.High()}
}

// plots are the cluster's curves over time.
func (g *Group) plots() []record.Plot {
	s := g.scale()
	bands := g.bands()
	const x = "seconds since the cluster began"
	plot := func(title, y string, series ...record.Series) record.Plot {
		return record.Plot{Title: title, X: x, Y: y, Bands: bands, Left: s.from.Seconds(), Right: s.end(s.n - 1).Seconds(), Series: slices.DeleteFunc(series, func(s record.Series) bool { return len(s.Points) == 0 })}
	}
	all := []record.Plot{
		plot("Success", "per cent of what was asked for in that time", g.success("finds", s, plan.Find), g.success("fetches", s, plan.Fetch)),
		plot("Time to find a file, or to fetch it", "ms, of what succeeded", g.latency("half took up to", s, 0.5), g.latency("95 % took up to", s, 0.95)),
		plot("Messages sent", "a second, of all nodes", g.rate("lookup", s), g.rate("membership", s), g.rate("transfer", s)),
		plot("Nodes that live", "nodes", g.gauge("live", s, "peerbed_live_nodes")),
	}
	return slices.DeleteFunc(all, func(p record.Plot) bool { return len(p.Series) == 0 })
}

// inBins sorts what lookups took into bins, by when they began.
func inBins(log *journal.Log, s scale, which func(*journal.Operation) bool) [][]*journal.Operation {
	all := make([][]*journal.Operation, s.n)
	for i := range log.Operations {
		o := &log.Operations[i]
		if b := s.bin(o.At); b >= 0 && b < s.n && o.Phase > 0 && which(o) {
			all[b] = append(all[b], o)
		}
	}
	return all
}

func (g *Group) success(name string, s scale, op plan.Verb) record.Series {
	return g.curve(name, s, func(log *journal.Log) []float64 {
		v := make([]float64, s.n)
		for b, ops := range inBins(log, s, func(o *journal.Operation) bool { return o.Op == op }) {
			ok := 0
			for _, o := range ops {
				if o.Result == "ok" {
					ok++
				}
			}
			v[b] = 100 * float64(ok) / float64(len(ops))
		}
		return v
	})
}

func (g *Group) latency(name string, s scale, q float64) record.Series {
	return g.curve(name, s, func(log *journal.Log) []float64 {
		v := make([]float64, s.n)
		for b, ops := range inBins(log, s, found) {
			var took []time.Duration
			for _, o := range ops {
				took = append(took, o.Took)
			}
			v[b] = rank(took, q)
		}
		return v
	})
}

// rate is how fast a counter of messages grows from bin to bin.
func (g *Group) rate(class string, s scale) record.Series {
	return g.curve(class, s, func(log *journal.Log) []float64 {
		v := make([]float64, s.n)
		tracks := log.Find("peerbed_messages_total", "class="+class, "direction=sent")
		for b := range v {
			v[b] = math.NaN()
			if len(tracks) > 0 && s.end(b) <= log.Last+s.step {
				v[b] = max(0, counted(log, tracks, s.end(b))-counted(log, tracks, s.end(b-1))) / s.step.Seconds()
			}
		}
		return v
	})
}

// counted sums up counters at a moment between two samples: they are taken to
// have grown evenly from the one to the other.
func counted(log *journal.Log, tracks []*journal.Track, at time.Duration) float64 {
	i, there := slices.BinarySearch(log.Samples, at)
	if there || i == 0 || i == len(log.Samples) {
		return journal.Sum(tracks, at)
	}
	from, to := log.Samples[i-1], log.Samples[i]
	was := journal.Sum(tracks, from)
	return was + (journal.Sum(tracks, to)-was)*float64(at-from)/float64(to-from)
}

func (g *Group) gauge(name string, s scale, metric string) record.Series {
	return g.curve(name, s, func(log *journal.Log) []float64 {
		v := make([]float64, s.n)
		tracks := log.Find(metric)
		for b := range v {
			v[b] = math.NaN()
			if len(tracks) > 0 && s.end(b) <= log.Last+s.step {
				v[b] = journal.Sum(tracks, s.end(b))
			}
		}
		return v
	})
}

// maxBands is how many faults are shaded: under churn there are hundreds.
const maxBands = 24

// bands shade the faults that lasted in the first seed, neighbours of one kind
// joined where there are too many.
func (g *Group) bands() []record.Band {
	log := g.Logs[0]
	s := g.scale()
	var all []record.Band
	for _, f := range log.Faults {
		until := f.Until
		if until == 0 {
			until = log.Last
		}
		if until < s.from {
			continue
		}
		all = append(all, record.Band{Name: cmp.Or(f.Name, f.Kind), From: max(f.Since, s.from).Seconds(), To: until.Seconds()})
	}
	slices.SortStableFunc(all, func(a, b record.Band) int { return cmp.Compare(a.From, b.From) })
	return join(all, len(all) > maxBands)
}

// join makes one of bands with one name that overlap; if they are many, also of
// those that nearly do.
func join(all []record.Band, many bool) []record.Band {
	near := 0.0
	if many {
		near = (all[len(all)-1].To - all[0].From) / maxBands
	}
	var out []record.Band
	for _, b := range all {
		i := slices.IndexFunc(out, func(o record.Band) bool { return o.Name == b.Name && b.From <= o.To+near })
		if i < 0 {
			out = append(out, b)
			continue
		}
		out[i].To = max(out[i].To, b.To)
	}
	return out
}
