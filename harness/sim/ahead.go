package sim

import (
	"unsafe"

	"peerbed/protocols/p2p"
)

// What a large world costs is not arithmetic but waiting for memory: each event
// is of another node, whose state lies in no cache. So before a group of events
// is handled, the world reads one byte of every cache line that they will need
// first. The processor waits for all of these at once, and not for one after the
// other. It changes nothing but the time that a run takes.

const (
	group = 16   // events looked ahead to at a time
	line  = 64   // bytes of a cache line
	reach = 256  // bytes of a Node that are read
	small = 4096 // so many nodes fit a cache
)

// lookAhead reads what the next events will need.
func (w *World) lookAhead() {
	q := &w.queue
	list := q.ready[q.head:min(q.head+group, len(q.ready))]
	q.looked = q.head + len(list)
	if len(list) < 3 || w.spawned < small {
		return
	}
	var sum byte
	for i := range list {
		e := &list[i]
		h := w.at(e.host)
		if h == nil {
			continue
		}
		sum += byte(h.life) + byte(len(h.stopped))
		if l := q.load(e); l != nil {
			sum += read(unsafe.Pointer(&l.m), line)
		}
		if e.do == taskDatagram {
			sum += h.countAhead(e.kind)
		}
	}
	for i := range list {
		if h := w.at(list[i].host); h != nil {
			sum += read(unsafe.Pointer(&h.node), h.lang.reach)
		}
	}
	for i := range list {
		e := &list[i]
		if h := w.at(e.host); e.do == taskDatagram && h != nil && h.lang.scouts {
			if s, ok := h.node.(p2p.Scout); ok {
				sum += byte(s.Scout(q.load(e).m))
			}
		}
	}
	w.read += uint64(sum)
}

// read reads a byte of each line, up to size, of what the interface at p points
// to.
func read(p unsafe.Pointer, size uintptr) (sum byte) {
	at := (*[2]unsafe.Pointer)(p)[1]
	if at == nil {
		return 0
	}
	for off := uintptr(0); off < size; off += line {
		sum += *(*byte)(unsafe.Add(at, off))
	}
	return sum
}

// countAhead reads h's count of a kind, if there is one.
func (h *host) countAhead(k uint8) byte {
	b := h.w.blocks[h.number>>hostBits]
	i := h.lang.first + int(h.lang.places[k]) - 1
	if i < 0 || i >= len(b.counts) || b.counts[i] == nil {
		return 0
	}
	return byte(b.counts[i][h.number&(1<<hostBits-1)].sent)
}
