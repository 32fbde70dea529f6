package control

import (
	"math/bits"
	"time"
)

// Lags counts how late timers were, in bins of half an octave from a
// microsecond on: bin k ends at LagBound(k). It may be shorter than it could
// be: what is missing is 0.
type Lags []uint64

// lagBins reach up to about half a minute.
const lagBins = 50

// Add counts one timer.
func (l *Lags) Add(late time.Duration) {
	us := uint64(max(late, 0) / time.Microsecond)
	k := 0
	if n := bits.Len64(us); n > 0 {
		k = 2*n - 1
		if n == 1 || us>>(n-2)&1 == 1 { // the upper half of the octave
			k++
		}
		k = min(k, lagBins-1)
	}
	for len(*l) <= k {
		*l = append(*l, 0)
	}
	(*l)[k]++
}

// LagBound is what no timer of bin k reached.
func LagBound(k int) time.Duration {
	switch {
	case k == 0:
		return time.Microsecond
	case k%2 == 1:
		return time.Microsecond * 3 << (k / 2) / 2
	}
	return time.Microsecond << (k / 2)
}

// Plus returns the counts of both.
func (l Lags) Plus(m Lags) Lags {
	sum := make(Lags, max(len(l), len(m)))
	copy(sum, l)
	for k, n := range m {
		sum[k] += n
	}
	return sum
}

// Since returns what was counted after an earlier reading.
func (l Lags) Since(earlier Lags) Lags {
	d := append(Lags(nil), l...)
	for k, n := range earlier[:min(len(earlier), len(d))] {
		d[k] -= min(n, d[k])
	}
	return d
}

// Count is how many timers there were.
func (l Lags) Count() (n uint64) {
	for _, k := range l {
		n += k
	}
	return n
}

// Quantile returns what a share q of the timers was at most late by: the end of
// its bin. 0: there was no timer.
func (l Lags) Quantile(q float64) time.Duration {
	rank := q * float64(l.Count())
	var seen uint64
	for k, n := range l {
		if seen += n; n > 0 && float64(seen) >= rank {
			return LagBound(k)
		}
	}
	return 0
}
