package bittorrent

import "math/bits"

// A bitset says for every piece whether somebody has it.
type bitset struct {
	n     int
	words []uint64
	count int
}

func newBitset(n int) bitset { return bitset{n: n, words: make([]uint64, (n+63)/64)} }

func (b *bitset) has(i int) bool { return b.words[i>>6]&(1<<(i&63)) != 0 }

// set adds i and reports whether it is new.
func (b *bitset) set(i int) bool {
	if b.has(i) {
		return false
	}
	b.words[i>>6] |= 1 << (i & 63)
	b.count++
	return true
}

func (b *bitset) clear(i int) {
	if b.has(i) {
		b.words[i>>6] &^= 1 << (i & 63)
		b.count--
	}
}

func (b *bitset) full() bool { return b.count == b.n }

// fill sets all.
func (b *bitset) fill() {
	for i := range b.words {
		b.words[i] = ^uint64(0)
	}
	if rest := b.n & 63; rest != 0 {
		b.words[len(b.words)-1] = 1<<rest - 1
	}
	b.count = b.n
}

// lacks reports whether o has something that b lacks.
func (b *bitset) lacks(o *bitset) bool {
	for i, w := range o.words {
		if w&^b.words[i] != 0 {
			return true
		}
	}
	return false
}

// bytes writes b as BEP 3 does: piece 0 is the high bit of the first byte.
func (b *bitset) bytes() []byte {
	out := make([]byte, (b.n+7)/8)
	for i := range out {
		out[i] = bits.Reverse8(byte(b.words[i>>3] >> (i & 7 * 8)))
	}
	return out
}

// parseBits reads what bytes wrote; ok is false if it has another length, or
// bits behind the last piece.
func parseBits(src []byte, n int) (b bitset, ok bool) {
	b = newBitset(n)
	if len(src) != (n+7)/8 {
		return b, false
	}
	for i, c := range src {
		b.words[i>>3] |= uint64(bits.Reverse8(c)) << (i & 7 * 8)
	}
	for _, w := range b.words {
		b.count += bits.OnesCount64(w)
	}
	rest := n & 63
	return b, rest == 0 || b.words[len(b.words)-1]>>rest == 0
}

func trailing(word uint64) int { return bits.TrailingZeros64(word) }
