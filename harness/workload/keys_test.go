package workload_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"peerbed/harness/workload"
)

// chiSquare sums up how far counts are from what is expected of them, files
// that are expected less than five times being taken together, and returns what
// one true sample in a thousand exceeds (by Wilson and Hilferty's approximation).
func chiSquare(count []int, share func(k int) float64, draws int) (x, bound float64) {
	df := -1.0
	seen, want := 0.0, 0.0
	for k := range count {
		seen += float64(count[k])
		want += share(k) * float64(draws)
		if want >= 5 || k == len(count)-1 && want > 0 {
			x += (seen - want) * (seen - want) / want
			seen, want = 0, 0
			df++
		}
	}
	c := 2 / (9 * df)
	return x, df * math.Pow(1-c+3.09*math.Sqrt(c), 3)
}

func drawn(keys workload.Keys, n, draws int) []int {
	r := rand.New(rand.NewPCG(1, 2))
	choose := keys.Chooser(n)
	count := make([]int, n)
	for range draws {
		count[choose(r)]++
	}
	return count
}

// zipf is the share of the k-th of n files, from 0.
func zipf(s float64, n int) func(int) float64 {
	sum := 0.0
	for k := range n {
		sum += math.Pow(float64(k+1), -s)
	}
	return func(k int) float64 { return math.Pow(float64(k+1), -s) / sum }
}

// "in proportion to 1/k^s", for any s from 0 on.
func TestZipfShares(t *testing.T) {
	const draws = 200_000
	for _, s := range []float64{0, 0.4, 0.8, 1, 1.1, 2, 7} {
		for _, n := range []int{2, 126, 5000} {
			x, bound := chiSquare(drawn(workload.Zipf(s), n, draws), zipf(s, n), draws)
			if x > bound {
				t.Errorf("Zipf(%v) of %d files: chi-square %.1f, want %.1f at most", s, n, x, bound)
			}
		}
	}
	x, bound := chiSquare(drawn(workload.Uniform{}, 126, draws), zipf(0, 126), draws)
	if x > bound {
		t.Errorf("uniform: chi-square %.1f, want %.1f at most", x, bound)
	}
	if x, bound := chiSquare(drawn(workload.Zipf(1), 126, draws), zipf(1.05, 126), draws); x < bound {
		t.Errorf("Zipf(1) passes for Zipf(1.05): chi-square %.1f, bound %.1f", x, bound)
	}
}

// A seed asks for the same files on every machine.
func TestZipfIsFixed(t *testing.T) {
	h := 0
	for k, n := range drawn(workload.Zipf(0.8), 1000, 10000) {
		h += (k + 1) * n
	}
	if want := 2158267; h != want {
		t.Errorf("the ranks drawn add up to %d, want %d", h, want)
	}
}
