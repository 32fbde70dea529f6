package exact_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"peerbed/harness/internal/exact"
)

func stream() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func TestFunctionsAgreeWithMath(t *testing.T) {
	r := stream()
	near := func(name string, x, got, want float64) {
		if math.Abs(got-want) > 1e-13*max(1, math.Abs(want)) {
			t.Errorf("%s(%v): %v, want %v", name, x, got, want)
		}
	}
	for range 10000 {
		x := 80 * (r.Float64() - 0.5)
		near("Exp", x, exact.Exp(x)/math.Exp(x), 1)
		y := math.Exp(x)
		near("Log", y, exact.Log(y), math.Log(y))
		near("Pow", y, exact.Pow(y, 0.3)/math.Pow(y, 0.3), 1)
	}
	for _, x := range []float64{0, 1, -1, 700, -700} {
		near("Exp", x, exact.Exp(x)/math.Exp(x), 1)
	}
	if exact.Exp(1000) != math.Inf(1) || exact.Exp(-1000) != 0 || exact.Log(1) != 0 || exact.Exp(0) != 1 {
		t.Error("the ends of the range are wrong")
	}
}

// The first moments of each draw, within five standard errors.
func TestMoments(t *testing.T) {
	const n = 200_000
	for _, test := range []struct {
		name           string
		draw           func(*rand.Rand) float64
		mean, variance float64
	}{
		{"Exponential", exact.Exponential, 1, 1},
		{"Normal", exact.Normal, 0, 1},
		{"Gamma(1)", func(r *rand.Rand) float64 { return exact.Gamma(1, r) }, 1, 1},
		{"Gamma(3.6)", func(r *rand.Rand) float64 { return exact.Gamma(3.6, r) }, 3.6, 3.6},
	} {
		r := stream()
		var sum, squares float64
		for range n {
			x := test.draw(r)
			sum += x
			squares += x * x
		}
		mean := sum / n
		variance := squares/n - mean*mean
		if math.Abs(mean-test.mean) > 5*math.Sqrt(test.variance/n) || math.Abs(variance/test.variance-1) > 0.03 {
			t.Errorf("%s: mean %.4f, variance %.4f; want %v and %v", test.name, mean, variance, test.mean, test.variance)
		}
	}
}

// A seed means the same draws on every machine: these are their bits.
func TestDrawsAreFixed(t *testing.T) {
	r := stream()
	h := uint64(0)
	for range 1000 {
		for _, x := range []float64{exact.Exponential(r), exact.Normal(r), exact.Gamma(2.5, r), exact.Pow(r.Float64()+1, 1.7)} {
			h = h*1099511628211 ^ math.Float64bits(x)
		}
	}
	if want := uint64(0xc62cfaff4f86a8b4); h != want {
		t.Errorf("the draws hash to %#x, want %#x", h, want)
	}
}
