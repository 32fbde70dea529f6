// Package ring is arithmetic on a circle of identifiers, for overlays that
// place nodes and keys on one: 2^m points, m at most 64, counted clockwise.
//
// An id is the leading m bits of a SHA-1 (the papers call it truncation). What
// is hashed is text, so that a shell can check it:
//
//	printf 10.0.0.1:7000 | sha1sum    # a node: its IP address, a colon, its port
//	printf song.mp3 | sha1sum         # a file: its name
package ring

import (
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"

	"peerbed/protocols/p2p"
)

// An ID is a point of a circle. Points of a circle of m bits are below 2^m.
type ID uint64

// Bits is the m of a circle with 2^m points, 1 to 64. All arithmetic is its
// method, because an ID alone does not know where the circle closes.
type Bits uint8

// Max is the largest point of the circle, 2^m - 1.
func (m Bits) Max() ID { return ^ID(0) >> (64 - m) }

// Hash places a text on the circle: a file by its name.
func (m Bits) Hash(text string) ID {
	sum := sha1.Sum([]byte(text))
	return ID(binary.BigEndian.Uint64(sum[:]) >> (64 - m))
}

// Addr places a node on the circle, by the text of its address.
func (m Bits) Addr(a p2p.Addr) ID { return m.Hash(a.String()) }

// Add returns the point d steps clockwise of x.
func (m Bits) Add(x, d ID) ID { return (x + d) & m.Max() }

// Power returns the point 2^k steps clockwise of x: where row k of x's finger
// table begins.
func (m Bits) Power(x ID, k int) ID { return m.Add(x, 1<<k) }

// Distance counts the steps clockwise from a to b.
func (m Bits) Distance(a, b ID) ID { return (b - a) & m.Max() }

// Row returns the k with 2^k <= Distance(a, b) < 2^(k+1): the last row of a's
// finger table that b may fill. It is -1 where a is b.
func (m Bits) Row(a, b ID) int { return bits.Len64(uint64(m.Distance(a, b))) - 1 }

// Between reports whether x lies clockwise between a and b, both ends left
// out. From a point to itself is once around: all points but that one are
// between, so that a node that is its own successor takes any other instead.
func (m Bits) Between(x, a, b ID) bool {
	return m.before(a, x) < m.before(a, b)
}

// UpTo reports whether x lies clockwise between a and b, a left out and b
// taken in: whether a node b whose predecessor is a owns the key x. From a
// point to itself is the whole circle: who is alone owns all keys.
func (m Bits) UpTo(x, a, b ID) bool {
	return m.before(a, x) <= m.before(a, b)
}

// before counts the points clockwise between a and x: 2^m - 1 where x is a.
func (m Bits) before(a, x ID) ID { return (x - a - 1) & m.Max() }

// Text writes a point the way it is spoken of: in decimal on a small circle
// (up to 16 bits, as in lectures), else in hex with leading zeros, so that
// texts sort like points.
func (m Bits) Text(x ID) string {
	if m <= 16 {
		return strconv.FormatUint(uint64(x), 10)
	}
	return fmt.Sprintf("%0*x", (int(m)+3)/4, uint64(x))
}

// firstPort is where Port begins to look: above the ports of common services.
const firstPort = 7000

// Port finds a port that places a node with the given IP address at the point
// want, so that a ring drawn in a book can be built of real nodes. It fails
// where none does: the wider the circle, the more often (with 7 bits next to
// never, with 16 two times in five).
func (m Bits) Port(ip uint32, want ID) (port uint16, ok bool) {
	for p := firstPort; p < 1<<16; p++ {
		if m.Addr(p2p.MakeAddr(ip, uint16(p))) == want {
			return uint16(p), true
		}
	}
	return 0, false
}

// Name finds a file name that lies at the point want, for the same purpose:
// the first of stem-0, stem-1, and so on. It is for small circles: it tries
// 2^m names on average. A point off the circle, which no name can have, is a
// broken invariant.
func (m Bits) Name(stem string, want ID) string {
	if want > m.Max() {
		panic(fmt.Sprintf("ring: no name lies at %d on a circle of %d bits", want, m))
	}
	for i := 0; ; i++ {
		if name := stem + "-" + strconv.Itoa(i); m.Hash(name) == want {
			return name
		}
	}
}
