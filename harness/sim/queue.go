package sim

import (
	"math/bits"
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// An event says what is due, and when. It holds no pointers, so that millions
// of them are nothing to the garbage collector, and two share a cache line.
// Which fields count depends on do.
type event struct {
	at    time.Duration
	host  uint32 // where it happens: number of the host, from 1; 0: none
	load  uint32 // place of its load, from 1; 0: none
	life  uint32 // what was meant for an earlier life of host is dropped
	n     uint32 // Timer.N; the conn's epoch; the arrival's number
	cause uint32
	do    task
	tick  p2p.Tick // taskTimer without a load: its message
	land  bool     // taskDatagram: it has come over its host's line
	kind  uint8    // taskDatagram: of its message
}

// A queue holds the events that are to come, in the order of their time, and of
// their coming within one time: a timing wheel of several levels. A slot of the
// lowest level is 2^fine ns wide, one of each further level as wide as all of the
// level below. The lowest level has more of them, so that most messages, which
// take tens of milliseconds, go there at once. An event lies in the lowest level whose slots tell its time from
// that of now; when now comes to a slot of a higher level, its events are dealt
// out to those below. So each is moved once or twice, from one end of a list to
// another, and only the events of the current slot are ever sorted. The zero
// queue is empty.
type queue struct {
	size   int
	slot   time.Duration // when the current slot begins
	ready  []event       // those of the current slot that are left, from head on, in order
	head   int
	looked int // see World.lookAhead
	wheel  [levels]wheel
	loads  loads

	chunks []*chunk
	spare  uint32 // the first chunk that nobody uses; 0: none
}

const (
	fine   = 17 // 131 us: of a hundred thousand nodes that say something every second there are some ten events
	coarse = fine + 11
	fan    = 8
	levels = 1 + (63-coarse+fan-1)/fan
)

// shift returns how many bits of a time say what lies within a slot of a level.
func shift(level int) int {
	if level == 0 {
		return fine
	}
	return coarse + fan*(level-1)
}

// slotOf returns the slot of a level that a time lies in.
func slotOf(at time.Duration, level int) int {
	if level == 0 {
		return int(at>>fine) & (1<<(coarse-fine) - 1)
	}
	return int(at>>shift(level)) & (1<<fan - 1)
}

// A wheel is one level: its slots, and which of them have events.
type wheel struct {
	slots  []list
	filled []uint64
}

// A list is events in the order in which they came, in chunks: filling its end
// and going through it is quick, and what is empty takes no room.
type list struct{ first, last uint32 } // chunks, from 1; 0: it is empty

// A chunk is as large as a block of memory of the allocator's: 1 KiB.
type chunk struct {
	used   uint32
	next   uint32 // from 1
	events [31]event
}

// push adds an event, which is not due before those that have come out.
func (q *queue) push(e event) {
	q.size++
	if l, s := q.place(e.at); l >= 0 {
		q.append(l, s, e)
		return
	}
	i := len(q.ready)
	for i > q.head && q.ready[i-1].at > e.at {
		i--
	}
	q.ready = slices.Insert(q.ready, i, e)
}

// place returns the level and the slot for an event; level -1: the current one.
func (q *queue) place(at time.Duration) (level, slot int) {
	apart := bits.Len64(uint64(at ^ q.slot))
	switch {
	case apart <= fine || at < q.slot:
		return -1, 0
	case apart > coarse:
		level = 1 + (apart-coarse-1)/fan
	}
	return level, slotOf(at, level)
}

func (q *queue) append(level, slot int, e event) {
	w := &q.wheel[level]
	if w.slots == nil {
		n := slotOf(-1, level) + 1
		w.slots, w.filled = make([]list, n), make([]uint64, n/64)
	}
	l := &w.slots[slot]
	if l.first == 0 {
		w.filled[slot/64] |= 1 << (slot % 64)
		l.first = q.chunk()
		l.last = l.first
	}
	c := q.chunks[l.last-1]
	if c.used == uint32(len(c.events)) {
		c.next = q.chunk()
		l.last = c.next
		c = q.chunks[l.last-1]
	}
	c.events[c.used] = e
	c.used++
}

// chunk returns an empty chunk.
func (q *queue) chunk() uint32 {
	if q.spare == 0 {
		q.chunks = append(q.chunks, new(chunk))
		return uint32(len(q.chunks))
	}
	n := q.spare
	c := q.chunks[n-1]
	q.spare = c.next
	c.used, c.next = 0, 0
	return n
}

// carry adds an event that has a load.
func (q *queue) carry(e event, l load) {
	place, at := q.loads.put()
	*at = l
	e.load = place
	q.push(e)
}

// load returns the load of an event; nil: it has none.
func (q *queue) load(e *event) *load {
	if e.load == 0 {
		return nil
	}
	return q.loads.at(e.load)
}

// due reports whether an event is due by end. Then pop returns it.
func (q *queue) due(end time.Duration) bool {
	for q.head == len(q.ready) {
		if q.size == 0 || !q.advance(end) {
			return false
		}
	}
	return q.ready[q.head].at <= end
}

// pop takes the first event out; only after due.
func (q *queue) pop() event {
	e := q.ready[q.head]
	q.head++
	q.size--
	return e
}

// advance makes the next slot that has events, and begins by end, the current
// one.
func (q *queue) advance(end time.Duration) bool {
	q.ready, q.head, q.looked = q.ready[:0], 0, 0
	for level := range q.wheel {
		slot := q.wheel[level].next(slotOf(q.slot, level))
		if slot < 0 {
			continue
		}
		begins := q.slot>>shift(level+1)<<shift(level+1) | time.Duration(slot)<<shift(level)
		if begins > end {
			return false
		}
		q.slot = begins
		q.deal(level, slot)
		sortEvents(q.ready)
		return true
	}
	return false
}

// next returns the first filled slot after one; -1: there is none.
func (w *wheel) next(after int) int {
	after++
	for i := after / 64; i < len(w.filled); i++ {
		if f := w.filled[i] >> (max(after, i*64) % 64) << (max(after, i*64) % 64); f != 0 {
			return i*64 + bits.TrailingZeros64(f)
		}
	}
	return -1
}

// deal empties a slot: into the current one and those of lower levels.
func (q *queue) deal(level, slot int) {
	w := &q.wheel[level]
	n := w.slots[slot].first
	w.slots[slot] = list{}
	w.filled[slot/64] &^= 1 << (slot % 64)
	for n != 0 {
		c := q.chunks[n-1]
		for i := range c.events[:c.used] {
			e := &c.events[i]
			if l, s := q.place(e.at); l >= 0 {
				q.append(l, s, *e)
			} else {
				q.ready = append(q.ready, *e)
			}
		}
		next := c.next
		c.next, q.spare = q.spare, n
		n = next
	}
}

// sortEvents sorts by time; those of one time stay in their order.
func sortEvents(list []event) {
	if len(list) <= 24 {
		insertionSort(list)
		return
	}
	slices.SortStableFunc(list, func(a, b event) int { return int(a.at - b.at) })
}

func insertionSort(list []event) {
	for i := 1; i < len(list); i++ {
		e := list[i]
		k := i
		for k > 0 && list[k-1].at > e.at {
			list[k] = list[k-1]
			k--
		}
		list[k] = e
	}
}

// A load is what an event has to do with, where numbers do not say it. Which
// fields count depends on the event's task.
type load struct {
	m      p2p.Msg
	sender p2p.Addr
	to     p2p.Addr
	lang   *language // the sender's
	size   int
	from   *host // the sender
	proof  *proof
	end    *end
	wish   *wish
	call   func()
}

// loads keeps the loads of events. They never move: each is used where it lies.
type loads struct {
	blocks []*[block]load
	free   []uint32
}

// block is how many loads take their memory at once.
const block = 256

// put takes a place for a load, to be filled in: it is zero but for where a
// message comes from and goes to. Places count from 1.
func (s *loads) put() (place uint32, l *load) {
	if len(s.free) == 0 {
		s.grow()
	}
	last := len(s.free) - 1
	place = s.free[last]
	s.free = s.free[:last]
	return place, s.at(place)
}

func (s *loads) at(place uint32) *load { return &s.blocks[(place-1)/block][(place-1)%block] }

func (s *loads) grow() {
	for i := range uint32(block) {
		s.free = append(s.free, uint32(len(s.blocks)+1)*block-i)
	}
	s.blocks = append(s.blocks, new([block]load))
}

// drop gives the place of a load to the next; 0 is none.
func (s *loads) drop(place uint32) {
	if place > 0 {
		l := s.at(place)
		l.m, l.proof, l.end, l.wish, l.call = nil, nil, nil, nil, nil
		s.free = append(s.free, place)
	}
}
