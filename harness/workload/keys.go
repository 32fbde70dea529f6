package workload

import (
	"fmt"
	"math/rand/v2"
	"sort"

	"peerbed/harness/internal/exact"
)

// Keys says which of n files is asked for; 0 is the most popular.
type Keys interface {
	// Chooser prepares draws among n files, n at least 1.
	Chooser(n int) func(r *rand.Rand) int
}

// Uniform asks for all files alike.
type Uniform struct{}

// Chooser implements Keys.
func (Uniform) Chooser(n int) func(*rand.Rand) int {
	return func(r *rand.Rand) int { return r.IntN(n) }
}

// Zipf asks for the k-th most popular file in proportion to 1/k^s, s being its
// value: about 1 in most measurements of file sharing, less where caches or
// users that fetch a file only once flatten the head. Any s from 0 (all alike)
// to 20 will do.
type Zipf float64

// most is the weight of the most popular file: so many that with s = 1 the
// rarest of a million still has its share to within a millionth, and that the
// sum of all fits 64 bits.
const most = 1 << 40

// Chooser implements Keys. The weights are whole numbers, so that every
// machine draws the same.
func (s Zipf) Chooser(n int) func(*rand.Rand) int {
	sums := make([]uint64, n) // sums[k]: the weights up to k
	total := uint64(0)
	for k := range sums {
		total += uint64(most * exact.Pow(float64(k+1), -float64(s)))
		sums[k] = total
	}
	return func(r *rand.Rand) int {
		at := r.Uint64N(total)
		return sort.Search(n, func(k int) bool { return sums[k] > at })
	}
}

// String writes the distribution as the Go value that it is.
func (s Zipf) String() string { return fmt.Sprintf("Zipf(%v)", float64(s)) }

// Check reports an exponent that makes no sense.
func (s Zipf) Check() error {
	if !(s >= 0 && s <= 20) { // also NaN
		return fmt.Errorf("%v: want an exponent from 0 to 20", s)
	}
	return nil
}

// chosen returns the keys to use, nil standing for Uniform, and what is wrong
// with them.
func chosen(k Keys) (Keys, error) {
	if k == nil {
		return Uniform{}, nil
	}
	if c, ok := k.(interface{ Check() error }); ok {
		return k, c.Check()
	}
	return k, nil
}
