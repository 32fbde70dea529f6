// Package exact has the few functions of real numbers that random draws need,
// made so that every machine computes the same bits: a seed then means the same
// schedule everywhere. The ones of package math do not promise that (some
// processors have their own), and a compiler may fuse x*y+z into one rounding
// unless the product is converted explicitly. Here each product that is added
// to something is converted, and the rest is division, square root and the
// handling of exponents, which IEEE 754 fixes to the last bit.
package exact

import (
	"math"
	"math/rand/v2"
	"time"

	"peerbed/protocols/linkmodel"
)

// Log is the natural logarithm of x > 0, to about 1e-15 of its value: of the
// exponent and, by the series of artanh, of the mantissa.
func Log(x float64) float64 {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	s := (m - 1) / (m + 1)
	square := float64(s * s)
	sum := 0.0
	for n := 23; n >= 1; n -= 2 {
		sum = float64(sum*square) + 1/float64(n)
	}
	return float64(float64(e)*math.Ln2) + float64(2*float64(s*sum))
}

// Exp is e to the power of x: its Taylor series about a multiple of ln 2.
func Exp(x float64) float64 {
	if x > 709 {
		return math.Inf(1)
	}
	if x < -745 {
		return 0
	}
	x = float64(x) // the caller's product, which must not melt into what follows
	k := math.Round(x / math.Ln2)
	rest := x - float64(k*math.Ln2)
	sum := 1.0
	for n := 17; n >= 1; n-- {
		sum = 1 + float64(rest*sum)/float64(n)
	}
	return math.Ldexp(sum, int(k))
}

// Pow is x > 0 to the power of y.
func Pow(x, y float64) float64 { return Exp(float64(y * Log(x))) }

// Exponential draws with mean 1; never 0.
func Exponential(r *rand.Rand) float64 {
	const one = 1 << 32
	return (float64(linkmodel.Exp(time.Duration(one), r)) + 0.5) / one
}

// Normal draws with mean 0 and deviation 1, by Marsaglia's polar method (1964).
func Normal(r *rand.Rand) float64 {
	for {
		u, v := 2*r.Float64()-1, 2*r.Float64()-1 // doubling is exact, fused or not
		if s := float64(u*u) + float64(v*v); s > 0 && s < 1 {
			return float64(u * math.Sqrt(float64(-2*Log(s))/s))
		}
	}
}

// Gamma draws with shape a >= 1 and scale 1, by the method of Marsaglia and
// Tsang (2000): the cube of a normal variable, nearly always accepted.
func Gamma(a float64, r *rand.Rand) float64 {
	d := a - 1.0/3
	c := 1 / math.Sqrt(float64(9*d))
	for {
		x := Normal(r)
		root := 1 + float64(c*x)
		if root <= 0 {
			continue
		}
		v := float64(float64(root*root) * root)
		bound := float64(float64(x*x)/2) + d - float64(d*v) + float64(d*Log(v))
		if -Exponential(r) < bound { // ln of a uniform variable
			return float64(d * v)
		}
	}
}
