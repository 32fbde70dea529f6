package pastry

import (
	"math/bits"

	"peerbed/protocols/ring"
)

// A space is the circle of ids, read as digits of b bits, the highest first. Of
// m bits that b does not divide the last digit has what is left.
type space struct {
	ring.Bits
	b uint8
}

// rows counts the digits of an id.
func (s space) rows() int { return (int(s.Bits) + int(s.b) - 1) / int(s.b) }

// shared counts the leading digits that two ids have in common.
func (s space) shared(x, y ring.ID) int {
	same := bits.LeadingZeros64(uint64(x^y)<<(64-s.Bits) | 1)
	return min(same, int(s.Bits)) / int(s.b)
}

// digit returns digit i of an id.
func (s space) digit(x ring.ID, i int) int {
	from := int(s.Bits) - i*int(s.b) // bits that are left at digit i
	width := min(from, int(s.b))
	return int(x>>(from-width)) & (1<<width - 1)
}

// apart is how far two ids are from each other, the shorter way.
func (s space) apart(x, y ring.ID) ring.ID { return min(s.Distance(x, y), s.Distance(y, x)) }

// closer reports whether x is numerically closer to a key than y. Of two that are
// as close, the one clockwise of the key is; so of two ids one always is.
func (s space) closer(key, x, y ring.ID) bool {
	dx, dy := s.apart(key, x), s.apart(key, y)
	if dx != dy {
		return dx < dy
	}
	return s.Distance(key, x) < s.Distance(key, y)
}
