package sim

import (
	"time"

	"peerbed/protocols/p2p"
)

// A step is what an item does where it arrives.
type step uint8

const (
	stepOpen step = iota
	stepAccept
	stepData
	stepClose
	stepReset // err says why
)

// An item is what travels on a stream. Its at is the time of its arrival, or
// stalled.
type item struct {
	step  step
	land  bool // it has come over the line of the host where it arrives
	at    time.Duration
	size  int
	cause uint32
	m     p2p.Msg
	first []byte // the encoding, where Accept will ask for it
	proof *proof
	err   error
}

const stalled time.Duration = -1

// A fifo is the items on their way, in order. The zero fifo is empty.
type fifo struct {
	items []item
	head  int
}

func (f *fifo) all() []item  { return f.items[f.head:] }
func (f *fifo) len() int     { return len(f.items) - f.head }
func (f *fifo) first() *item { return &f.items[f.head] }

func (f *fifo) push(it item) {
	if f.head > 32 && 2*f.head > len(f.items) {
		n := copy(f.items, f.all())
		clear(f.items[n:])
		f.items, f.head = f.items[:n], 0
	}
	f.items = append(f.items, it)
}

func (f *fifo) pop() item {
	it := f.items[f.head]
	f.items[f.head] = item{}
	f.head++
	if f.head == len(f.items) {
		f.items, f.head = f.items[:0], 0
	}
	return it
}

// send puts an item on its way, or lets it wait for the handshake.
func (e *end) send(it item) {
	it.cause = e.conn.w.cause
	e.queued += it.size
	if !e.up && (it.step == stepData || it.step == stepClose) {
		e.early = append(e.early, it)
		return
	}
	e.put(it)
}

func (e *end) put(it item) {
	if e.leaving || e.host.limited() {
		it.at = stalled
		e.line.push(it)
		e.leave()
		return
	}
	e.travel(&it)
	e.line.push(it)
	if e.line.len() == 1 {
		e.await()
	}
}

// travel works out when an item that leaves now arrives: not before those that
// left earlier.
func (e *end) travel(it *item) {
	if e.blocked() {
		it.at = stalled
		return
	}
	w := e.conn.w
	from, to := e.addrs()
	link := w.net.link(from, to)
	e.last = max(e.last, w.net.line(link, from, to).Stream(*link, w.now, it.size, w.net.rand))
	it.at = e.last
}

// addrs returns the addresses between which e's items travel.
func (e *end) addrs() (from, to p2p.Addr) { return e.other().peer.Addr, e.peer.Addr }

// await expects the first item on its way.
func (e *end) await() {
	e.due = 0
	if e.line.len() == 0 {
		return
	}
	if it := e.line.first(); it.at != stalled {
		w := e.conn.w
		w.arrivals = max(w.arrivals+1, 1) // 0 is none
		e.due = w.arrivals
		w.queue.carry(event{at: max(it.at, w.now), do: taskArrival, n: e.due, cause: it.cause}, load{end: e})
	}
}

// arrive takes the first item in, unless the event is of an item that was
// thrown away.
func (e *end) arrive(n uint32) {
	if e.due != n {
		return
	}
	if e.blocked() {
		e.stall()
		return
	}
	if e.land() {
		return
	}
	it := e.line.pop()
	e.queued -= it.size
	e.await()
	if e.full && e.queued <= drained {
		e.full = false
		e.host.w.soon(0, e.host, func() { e.tell(&p2p.Room{}, nil) })
	}
	e.other().take(&it)
}

func (e *end) stall() {
	e.due = 0
	for i := range e.line.all() {
		it := &e.line.all()[i]
		it.at, it.land = stalled, false
	}
}

// resume sends what has stalled again.
func (e *end) resume() {
	switch {
	case e.blocked() || e.leaving:
	case e.host.limited():
		e.leave()
	default:
		for i := range e.line.all() {
			if it := &e.line.all()[i]; it.at == stalled {
				e.travel(it)
			}
		}
		if e.due == 0 {
			e.await()
		}
	}
}

// blocked reports whether nothing gets from e to the other end.
func (e *end) blocked() bool {
	o := e.other()
	if e.host == nil || o.host == nil {
		return false
	}
	return e.host.gone || o.host.gone || e.host.cutFrom(o.host) || e.conn.walled()
}
