package fault_test

import (
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/harness/fault"
)

// distance is the statistic of Kolmogorov and Smirnov: how far the share of the
// values up to x is from cdf(x), at most, for x up to end. The bound is what
// one true sample in a thousand exceeds.
func distance(values []float64, cdf func(float64) float64, end float64) (d, bound float64) {
	values = slices.Clone(values)
	slices.Sort(values)
	n := float64(len(values))
	for i, x := range values {
		if x > end {
			break
		}
		f := cdf(x)
		d = max(d, math.Abs(f-float64(i)/n), math.Abs(f-float64(i+1)/n))
	}
	return d, 1.95 / math.Sqrt(n)
}

func agree(t *testing.T, what string, values []float64, cdf func(float64) float64, end float64) {
	t.Helper()
	if d, bound := distance(values, cdf, end); d > bound || len(values) < 1000 {
		t.Errorf("%s: %.4f apart in %d values, want %.4f at most", what, d, len(values), bound)
	}
}

// residual works out the equilibrium residual law of one with that survival
// function and mean by adding up: the integral of the first over the second.
// The steps grow with x, as the densities shrink.
func residual(survival func(float64) float64, mean float64) func(float64) float64 {
	xs, sums := []float64{0}, []float64{0}
	for x, sum := mean/1e7, 0.0; sum < 0.9999*mean && x < 1e6*mean; x *= 1.002 {
		last := xs[len(xs)-1]
		sum += (x - last) * survival((x+last)/2)
		xs, sums = append(xs, x), append(sums, sum)
	}
	return func(x float64) float64 {
		i, _ := slices.BinarySearch(xs, x)
		if i >= len(xs) {
			return 1
		}
		if i == 0 {
			return 0
		}
		part := (x - xs[i-1]) / (xs[i] - xs[i-1])
		return (sums[i-1] + part*(sums[i]-sums[i-1])) / mean
	}
}

// weibull returns the law, and what is left of it, in seconds.
func weibull(k, lambda float64) (whole, left func(float64) float64) {
	survival := func(x float64) float64 { return math.Exp(-math.Pow(x/lambda, k)) }
	return func(x float64) float64 { return 1 - survival(x) }, residual(survival, lambda*math.Gamma(1+1/k))
}

func seconds(n int, draw func(*rand.Rand) time.Duration) []float64 {
	r := rand.New(rand.NewPCG(11, 0))
	all := make([]float64, n)
	for i := range all {
		all[i] = draw(r).Seconds()
	}
	return all
}

// Sessions follow the law, and what is left of those under way follows the
// equilibrium residual law. Each law's own function is written out here.
func TestDrawsFollowTheLaw(t *testing.T) {
	phi := func(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }
	for _, test := range []struct {
		law  fault.Law
		cdf  func(x float64) float64 // x in seconds
		mean float64
	}{
		{fault.Exponential(time.Hour), func(x float64) float64 { return 1 - math.Exp(-x/3600) }, 3600},
		{fault.Constant(time.Hour), func(x float64) float64 {
			if x < 3600 {
				return 0
			}
			return 1
		}, 3600},
		{fault.Weibull{K: 0.38, Lambda: 2544 * time.Second}, func(x float64) float64 { return 1 - math.Exp(-math.Pow(x/2544, 0.38)) }, 2544 * math.Gamma(1+1/0.38)},
		{fault.Weibull{K: 2, Lambda: time.Hour}, func(x float64) float64 { return 1 - math.Exp(-x*x/3600/3600) }, 1800 * math.Sqrt(math.Pi)},
		{fault.Lognormal{Median: time.Hour, Sigma: 1.5}, func(x float64) float64 { return phi(math.Log(x/3600) / 1.5) }, 3600 * math.Exp(1.125)},
		{fault.Pareto{Alpha: 3, Beta: time.Hour}, func(x float64) float64 { return 1 - math.Pow(3600/max(x, 3600), 3) }, 5400},
	} {
		if got := test.law.Mean().Seconds(); math.Abs(got/test.mean-1) > 1e-6 {
			t.Errorf("%v: mean %v s, want %v", test.law, got, test.mean)
		}
		if _, constant := test.law.(fault.Constant); !constant {
			agree(t, fmt.Sprint(test.law), seconds(20000, test.law.Draw), test.cdf, math.Inf(1))
			for _, p := range []float64{0.01, 0.5, 0.99} {
				if got := test.cdf(test.law.Quantile(p).Seconds()); math.Abs(got-p) > 1e-6 {
					t.Errorf("%v: %v of all are up to Quantile(%v)", test.law, got, p)
				}
			}
		}
		left := residual(func(x float64) float64 { return 1 - test.cdf(x) }, test.mean)
		agree(t, fmt.Sprintf("what is left of %v", test.law), seconds(20000, test.law.Left), left, 1000*test.mean)
	}
}

// The test above can fail: a new session is no residual one.
func TestAFreshSessionIsNoResidualOne(t *testing.T) {
	law := fault.Weibull{K: 0.59, Lambda: 2514 * time.Second}
	_, left := weibull(0.59, 2514)
	if d, bound := distance(seconds(20000, law.Draw), left, math.Inf(1)); d < 5*bound {
		t.Errorf("new sessions are %.4f from the residual law, and the bound is %.4f", d, bound)
	}
}

// Stutzbach and Rejaie, IMC 2006: "Debian .38, 42.4; Red Hat .34, 21.3; FlatOut
// .59, 41.9" minutes, and so "mean/median Debian 163/16, Red Hat 119/7.2,
// FlatOut 64/22.5". Saroiu's Gnutella sessions as a Pareto law (Li et al.):
// alpha .83, beta 1560 s, a median of an hour and no mean.
func TestMeasuredSessions(t *testing.T) {
	minutes := func(m float64) time.Duration { return time.Duration(m * float64(time.Minute)) }
	for _, test := range []struct {
		law          fault.Law
		mean, median float64 // minutes
		digits       float64 // of the median, as printed
	}{
		{fault.Weibull{K: 0.38, Lambda: minutes(42.4)}, 163, 16, 0.5},
		{fault.Weibull{K: 0.34, Lambda: minutes(21.3)}, 119, 7.2, 0.1},
		{fault.Weibull{K: 0.59, Lambda: minutes(41.9)}, 64, 22.5, 0.1},
		{fault.Pareto{Alpha: 0.83, Beta: 1560 * time.Second}, fault.Forever.Minutes(), 60, 0.1},
	} {
		mean, median := test.law.Mean().Minutes(), test.law.Quantile(0.5).Minutes()
		if math.Abs(mean/test.mean-1) > 0.01 || math.Abs(median-test.median) > test.digits {
			t.Errorf("%v: mean %.1f, median %.2f minutes; want %v and %v", test.law, mean, median, test.mean, test.median)
		}
	}
}

// A seed draws the same lengths on every machine: these figures are part of
// what a seed means.
func TestLawsAreFixed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, test := range []struct {
		law  fault.Law
		want time.Duration
	}{
		{fault.Exponential(time.Hour), 631269063601077},
		{fault.Weibull{K: 0.38, Lambda: time.Hour}, 12288955007902556},
		{fault.Lognormal{Median: time.Hour, Sigma: 2}, 69399733098139133},
		{fault.Pareto{Alpha: 1.5, Beta: time.Hour}, 11231720733298037},
	} {
		var sum time.Duration
		for range 100 {
			sum += test.law.Draw(r) + test.law.Left(r)
		}
		if sum != test.want {
			t.Errorf("%v: the draws add up to %d, want %d", test.law, sum, test.want)
		}
	}
}

func TestLawsAreReadAsTheyAreWritten(t *testing.T) {
	for _, law := range []fault.Law{
		fault.Exponential(90 * time.Minute), fault.Constant(time.Millisecond), fault.Weibull{K: 0.38, Lambda: time.Hour},
		fault.Lognormal{Median: time.Second, Sigma: 2.25}, fault.Pareto{Alpha: 0.83, Beta: 26 * time.Minute},
	} {
		text := fmt.Sprint(law)
		for _, text := range []string{text, strings.ToLower(text), " " + strings.ReplaceAll(text, ", ", " ,  ")} {
			if got, err := fault.ParseLaw(text); err != nil || !reflect.DeepEqual(got, law) {
				t.Errorf("%q is read as %v, error %v", text, got, err)
			}
		}
	}
}

func TestWrongLawsAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                      `law "": want exponential(MEAN)`,
		"exponential":           `want exponential(MEAN)`,
		"gauss(1h)":             `no law "gauss"; there are exponential(MEAN)`,
		"weibull(0.5)":          `want weibull(K, LAMBDA)`,
		"weibull(1h, 0.5)":      `"1h" is no number: want weibull(K, LAMBDA)`,
		"exponential(60)":       `"60" is no time: want exponential(MEAN), a time being written like 1h30m`,
		"exponential(0s)":       `want a time above 0`,
		"weibull(NaN, 1h)":      `want numbers from 0.05 to 100`,
		"pareto(-1, 1h)":        `want numbers from 0.05 to 100`,
		"trace(testdata/no)":    `no such file`,
		"lognormal(1h, 1, 2)":   `want lognormal(MEDIAN, SIGMA)`,
		"exponential(1h) extra": `want exponential(MEAN)`,
	} {
		if _, err := fault.ParseLaw(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want in it %q", text, err, want)
		}
	}
}

func TestLawFlag(t *testing.T) {
	var session fault.LawFlag
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Var(&session, "session", "how long nodes stay")
	if err := fs.Parse([]string{"-session", "weibull(0.38, 42m)"}); err != nil || session.Law != (fault.Weibull{K: 0.38, Lambda: 42 * time.Minute}) {
		t.Errorf("read as %v, error %v", session.Law, err)
	}
	if got := fs.Lookup("session").Value.String(); got != "Weibull(0.38, 42m0s)" {
		t.Errorf("written as %q", got)
	}
	if err := fs.Parse([]string{"-session", "an hour"}); err == nil {
		t.Error("an hour was accepted for a law")
	}
	fs.PrintDefaults() // asks a LawFlag without a law for its text
}
