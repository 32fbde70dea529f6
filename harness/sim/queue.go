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
	heap   []event
	blocks []*[block]job // jobs never move: each is done where it lies
	free   []uint32
	seq    uint64
}

// block is how many jobs take their memory at once.
const block = 256

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
	if len(q.free) == 0 {
		q.grow()
	}
	last := len(q.free) - 1
	place := q.free[last]
	q.free = q.free[:last]
	*q.job(place) = j
	return place
}

func (q *queue) job(place uint32) *job { return &q.blocks[place/block][place%block] }

func (q *queue) grow() {
	for i := range uint32(block) {
		q.free = append(q.free, uint32(len(q.blocks)+1)*block-1-i)
	}
	q.blocks = append(q.blocks, new([block]job))
}

// next is when the first event is due. The queue must not be empty.
func (q *queue) next() time.Duration { return q.heap[0].at }

// pop takes the first event out. Its job lies where it is until done.
func (q *queue) pop() event {
	first := q.heap[0]
	last := len(q.heap) - 1
	e := q.heap[last]
	q.heap = q.heap[:last]
	if last > 0 {
		q.sink(e)
	}
	return first
}

// done gives the place of an event's job to the next.
func (q *queue) done(e event) {
	j := q.job(e.job)
	j.m, j.f, j.end, j.proof, j.wish = nil, nil, nil, nil, nil // for the garbage collector
	q.free = append(q.free, e.job)
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
