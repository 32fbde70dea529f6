package sim

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// What comes out is in the order of time, and of adding within one time, as
// from a sorted list.
func TestQueue(t *testing.T) {
	type entry struct {
		at time.Duration
		n  uint32
	}
	r := rand.New(rand.NewPCG(1, 1))
	var q queue
	var list []entry
	now := time.Duration(0)
	for n := range uint32(20_000) {
		if e := (entry{now + time.Duration(r.IntN(50)), n}); r.IntN(5) < 3 {
			q.push(e.at, job{n: e.n})
			i, _ := slices.BinarySearchFunc(list, e.at+1, func(x entry, at time.Duration) int { return cmp.Compare(x.at, at) })
			list = slices.Insert(list, i, e)
			continue
		}
		if len(list) == 0 {
			continue
		}
		e := q.pop()
		j := *q.job(e.job)
		q.done(e)
		if e.at != list[0].at || j.n != list[0].n {
			t.Fatalf("event %d at %v comes out, want %d at %v", j.n, e.at, list[0].n, list[0].at)
		}
		now, list = e.at, list[1:]
	}
	if q.len() != len(list) || len(list) == 0 {
		t.Errorf("%d are left, want %d", q.len(), len(list))
	}
}
