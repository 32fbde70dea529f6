package fault

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"peerbed/harness/internal/exact"
	"peerbed/protocols/linkmodel"
)

// A Law is a distribution of times: how long nodes stay, how long they are
// away. All draws come out the same on every machine. ParseLaw reads what
// String writes.
type Law interface {
	// Draw draws one length.
	Draw(r *rand.Rand) time.Duration
	// Left draws how much is left, at a moment that has nothing to do with it,
	// of a length that is under way then. Long ones are more likely to be met
	// (a length is under way in proportion to itself), and the moment is
	// anywhere within: the equilibrium residual law, with density
	// P(Draw > x) / Mean.
	Left(r *rand.Rand) time.Duration
	// Mean is the mean length, or Forever if there is none.
	Mean() time.Duration
	// Quantile is the length that a share p of all do not exceed. With p = 0.5
	// it is the median, which for real sessions is far below the mean: always
	// say which.
	Quantile(p float64) time.Duration
	// Check reports what makes no sense in the parameters.
	Check() error
}

// Forever is longer than any run: about 73 years. No draw exceeds it.
const Forever = time.Duration(1 << 61)

// length makes a time of a number of nanoseconds.
func length(ns float64) time.Duration {
	if !(ns < float64(Forever)) {
		return Forever
	}
	return time.Duration(ns)
}

// times is d times x.
func times(d time.Duration, x float64) time.Duration { return length(float64(d) * x) }

// within returns a moment within d: a uniform share of it.
func within(d time.Duration, r *rand.Rand) time.Duration { return times(d, r.Float64()) }

// positive reports what is wrong with the parameters of a law: numbers that
// must lie from 0.05 to 100, and a time.
func positive(law Law, d time.Duration, numbers ...float64) error {
	for _, v := range numbers {
		if !(v >= 0.05 && v <= 100) { // also NaN
			return fmt.Errorf("%v: want numbers from 0.05 to 100", law)
		}
	}
	if d <= 0 || d > Forever {
		return fmt.Errorf("%v: want a time above 0", law)
	}
	return nil
}

// Exponential has the given mean and no memory: the usual model of churn. What
// is left of a session that is under way is as long as a new one.
type Exponential time.Duration

// Draw implements Law.
func (m Exponential) Draw(r *rand.Rand) time.Duration { return linkmodel.Exp(time.Duration(m), r) }

// Left implements Law.
func (m Exponential) Left(r *rand.Rand) time.Duration { return m.Draw(r) }

// Mean implements Law.
func (m Exponential) Mean() time.Duration { return time.Duration(m) }

// Quantile implements Law.
func (m Exponential) Quantile(p float64) time.Duration {
	return times(time.Duration(m), -math.Log1p(-p))
}

// Check implements Law.
func (m Exponential) Check() error { return positive(m, time.Duration(m)) }

// String writes the law as the Go value that it is.
func (m Exponential) String() string { return fmt.Sprintf("Exponential(%v)", time.Duration(m)) }

// Constant is always the same.
type Constant time.Duration

// Draw implements Law.
func (d Constant) Draw(*rand.Rand) time.Duration { return time.Duration(d) }

// Left implements Law.
func (d Constant) Left(r *rand.Rand) time.Duration { return within(time.Duration(d), r) }

// Mean implements Law.
func (d Constant) Mean() time.Duration { return time.Duration(d) }

// Quantile implements Law.
func (d Constant) Quantile(float64) time.Duration { return time.Duration(d) }

// Check implements Law.
func (d Constant) Check() error { return positive(d, time.Duration(d)) }

// String writes the law as the Go value that it is.
func (d Constant) String() string { return fmt.Sprintf("Constant(%v)", time.Duration(d)) }

// Weibull is the law that fits measured sessions: P(X > x) =
// exp(-(x/Lambda)^K). Stutzbach and Rejaie (IMC 2006) found for BitTorrent K
// of .38, .34 and .59 with Lambda of 42.4, 21.3 and 41.9 minutes. Below 1, the
// longer a node has stayed the longer it will stay.
type Weibull struct {
	K      float64
	Lambda time.Duration
}

// Draw implements Law: a power of an exponential variable.
func (w Weibull) Draw(r *rand.Rand) time.Duration {
	return times(w.Lambda, exact.Pow(exact.Exponential(r), 1/w.K))
}

// Left implements Law. The K-th power of a session that is met under way, in
// units of Lambda, has a gamma law of shape 1 + 1/K.
func (w Weibull) Left(r *rand.Rand) time.Duration {
	return within(times(w.Lambda, exact.Pow(exact.Gamma(1+1/w.K, r), 1/w.K)), r)
}

// Mean implements Law.
func (w Weibull) Mean() time.Duration { return times(w.Lambda, math.Gamma(1+1/w.K)) }

// Quantile implements Law.
func (w Weibull) Quantile(p float64) time.Duration {
	return times(w.Lambda, math.Pow(-math.Log1p(-p), 1/w.K))
}

// Check implements Law.
func (w Weibull) Check() error { return positive(w, w.Lambda, w.K) }

// String writes the law as ParseLaw reads it.
func (w Weibull) String() string { return fmt.Sprintf("Weibull(%v, %v)", w.K, w.Lambda) }

// Lognormal has a normal logarithm: of mean log Median and deviation Sigma.
type Lognormal struct {
	Median time.Duration
	Sigma  float64
}

// Draw implements Law.
func (l Lognormal) Draw(r *rand.Rand) time.Duration {
	return times(l.Median, exact.Exp(l.Sigma*exact.Normal(r)))
}

// Left implements Law. A session that is met under way is lognormal too, with
// the median moved by Sigma squared.
func (l Lognormal) Left(r *rand.Rand) time.Duration {
	shift := float64(l.Sigma * l.Sigma)
	return within(times(l.Median, exact.Exp(shift+float64(l.Sigma*exact.Normal(r)))), r)
}

// Mean implements Law.
func (l Lognormal) Mean() time.Duration { return times(l.Median, math.Exp(l.Sigma*l.Sigma/2)) }

// Quantile implements Law.
func (l Lognormal) Quantile(p float64) time.Duration {
	return times(l.Median, math.Exp(l.Sigma*math.Sqrt2*math.Erfinv(2*p-1)))
}

// Check implements Law.
func (l Lognormal) Check() error { return positive(l, l.Median, l.Sigma) }

// String writes the law as ParseLaw reads it.
func (l Lognormal) String() string { return fmt.Sprintf("Lognormal(%v, %v)", l.Median, l.Sigma) }

// Pareto has the heaviest tail: P(X > x) = (Beta/x)^Alpha from Beta on. With
// Alpha at most 1 it has no mean, so that there is no stationary state to begin
// from (see Churn.Fresh).
type Pareto struct {
	Alpha float64
	Beta  time.Duration // the shortest
}

// Draw implements Law: the exponential of an exponential variable.
func (p Pareto) Draw(r *rand.Rand) time.Duration {
	return times(p.Beta, exact.Exp(exact.Exponential(r)/p.Alpha))
}

// Left implements Law. A session that is met under way is Pareto too, with
// Alpha less by 1; without a mean it never ends.
func (p Pareto) Left(r *rand.Rand) time.Duration {
	if p.Alpha <= 1 {
		return Forever
	}
	return within(times(p.Beta, exact.Exp(exact.Exponential(r)/(p.Alpha-1))), r)
}

// Mean implements Law.
func (p Pareto) Mean() time.Duration {
	if p.Alpha <= 1 {
		return Forever
	}
	return times(p.Beta, p.Alpha/(p.Alpha-1))
}

// Quantile implements Law.
func (p Pareto) Quantile(q float64) time.Duration {
	return times(p.Beta, math.Pow(1-q, -1/p.Alpha))
}

// Check implements Law.
func (p Pareto) Check() error { return positive(p, p.Beta, p.Alpha) }

// String writes the law as ParseLaw reads it.
func (p Pareto) String() string { return fmt.Sprintf("Pareto(%v, %v)", p.Alpha, p.Beta) }
