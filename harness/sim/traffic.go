package sim

import (
	"slices"

	"peerbed/protocols/p2p"
)

// A count is what a host has counted of one kind of message, modulo 2^32: the
// World's carries have the rest.
type count struct{ sent, sentBytes, received, receivedBytes uint32 }

// add adds to a number of a count.
func (w *World) add(n *uint32, by uint32) {
	if *n += by; *n < by {
		w.carries[n]++
	}
}

// total returns the whole of a number of a count.
func (w *World) total(n *uint32) uint64 { return w.carries[n]<<32 | uint64(*n) }

// count returns h's count of the kind at a place of its Protocol.Kinds. Those of
// hosts that lie side by side do so too.
func (h *host) count(place int) *count {
	b := h.w.blocks[h.number>>hostBits]
	i := h.lang.first + place
	if i >= len(b.counts) {
		b.counts = append(b.counts, make([]*[1 << hostBits]count, h.w.kinds-len(b.counts))...)
	}
	if b.counts[i] == nil {
		b.counts[i] = new([1 << hostBits]count)
	}
	return &b.counts[i][h.number&(1<<hostBits-1)]
}

func (h *host) clearCounts() {
	b := h.w.blocks[h.number>>hostBits]
	for place := range h.lang.p.Kinds {
		if i := h.lang.first + place; i < len(b.counts) && b.counts[i] != nil {
			c := h.count(place)
			for _, n := range []*uint32{&c.sent, &c.sentBytes, &c.received, &c.receivedBytes} {
				delete(h.w.carries, n)
				*n = 0
			}
		}
	}
}

// sent counts a message that h sends, and books it to the wish that caused it.
func (h *host) sent(place, size int) {
	w := h.w
	c := h.count(place)
	w.add(&c.sent, 1)
	w.add(&c.sentBytes, uint32(size))
	if w.cause != 0 {
		cost := &w.costs[w.cause][h.lang.classes[place]]
		cost.Messages++
		cost.Bytes += uint64(size)
	}
}

// received counts a message that h hears. What is not of its own language is
// not counted: it has no name here.
func (h *host) received(k p2p.Kind, size int) {
	if place := h.lang.places[k]; place > 0 {
		c := h.count(int(place) - 1)
		h.w.add(&c.received, 1)
		h.w.add(&c.receivedBytes, uint32(size))
	}
}

// Traffic returns what the node at a has counted since its process began, by
// type of message, those with traffic only; nil if none was ever spawned there.
func (w *World) Traffic(a p2p.Addr) []p2p.Traffic {
	h := w.host(a)
	if h == nil {
		return nil
	}
	var all []p2p.Traffic
	for i, k := range h.lang.p.Kinds {
		t := h.traffic(i)
		if t != (p2p.Traffic{}) {
			t.Kind, t.Class = k.Name, k.Class
			all = append(all, t)
		}
	}
	return all
}

// traffic returns the numbers that h has counted of a kind.
func (h *host) traffic(place int) p2p.Traffic {
	b := h.w.blocks[h.number>>hostBits]
	if i := h.lang.first + place; i >= len(b.counts) || b.counts[i] == nil {
		return p2p.Traffic{}
	}
	c := h.count(place)
	return p2p.Traffic{
		Sent: h.w.total(&c.sent), SentBytes: h.w.total(&c.sentBytes),
		Received: h.w.total(&c.received), ReceivedBytes: h.w.total(&c.receivedBytes),
	}
}

// A Cost is what a wish has caused so far: the messages sent because of it, by
// all nodes, and their bytes.
type Cost struct{ Messages, Bytes uint64 }

var classes = []p2p.Class{p2p.Lookup, p2p.Membership, p2p.Transfer}

// Cost returns what the wish of this number, which Do returned, has cost in
// messages of a class.
func (w *World) Cost(cause uint32, c p2p.Class) Cost {
	return w.costs[cause][slices.Index(classes, c)]
}
