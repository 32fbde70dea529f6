package store

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"

	"peerbed/protocols/vocabulary"
)

// schema is that of native histograms whose buckets grow by 2^(1/8), at most
// vocabulary.Native.
const schema = 3

// histograms are one metric's observations, as a native histogram and as the
// series of a classic one.
type histograms struct {
	native  *series
	sum     *series
	count   *series
	buckets []*series // by vocabulary.Metric.Buckets, then +Inf
	bounds  []float64

	zero   uint64
	sparse map[int]int64 // observations by native bucket
}

func (c *cluster) newHistograms(m *vocabulary.Metric, own map[string]string) *histograms {
	h := &histograms{bounds: m.Buckets, sparse: map[int]int64{}}
	h.native = &series{labels: c.labelled(m.Name, own)}
	part := func(suffix string, more ...string) *series {
		s := &series{labels: c.labelled(m.Name+suffix, own, more...), metric: counter}
		c.order = append(c.order, s)
		return s
	}
	h.sum, h.count = part("_sum"), part("_count")
	for _, b := range m.Buckets {
		h.buckets = append(h.buckets, part("_bucket", "le", fmt.Sprint(b)))
	}
	h.buckets = append(h.buckets, part("_bucket", "le", "+Inf"))
	return h
}

// counter is what the parts of a classic histogram are.
var counter = &vocabulary.Metric{Kind: vocabulary.Counter}

func (h *histograms) observe(v float64) {
	h.sum.value += v
	h.count.value++
	for i, s := range h.buckets {
		if i == len(h.bounds) || v <= h.bounds[i] {
			s.value++
		}
	}
	if v <= 0 {
		h.zero++
		return
	}
	h.sparse[int(math.Ceil(math.Log2(v)*(1<<schema)))]++
}

// now is the native histogram of all observations so far.
func (h *histograms) now() *histogram.Histogram {
	n := &histogram.Histogram{Schema: schema, ZeroThreshold: math.Ldexp(1, -128), ZeroCount: h.zero,
		Count: uint64(h.count.value), Sum: h.sum.value}
	before, last := int64(0), 0
	for i, k := range slices.Sorted(maps.Keys(h.sparse)) {
		if i == 0 || k != last+1 {
			gap := k
			if i > 0 {
				gap = k - last - 1
			}
			n.PositiveSpans = append(n.PositiveSpans, histogram.Span{Offset: int32(gap)})
		}
		n.PositiveSpans[len(n.PositiveSpans)-1].Length++
		n.PositiveBuckets = append(n.PositiveBuckets, h.sparse[k]-before)
		before, last = h.sparse[k], k
	}
	return n
}

func (h *histograms) append(c *cluster, t int64) (err error) {
	if !h.native.begun && c.last != math.MinInt64 {
		empty := &histogram.Histogram{Schema: schema, ZeroThreshold: math.Ldexp(1, -128)}
		if h.native.ref, err = c.app.AppendHistogram(h.native.ref, h.native.labels, c.last, empty, nil); err != nil {
			return err
		}
	}
	h.native.begun = true
	h.native.ref, err = c.app.AppendHistogram(h.native.ref, h.native.labels, t, h.now(), nil)
	c.n++
	return err
}

func (h *histograms) end(c *cluster, t int64) error {
	if !h.native.begun {
		return nil
	}
	_, err := c.app.AppendHistogram(h.native.ref, h.native.labels, t, &histogram.Histogram{Sum: math.Float64frombits(value.StaleNaN)}, nil)
	return err
}
