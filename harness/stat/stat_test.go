package stat_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"peerbed/harness/stat"
)

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s: %v, want %v±%v", what, got, want, within)
	}
}

// Intervals of known data: Student's own ("The probable error of a mean", 1908):
// the differences of sleep with two drugs, ten patients.
func TestMean(t *testing.T) {
	i := stat.Mean([]float64{1.2, 2.4, 1.3, 1.3, 0, 1.0, 1.8, 0.8, 4.6, 1.4})
	near(t, "mean", i.Mean, 1.58, 1e-9)
	near(t, "half", i.Half, 0.8799, 1e-3)
	if one := stat.Mean([]float64{3}); one.Mean != 3 || !math.IsInf(one.Half, 1) {
		t.Errorf("one value: %v", one)
	}
	if same := stat.Mean([]float64{0.1, 0.1, 0.1}); same.Mean != 0.1 || same.Half != 0 {
		t.Errorf("equal values: %+v", same)
	}
	if none := stat.Mean(nil); !math.IsNaN(none.Mean) {
		t.Errorf("no value: %v", none)
	}
}

// An interval at 95 % holds the truth 95 times of 100, however few the values.
func TestCoverage(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{3, 10, 12, 40} {
		held := 0
		for range 4000 {
			values := make([]float64, n)
			for k := range values {
				values[k] = 7 + r.NormFloat64()
			}
			if i := stat.Mean(values); i.Low() <= 7 && 7 <= i.High() {
				held++
			}
		}
		near(t, "coverage", float64(held)/4000, 0.95, 0.012)
	}
}

// Clopper and Pearson's own kind of cases, from their closed forms: with no hit
// the upper end is 1-(tail)^(1/n).
func TestShare(t *testing.T) {
	low, high := stat.Share(0, 20, 0.95)
	near(t, "low of none", low, 0, 0)
	near(t, "high of none", high, 1-math.Pow(0.025, 1.0/20), 1e-6)
	low, high = stat.Share(20, 20, 0.95)
	near(t, "low of all", low, math.Pow(0.025, 1.0/20), 1e-6)
	near(t, "high of all", high, 1, 0)
	low, high = stat.Share(10, 100, 0.95)
	near(t, "low", low, 0.04900, 1e-4)
	near(t, "high", high, 0.17622, 1e-4)
}

func TestSlopeAndVariation(t *testing.T) {
	near(t, "slope", stat.Slope([]float64{1, 2, 3}, []float64{2, 4.5, 6}), 2, 1e-9)
	near(t, "variation of equals", stat.Variation([]float64{1, 3}, []float64{10, 30}), 0, 1e-12)
	near(t, "variation of strangers", stat.Variation([]float64{1, 0}, []float64{0, 5}), 1, 1e-12)
	near(t, "variation", stat.Variation([]float64{1, 1}, []float64{1, 1, 2}), 0.5, 1e-12)
}

func TestDistance(t *testing.T) {
	near(t, "of equals", stat.Distance([]float64{3, 1, 2, 2}, []float64{2, 2, 1, 3}), 0, 0)
	near(t, "of strangers", stat.Distance([]float64{1, 2}, []float64{5, 3, 4}), 1, 0)
	near(t, "of the upper half", stat.Distance([]float64{1, 2, 3, 4}, []float64{3, 4}), 0.5, 1e-12)
	near(t, "of ties", stat.Distance([]float64{1, 1, 1, 2}, []float64{1, 2, 2, 2}), 0.5, 1e-12)
}

// The growth that made a curve fits it best.
func TestMisfit(t *testing.T) {
	var x, y []float64
	for k := 6.0; k <= 14; k++ {
		n := math.Pow(2, k)
		x, y = append(x, n), append(y, 3*k*k*(1+0.02*math.Sin(k)))
	}
	square := stat.Misfit(x, y, func(n float64) float64 { return math.Pow(math.Log2(n), 2) })
	for name, g := range map[string]func(float64) float64{"log": math.Log2, "linear": func(n float64) float64 { return n }} {
		if stat.Misfit(x, y, g)-square < 10 {
			t.Errorf("%s fits as well as the square of the logarithm", name)
		}
	}
}
