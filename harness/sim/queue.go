package sim

import "time"

// An event says that job is due. It holds no pointers, so that a queue of a
// million of them is nothing to the garbage collector.
type event struct {
	at  time.Duration
	seq uint64 // order among the events of one time
	job uint32 // place in the queue's jobs
}

func (e event) before(f event) bool {
	return e.at < f.at || e.at == f.at && e.seq < f.seq
}

// A queue holds the jobs that are to come: a heap of events with four children
// each, which is half as deep as one with two and keeps siblings in one cache
// line. The zero queue is empty.
type queue struct {
	heap []event
	jobs []job
	free []uint32
	seq  uint64
}

func (q *queue) len() int { return len(q.heap) }

// push adds a job and returns the number of its event.
func (q *queue) push(at time.Duration, j job) uint64 {
	q.seq++
	e := event{at, q.seq, q.store(j)}
	q.heap = append(q.heap, e)
	i := len(q.heap) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !e.before(q.heap[up]) {
			break
		}
		q.heap[i] = q.heap[up]
		i = up
	}
	q.heap[i] = e
	return e.seq
}

func (q *queue) store(j job) uint32 {
	if n := len(q.free); n > 0 {
		place := q.free[n-1]
		q.free = q.free[:n-1]
		q.jobs[place] = j
		return place
	}
	q.jobs = append(q.jobs, j)
	return uint32(len(q.jobs) - 1)
}

// next is when the first event is due. The queue must not be empty.
func (q *queue) next() time.Duration { return q.heap[0].at }

// pop takes the first event and its job out.
func (q *queue) pop() (event, job) {
	first := q.heap[0]
	last := len(q.heap) - 1
	e := q.heap[last]
	q.heap = q.heap[:last]
	if last > 0 {
		q.sink(e)
	}
	j := q.jobs[first.job]
	q.jobs[first.job] = job{}
	q.free = append(q.free, first.job)
	return first, j
}

// sink puts e, which belongs to the end of the heap, in place of its top.
func (q *queue) sink(e event) {
	i := 0
	for {
		child := 4*i + 1
		if child >= len(q.heap) {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, len(q.heap)); c++ {
			if q.heap[c].before(q.heap[least]) {
				least = c
			}
		}
		if !q.heap[least].before(e) {
			break
		}
		q.heap[i] = q.heap[least]
		i = least
	}
	q.heap[i] = e
}
