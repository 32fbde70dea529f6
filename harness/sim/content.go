package sim

import (
	"cmp"
	"encoding/binary"
	"hash"
	"slices"

	"peerbed/protocols/p2p"
)

// A span is the bytes at off to off+n of a blob: those numbered from origin on.
// Origin 0 stands for zero bytes, wherever they are.
type span struct {
	off    int64
	n      int64
	origin uint64
}

func (s span) end() int64 { return s.off + s.n }

// from returns the part of s between two offsets of the blob.
func (s span) clip(low, high int64) span {
	low, high = max(low, s.off), min(high, s.end())
	if s.origin != 0 {
		s.origin += uint64(low - s.off)
	}
	s.off, s.n = low, max(high-low, 0)
	return s
}

// joins reports whether t goes on where s ends, so that both are one span.
func (s span) joins(t span) bool {
	if s.end() != t.off {
		return false
	}
	if s.origin == 0 || t.origin == 0 {
		return s.origin == t.origin
	}
	return s.origin+uint64(s.n) == t.origin
}

// spans is a blob, in order and without holes; what joins is joined, so that
// the same bytes are always the same spans.
type spans []span

func (s spans) len() int64 {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1].end()
}

// cut returns what lies between two offsets.
func (s spans) cut(low, high int64) spans {
	first, _ := slices.BinarySearchFunc(s, low, func(p span, low int64) int {
		return cmp.Or(cmp.Compare(p.end(), low), -1) // the first that ends above low
	})
	var out spans
	for _, p := range s[first:] {
		if p.off >= high {
			break
		}
		if p = p.clip(low, high); p.n > 0 {
			out = append(out, p)
		}
	}
	return out
}

// add appends a span, joined to the last if it joins.
func (s spans) add(p span) spans {
	if last := len(s) - 1; last >= 0 && s[last].joins(p) {
		s[last].n += p.n
		return s
	}
	if p.n == 0 {
		return s
	}
	return append(s, p)
}

// put returns s with the spans of in, from off on, in place of what was there.
// A gap before off is filled with zeros.
func (s spans) put(off int64, in spans) spans {
	if gap := off - s.len(); gap > 0 {
		s = s.add(span{off: s.len(), n: gap})
	}
	end := off + in.len()
	low, _ := slices.BinarySearchFunc(s, off, func(p span, off int64) int { return cmp.Compare(p.end(), off) })
	high := low
	for high < len(s) && s[high].off <= end {
		high++
	}
	var mid spans // what replaces s[low:high]
	for _, p := range s[low:high] {
		if p.off < off {
			mid = mid.add(p.clip(p.off, off))
		}
	}
	for _, p := range in {
		p.off += off
		mid = mid.add(p)
	}
	for _, p := range s[low:high] {
		if p.end() > end {
			mid = mid.add(p.clip(end, p.end()))
		}
	}
	return slices.Replace(s, low, high, mid...)
}

// A maker is what Publish asks a blob to be made of. Its bytes have the numbers
// from first on.
type maker struct {
	size  int64
	seed  uint64
	first uint64
}

// A content gives numbers to all bytes that were ever made.
type content struct {
	makers []maker // in the order of first
	known  map[maker]uint64
	next   uint64
	mixed  []spans           // Contents of more than one span, by number
	given  map[uint64][]byte // those that came from outside, by the number of the first
}

// mixture marks an Origin that stands for a Content of several spans.
const mixture = 1 << 63

func (c *content) init() {
	c.known = map[maker]uint64{}
	c.next = 1
}

// blob returns the content that a size and a seed make.
func (c *content) blob(size int64, seed uint64) spans {
	key := maker{size: size, seed: seed}
	first, ok := c.known[key]
	if !ok {
		first = c.next
		c.known[key] = first
		c.makers = append(c.makers, maker{size, seed, first})
		c.next += uint64(size) + 1 // a gap: what belongs to two makers never joins
	}
	return spans{}.add(span{n: size, origin: first})
}

// wrap returns the Content that stands for s.
func (c *content) wrap(s spans) p2p.Content {
	switch len(s) {
	case 0:
		return p2p.Content{}
	case 1:
		return p2p.Content{Len: int(s[0].n), Origin: s[0].origin}
	}
	base := s[0].off
	own := slices.Clone(s)
	for i := range own {
		own[i].off -= base
	}
	c.mixed = append(c.mixed, own)
	return p2p.Content{Len: int(own.len()), Origin: mixture | uint64(len(c.mixed)-1)}
}

// unwrap returns what a Content stands for, from offset 0 on.
func (c *content) unwrap(p p2p.Content) spans {
	if p.Origin&mixture != 0 {
		return c.mixed[p.Origin&^mixture]
	}
	return spans{}.add(span{n: int64(p.Len), origin: p.Origin})
}

// feed writes to f what identifies the bytes of s: for each span the seed and
// the size of the blob that they were made for, where in it they lie, and how
// many they are.
func (c *content) feed(f hash.Hash, s spans) {
	var b [32]byte
	for _, p := range s {
		m := c.maker(p.origin)
		binary.BigEndian.PutUint64(b[0:], m.seed)
		binary.BigEndian.PutUint64(b[8:], uint64(m.size))
		binary.BigEndian.PutUint64(b[16:], p.origin-m.first)
		binary.BigEndian.PutUint64(b[24:], uint64(p.n))
		f.Write(b[:])
	}
}

// maker returns what the byte of this number was made for; none for 0.
func (c *content) maker(origin uint64) maker {
	i, ok := slices.BinarySearchFunc(c.makers, origin, func(m maker, o uint64) int { return cmp.Compare(m.first, o) })
	if !ok {
		i--
	}
	if i < 0 {
		return maker{}
	}
	return c.makers[i]
}
