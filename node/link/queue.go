package link

import (
	"sync"

	"peerbed/protocols/p2p"
)

// The marks of a Queue, in bytes, Content included. Above High the stream is
// full, at Low it has drained. Low is more than the longest Content, so that one
// is on its way while the next is asked for, and a line with a delay is not idle
// between two. Beyond Most the Node has not held back, and the stream ends with
// p2p.ErrOverrun.
const (
	High = 512 << 10
	Low  = 384 << 10
	Most = 16 << 20
)

// A Queue is what waits to be sent on one stream: bytes and descriptions of
// Content. The loop fills it, also before the stream stands, and the writer
// empties it.
type Queue struct {
	drained func() // called on the writer's goroutine

	mu      sync.Mutex
	more    sync.Cond
	b       []byte
	pieces  []piece
	spare   []byte  // the writer's last b and pieces, to be filled again
	old     []piece //
	waiting int     // bytes that were counted and are not yet written
	asked   bool    // drained is to be called at Low
	paused  bool
	closing bool
	dead    bool
}

// A piece is n bytes of the queue's b, and the Content that follows them.
type piece struct {
	n int
	c p2p.Content
}

// NewQueue returns an empty queue. drained is called each time the queue falls
// to Low after Full said true.
func NewQueue(drained func()) *Queue {
	q := &Queue{drained: drained}
	q.more.L = &q.mu
	return q
}

// Count adds n bytes that are on their way to Put, and returns how many wait.
// (What the link model delays is counted long before it is put.)
func (q *Queue) Count(n int) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting += n
	return q.waiting
}

// Put appends bytes, which are copied, and the Content that follows them.
func (q *Queue) Put(b []byte, c p2p.Content) {
	q.mu.Lock()
	q.b = append(q.b, b...)
	if last := len(q.pieces) - 1; last >= 0 && q.pieces[last].c.Len == 0 {
		q.pieces[last].n += len(b)
		q.pieces[last].c = c
	} else {
		q.pieces = append(q.pieces, piece{len(b), c})
	}
	q.mu.Unlock()
	q.more.Signal()
}

// Full reports whether more than High waits. If so, drained will be called.
func (q *Queue) Full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	full := q.waiting > High
	q.asked = q.asked || full
	return full
}

// Pause stops the writer before its next write, or lets it go on.
func (q *Queue) Pause(on bool) {
	q.mu.Lock()
	q.paused = on
	q.mu.Unlock()
	q.more.Signal()
}

// Close lets the writer end once all has gone.
func (q *Queue) Close() {
	q.mu.Lock()
	q.closing = true
	q.mu.Unlock()
	q.more.Signal()
}

// kill lets the writer end at once.
func (q *Queue) kill() {
	q.mu.Lock()
	q.dead = true
	q.mu.Unlock()
	q.more.Signal()
}

// keptSpare is the most memory that an empty queue keeps, in bytes.
const keptSpare = 16 << 10

// take gives the writer all there is, or waits. ok is false at the end. What it
// returns is the writer's until the next call.
func (q *Queue) take() (b []byte, pieces []piece, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if cap(q.spare) > keptSpare {
		q.spare = nil
	}
	for !q.dead && (q.paused || len(q.pieces) == 0) {
		if q.closing && !q.paused {
			return nil, nil, false
		}
		q.more.Wait()
	}
	if q.dead {
		return nil, nil, false
	}
	b, pieces = q.b, q.pieces
	q.b, q.pieces = q.spare[:0], q.old[:0]
	q.spare, q.old = b, pieces
	return b, pieces, true
}

// idle reports whether the writer would have to wait.
func (q *Queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.pieces) == 0
}

// ready waits while the queue is paused and reports whether it still lives.
func (q *Queue) ready() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.paused && !q.dead {
		q.more.Wait()
	}
	return !q.dead
}

// sent takes n bytes off the count.
func (q *Queue) sent(n int) {
	q.mu.Lock()
	q.waiting -= n
	call := q.asked && q.waiting <= Low
	if call {
		q.asked = false
	}
	q.mu.Unlock()
	if call {
		q.drained()
	}
}
