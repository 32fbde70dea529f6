package sim

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// What comes out is in the order of time, and of adding within one time, as
// from a sorted list: for times that lie close together, and for some that lie
// years apart.
func TestQueue(t *testing.T) {
	for _, spread := range []time.Duration{50, time.Millisecond, time.Minute, 1 << 60} {
		testQueue(t, spread)
	}
}

func testQueue(t *testing.T, spread time.Duration) {
	r := rand.New(rand.NewPCG(1, 1))
	var q queue
	var list []event
	now := time.Duration(0)
	for n := range uint32(20_000) {
		far := spread >> r.IntN(8)
		if n > 10_000 {
			far = min(far, 1<<40)
		}
		if e := (event{at: now + time.Duration(r.Int64N(int64(far)+1)), n: n}); r.IntN(5) < 3 && e.at >= 0 {
			q.push(e)
			i, _ := slices.BinarySearchFunc(list, e.at+1, func(x event, at time.Duration) int { return cmp.Compare(x.at, at) })
			list = slices.Insert(list, i, e)
			continue
		}
		if end := now + time.Duration(r.Int64N(int64(far)+1)); end >= now && (len(list) == 0 || list[0].at > end) {
			if q.due(end) {
				t.Fatalf("an event is due by %v, but the first is at %v", end, list[0].at)
			}
			now = end
			continue
		}
		if len(list) == 0 {
			continue
		}
		if !q.due(list[0].at) {
			t.Fatalf("event %d is not due at %v", list[0].n, list[0].at)
		}
		e := q.pop()
		if e != list[0] {
			t.Fatalf("event %d at %v comes out, want %d at %v", e.n, e.at, list[0].n, list[0].at)
		}
		now, list = e.at, list[1:]
	}
	if q.size != len(list) || len(list) == 0 {
		t.Errorf("%d are left, want %d", q.size, len(list))
	}
}
