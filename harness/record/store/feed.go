package store

import (
	"context"
	"fmt"
	"math"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"

	"peerbed/harness/plan"
	"peerbed/harness/record/journal"
	"peerbed/protocols/vocabulary"
)

// A feed turns one journal into samples.
type feed struct {
	from     *journal.Reader
	run      string
	prefix   string // of its clusters' names: "seed-3/"
	open     opener
	clusters map[string]*cluster
	live     int // clusters that have not ended
	wrong    []string
}

// An opener gives what the samples of a new cluster, of that clock, go to: a
// function that begins a batch.
type opener func(journal.Clock) (func() appender, error)

// An appender takes a batch of samples, as Prometheus' own takes it: a series is
// known by its labels at first, and by the reference that is returned from then on.
type appender interface {
	Append(storage.SeriesRef, labels.Labels, int64, float64) (storage.SeriesRef, error)
	AppendHistogram(storage.SeriesRef, labels.Labels, int64, *histogram.Histogram, *histogram.FloatHistogram) (storage.SeriesRef, error)
	Commit() error
}

func newFeed(from *journal.Reader, run, prefix string, open opener) *feed {
	return &feed{from: from, run: run, prefix: prefix, open: open, clusters: map[string]*cluster{}}
}

// readOn reads to the end of what the journal has now.
func (f *feed) readOn(ctx context.Context) error {
	defer f.commit()
	for n := 0; ; n++ {
		if n%1000 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		l, err := f.from.Next()
		if err != nil {
			return err
		}
		if err := f.take(l); err != nil && len(f.wrong) < 10 {
			f.wrong = append(f.wrong, fmt.Sprintf("%s: %v", f.run, err))
		}
	}
}

func (f *feed) commit() {
	for _, c := range f.clusters {
		if err := c.commit(); err != nil && len(f.wrong) < 10 {
			f.wrong = append(f.wrong, fmt.Sprintf("%s: %v", f.run, err))
		}
	}
}

func (f *feed) take(l journal.Line) error {
	if l.Cluster != nil {
		return f.begin(l.Cluster)
	}
	name, ok := l.Of()
	c := f.clusters[name]
	if !ok || c == nil {
		return nil
	}
	switch {
	case l.Series != nil:
		c.define(l.Series)
	case l.Operation != nil:
		c.operation(l.Operation)
	case l.Sample != nil:
		return c.sample(l.Sample)
	case l.End != nil:
		f.live--
		return c.end()
	}
	return nil
}

func (f *feed) begin(j *journal.Cluster) error {
	batch, err := f.open(j.Clock)
	if err != nil {
		return err
	}
	f.live++
	c := &cluster{batch: batch, last: math.MinInt64, series: map[int]*series{}, counters: map[string]*series{}, histograms: map[string]*histograms{},
		common: map[string]string{"run": f.run, "cluster": f.prefix + j.Cluster, "protocol": j.Protocol, "world": j.World}}
	if j.Clock == journal.Wall {
		c.zero = j.Started.UnixMilli()
	}
	c.clock = c.named(vocabulary.SampleTime, nil)
	f.clusters[j.Cluster] = c
	return nil
}

// A cluster is one cluster's series.
type cluster struct {
	batch  func() appender
	common map[string]string
	zero   int64 // what its time 0 is, in ms since 1970
	last   int64 // when the last sample was
	app    appender
	n      int // samples that app has

	series     map[int]*series
	order      []*series // all floats
	counters   map[string]*series
	histograms map[string]*histograms
	clock      *series
}

// A series has the value that is appended at every sample.
type series struct {
	labels labels.Labels
	metric *vocabulary.Metric // nil: one that this version does not know
	ref    storage.SeriesRef
	value  float64
	begun  bool
	stale  bool // an Info that is not true now
}

// batchSize is how many samples are committed together.
const batchSize = 20_000

func (c *cluster) labelled(name string, own map[string]string, more ...string) labels.Labels {
	b := labels.NewBuilder(labels.EmptyLabels())
	for k, v := range own {
		b.Set(k, v)
	}
	for k, v := range c.common {
		b.Set(k, v)
	}
	for i := 0; i < len(more); i += 2 {
		b.Set(more[i], more[i+1])
	}
	return b.Set(model.MetricNameLabel, name).Labels()
}

func (c *cluster) named(m *vocabulary.Metric, own map[string]string) *series {
	s := &series{labels: c.labelled(m.Name, own), metric: m, value: math.NaN()}
	c.order = append(c.order, s)
	return s
}

func (c *cluster) define(d *journal.Series) {
	s := &series{labels: c.labelled(d.Name, d.Labels), metric: vocabulary.Named(d.Name), value: math.NaN()}
	c.series[d.Series] = s
	c.order = append(c.order, s)
}

// operation counts a wish that is over.
func (c *cluster) operation(o *journal.Operation) {
	key := string(o.Op) + "\x00" + o.Result
	s := c.counters[key]
	if s == nil {
		s = c.named(vocabulary.Operations, map[string]string{"op": string(o.Op), "result": o.Result})
		s.value = 0
		c.counters[key] = s
	}
	s.value++
	c.histogram(vocabulary.OperationDuration, map[string]string{"op": string(o.Op)}).observe(o.Took.Seconds())
	if o.Op == plan.Find && o.Result == "ok" {
		c.histogram(vocabulary.LookupHops, nil).observe(float64(o.Hops))
	}
}

func (c *cluster) histogram(m *vocabulary.Metric, own map[string]string) *histograms {
	key := m.Name + "\x00" + own["op"]
	h := c.histograms[key]
	if h == nil {
		h = c.newHistograms(m, own)
		c.histograms[key] = h
	}
	return h
}

// sample appends all that is known at a moment.
func (c *cluster) sample(j *journal.Sample) error {
	for _, v := range j.Values {
		if s := c.series[int(v[0])]; s != nil {
			s.value = v[1]
		}
	}
	t := max(c.zero+j.At.Milliseconds(), c.last+1)
	c.clock.value = float64(t) / 1000
	if c.app == nil {
		c.app = c.batch()
	}
	for _, s := range c.order {
		if err := c.append(s, t); err != nil {
			return err
		}
	}
	for _, h := range c.histograms {
		if err := h.append(c, t); err != nil {
			return err
		}
	}
	c.last = t
	if c.n > batchSize {
		return c.commit()
	}
	return nil
}

func (c *cluster) append(s *series, t int64) (err error) {
	v := s.value
	kind := vocabulary.Gauge
	if s.metric != nil {
		kind = s.metric.Kind
	}
	switch {
	case math.IsNaN(v):
		return nil
	case kind == vocabulary.Info && v == 0:
		if s.stale || !s.begun {
			return nil
		}
		v = math.Float64frombits(value.StaleNaN)
	case kind == vocabulary.Counter && !s.begun && c.last != math.MinInt64:
		if s.ref, err = c.app.Append(s.ref, s.labels, c.last, 0); err != nil { // it was 0 until now: increase() must see it rise
			return err
		}
	}
	s.begun, s.stale = true, kind == vocabulary.Info && s.value == 0
	s.ref, err = c.app.Append(s.ref, s.labels, t, v)
	c.n++
	return err
}

// end makes all series stale, so that instant queries end with the cluster.
func (c *cluster) end() error {
	if c.last == math.MinInt64 {
		return nil
	}
	if c.app == nil {
		c.app = c.batch()
	}
	t := c.last + 1
	for _, s := range c.order {
		if !s.begun {
			continue
		}
		if _, err := c.app.Append(s.ref, s.labels, t, math.Float64frombits(value.StaleNaN)); err != nil {
			return err
		}
	}
	for _, h := range c.histograms {
		if err := h.end(c, t); err != nil {
			return err
		}
	}
	return c.commit()
}

func (c *cluster) commit() error {
	if c.app == nil {
		return nil
	}
	app := c.app
	c.app, c.n = nil, 0
	return app.Commit()
}
