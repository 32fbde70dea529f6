package stat

import (
	"fmt"
	"math"
	"slices"
)

// An Interval is a mean with its 95 % confidence interval, by Student's law:
// repetitions are few and their spread is not known beforehand.
type Interval struct {
	Mean float64
	Half float64 // half of the interval's width; +Inf of a single value
	N    int     // values
}

// Low is the lower end.
func (i Interval) Low() float64 { return i.Mean - i.Half }

// High is the upper end.
func (i Interval) High() float64 { return i.Mean + i.Half }

// String writes "3.92 ± 0.04".
func (i Interval) String() string { return fmt.Sprintf("%.4g ± %.2g", i.Mean, i.Half) }

// Mean sums up independent values. Equal ones give exactly that value and no
// width.
func Mean(values []float64) Interval {
	i := Interval{N: len(values), Half: math.Inf(1)}
	if i.N == 0 {
		i.Mean = math.NaN()
		return i
	}
	n, above := float64(i.N), 0.0
	for _, v := range values {
		above += v - values[0]
	}
	i.Mean = values[0] + above/n
	if i.N == 1 {
		return i
	}
	squares := 0.0
	for _, v := range values {
		squares += (v - i.Mean) * (v - i.Mean)
	}
	i.Half = student(i.N-1) * math.Sqrt(squares/(n-1)/n)
	return i
}

// fewDegrees are the 97.5 % points of Student's law with 1 to 10 degrees of
// freedom (Abramowitz and Stegun, Handbook of Mathematical Functions, table
// 26.10).
var fewDegrees = [...]float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228}

// normal975 is the 97.5 % point of the normal law.
const normal975 = 1.959964

// student returns the 97.5 % point of Student's law: from the table or, where
// that ends, by its expansion (Abramowitz and Stegun, 26.7.5), which is right to
// three decimals there.
func student(degrees int) float64 {
	if degrees <= len(fewDegrees) {
		return fewDegrees[degrees-1]
	}
	const z = normal975
	const z3, z5, z7 = z * z * z, z * z * z * z * z, z * z * z * z * z * z * z
	v := float64(degrees)
	return z + (z3+z)/(4*v) + (5*z5+16*z3+3*z)/(96*v*v) + (3*z7+19*z5+17*z3-15*z)/(384*v*v*v)
}

// Share is the interval in which the share lies that k hits of n came from, by
// Clopper and Pearson (Biometrika 26, 1934): exact, whatever the share. sure is
// how sure it is to be: 0.95, 0.99.
func Share(k, n int, sure float64) (low, high float64) {
	tail := (1 - sure) / 2
	low = solve(func(p float64) bool { return k == 0 || atMost(k-1, n, p) < 1-tail })
	high = solve(func(p float64) bool { return k == n || atMost(k, n, p) < tail })
	if k == 0 {
		low = 0
	}
	if k == n {
		high = 1
	}
	return low, high
}

// solve returns the smallest p of 0 to 1 from which on past holds.
func solve(past func(p float64) bool) float64 {
	low, high := 0.0, 1.0
	for range 50 {
		if p := (low + high) / 2; past(p) {
			high = p
		} else {
			low = p
		}
	}
	return high
}

// atMost is the chance of k hits or fewer in n trials that hit with chance p.
func atMost(k, n int, p float64) float64 {
	sum, all, odds := 0.0, lgamma(n), math.Log(p)-math.Log1p(-p)
	for i := 0; i <= k; i++ {
		sum += math.Exp(all - lgamma(i) - lgamma(n-i) + float64(i)*odds + float64(n)*math.Log1p(-p))
	}
	return sum
}

// lgamma is the logarithm of n!.
func lgamma(n int) float64 {
	l, _ := math.Lgamma(float64(n) + 1)
	return l
}

// Slope is that of the least-squares line through the points.
func Slope(x, y []float64) float64 {
	mx, my := mean(x), mean(y)
	var above, below float64
	for i := range x {
		above += (x[i] - mx) * (y[i] - my)
		below += (x[i] - mx) * (x[i] - mx)
	}
	return above / below
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// Variation is the total variation distance of two histograms, each normalised
// to a sum of one: 0 if they are equal, 1 if they share nothing.
func Variation(a, b []float64) float64 {
	at := func(h []float64, i int) float64 {
		if i < len(h) {
			return h[i] / (mean(h) * float64(len(h)))
		}
		return 0
	}
	d := 0.0
	for i := range max(len(a), len(b)) {
		d += math.Abs(at(a, i)-at(b, i)) / 2
	}
	return d
}

// Distance is that of Kolmogorov and Smirnov: the most by which the shares of the
// two samples up to some value differ. 0: they are alike; 1: all of one lies below
// the other.
func Distance(a, b []float64) (d float64) {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	for i, k := 0, 0; i < len(a) && k < len(b); {
		at := min(a[i], b[k])
		for i < len(a) && a[i] == at {
			i++
		}
		for k < len(b) && b[k] == at {
			k++
		}
		d = max(d, math.Abs(float64(i)/float64(len(a))-float64(k)/float64(len(b))))
	}
	return d
}

// Misfit is Akaike's criterion (AIC) of y = a g(x) with the best a, errors being
// relative (a curve over decades is judged at all of them alike): the lower, the
// better; a difference of 10 leaves the worse model next to no support (Burnham
// and Anderson, 2002).
func Misfit(x, y []float64, g func(float64) float64) float64 {
	logs := make([]float64, len(x))
	for i := range x {
		logs[i] = math.Log(y[i]) - math.Log(g(x[i]))
	}
	var squares float64
	for m, i := mean(logs), 0; i < len(logs); i++ {
		squares += (logs[i] - m) * (logs[i] - m)
	}
	n := float64(len(x))
	return n*math.Log(squares/n) + 2*2
}
