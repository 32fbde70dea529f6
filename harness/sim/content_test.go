package sim

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// spans against a slow twin: a slice with the number of every byte.
func TestSpans(t *testing.T) {
	const size = 200
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var s spans
		var twin []uint64
		for range 40 {
			off, n := r.Int64N(size), r.Int64N(size/4)
			origin := uint64(off) + 1000*uint64(1+r.IntN(2)) // so that neighbours join
			if r.IntN(4) == 0 {
				origin = 0
			}
			s = s.put(off, spans{}.add(span{n: n, origin: origin}))
			for int64(len(twin)) < off+n || int64(len(twin)) < off {
				twin = append(twin, 0)
			}
			for i := range n {
				twin[off+i] = 0
				if origin != 0 {
					twin[off+i] = origin + uint64(i)
				}
			}
			low := r.Int64N(int64(len(twin)) + 1)
			high := low + r.Int64N(int64(len(twin))-low+1)
			check(t, s, twin)
			check(t, s.cut(low, high), twin[low:high])
		}
	}
}

// check holds s against the numbers of its bytes, and that it is the shortest
// way to write them.
func check(t *testing.T, s spans, twin []uint64) {
	t.Helper()
	var got []uint64
	for i, p := range s {
		if p.n <= 0 || i > 0 && s[i-1].joins(p) || i > 0 && s[i-1].end() != p.off {
			t.Fatalf("%+v is not in its shortest form", s)
		}
		for k := range p.n {
			if p.origin == 0 {
				got = append(got, 0)
			} else {
				got = append(got, p.origin+uint64(k))
			}
		}
	}
	if !slices.Equal(got, twin) {
		t.Fatalf("%+v stands for\n%v, want\n%v", s, got, twin)
	}
}
