package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"peerbed/node/loop"
	"peerbed/protocols/p2p"
	"peerbed/protocols/vocabulary"
)

// Metrics are those of one node.
type Metrics struct {
	registry   *prometheus.Registry
	protocol   string
	operations *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	hops       prometheus.Histogram
}

// New makes the metrics of a node that speaks the named protocol.
func New(protocol string) *Metrics {
	labels := prometheus.Labels{"protocol": protocol}
	histogram := func(v *vocabulary.Metric) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Name: v.Name, Help: v.Help, ConstLabels: labels,
			Buckets: v.Buckets, NativeHistogramBucketFactor: vocabulary.Native}
	}
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		protocol: protocol,
		operations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: vocabulary.Operations.Name, Help: vocabulary.Operations.Help, ConstLabels: labels}, vocabulary.Operations.Labels),
		duration: prometheus.NewHistogramVec(histogram(vocabulary.OperationDuration), vocabulary.OperationDuration.Labels),
		hops:     prometheus.NewHistogram(histogram(vocabulary.LookupHops)),
	}
	m.registry.MustRegister(m.operations, m.duration, m.hops,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Finished counts a wish that is done; it is a loop.Config's Finished.
func (m *Metrics) Finished(op p2p.Op, r p2p.Result, took time.Duration) {
	name := opName(op)
	m.operations.WithLabelValues(name, p2p.Label(r.Err)).Inc()
	m.duration.WithLabelValues(name).Observe(took.Seconds())
	if _, ok := op.(p2p.Find); ok && r.Err == nil {
		m.hops.Observe(float64(r.Hops))
	}
}

func opName(op p2p.Op) string {
	switch op.(type) {
	case p2p.Publish:
		return "publish"
	case p2p.Find:
		return "find"
	case p2p.Fetch:
		return "fetch"
	case p2p.Remove:
		return "remove"
	}
	return "leave"
}

// Read has l's counters read at every scrape.
func (m *Metrics) Read(l *loop.Loop) {
	m.registry.MustRegister(&traffic{l, m.protocol})
}

// Handler answers GET /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// traffic collects what a loop counts.
type traffic struct {
	loop     *loop.Loop
	protocol string
}

var (
	messages  = description(vocabulary.Messages)
	bytes     = description(vocabulary.MessageBytes)
	malformed = description(vocabulary.Malformed)
	streams   = description(vocabulary.Streams)
)

func description(v *vocabulary.Metric) *prometheus.Desc {
	return prometheus.NewDesc(v.Name, v.Help, append([]string{"protocol"}, v.Labels...), nil)
}

func (t *traffic) Describe(c chan<- *prometheus.Desc) {
	c <- messages
	c <- bytes
	c <- malformed
	c <- streams
}

func (t *traffic) Collect(c chan<- prometheus.Metric) {
	s, err := t.loop.Snapshot()
	if err != nil {
		return // the node has ended; the scrape goes without
	}
	for _, k := range s.Traffic {
		t.both(c, k, "sent", k.Sent, k.SentBytes)
		t.both(c, k, "received", k.Received, k.ReceivedBytes)
	}
	c <- prometheus.MustNewConstMetric(malformed, prometheus.CounterValue, float64(s.Malformed), t.protocol)
	c <- prometheus.MustNewConstMetric(streams, prometheus.GaugeValue, float64(s.Streams), t.protocol)
}

func (t *traffic) both(c chan<- prometheus.Metric, k p2p.Traffic, direction string, n, size uint64) {
	c <- prometheus.MustNewConstMetric(messages, prometheus.CounterValue, float64(n), t.protocol, k.Kind, string(k.Class), direction)
	c <- prometheus.MustNewConstMetric(bytes, prometheus.CounterValue, float64(size), t.protocol, k.Kind, string(k.Class), direction)
}
