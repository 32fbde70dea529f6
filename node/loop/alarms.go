package loop

import (
	"container/heap"
	"math"
	"time"

	"peerbed/protocols/p2p"
)

// Alarms are what is due at some time, the earliest first; what is due at the
// same time comes in the order in which it was set.
type alarms[T any] struct {
	heap alarmHeap[T]
	n    uint32
}

type alarm[T any] struct {
	at time.Duration
	n  uint32
	do T
}

func (a *alarms[T]) add(at time.Duration, do T) p2p.Timer {
	if a.n++; a.n == 0 { // wrapped: 0 names no timer
		a.n = 1
	}
	heap.Push(&a.heap, alarm[T]{at, a.n, do})
	return p2p.Timer{At: at, N: a.n}
}

// stop looks through all of them: a node has few timers, and most fire.
func (a *alarms[T]) stop(t p2p.Timer) {
	for i := range a.heap {
		if a.heap[i].n == t.N && a.heap[i].at == t.At {
			heap.Remove(&a.heap, i)
			return
		}
	}
}

// due takes the first alarm whose time has come.
func (a *alarms[T]) due(now time.Duration) (first alarm[T], ok bool) {
	if len(a.heap) == 0 || a.heap[0].at > now {
		return first, false
	}
	return heap.Pop(&a.heap).(alarm[T]), true
}

// earlier returns the time of the first alarm if it is before at, else at.
func (a *alarms[T]) earlier(at time.Duration) time.Duration {
	if len(a.heap) > 0 {
		return min(at, a.heap[0].at)
	}
	return at
}

type alarmHeap[T any] []alarm[T]

func (h alarmHeap[T]) Len() int      { return len(h) }
func (h alarmHeap[T]) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h alarmHeap[T]) Less(i, j int) bool {
	if h[i].at != h[j].at {
		return h[i].at < h[j].at
	}
	return int32(h[i].n-h[j].n) < 0
}
func (h *alarmHeap[T]) Push(x any) { *h = append(*h, x.(alarm[T])) }
func (h *alarmHeap[T]) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = alarm[T]{}
	*h = old[:len(old)-1]
	return last
}

// never is later than any alarm.
const never = time.Duration(math.MaxInt64)

// due is until when the loop may sleep; the past if something is due.
func (l *Loop) due() time.Duration { return l.timers.earlier(l.chores.earlier(never)) }

// fire runs what is due now. What that sets for now waits for the next round,
// so that the mailbox gets its turn.
func (l *Loop) fire() {
	l.runChores()
	now := l.now()
	for !l.stopped {
		a, ok := l.timers.due(now)
		if !ok {
			return
		}
		l.lag = max(l.lag, now-a.at)
		l.lags.Add(now - a.at)
		l.tell(l.node, p2p.Peer{}, a.do)
	}
}

func (l *Loop) runChores() {
	now := l.now()
	for {
		a, ok := l.chores.due(now)
		if !ok {
			return
		}
		l.lags.Add(now - a.at)
		a.do()
	}
}

// later runs f on the loop after d.
func (l *Loop) later(d time.Duration, f func()) { l.chores.add(l.now()+d, f) }
