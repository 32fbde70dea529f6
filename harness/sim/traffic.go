package sim

import (
	"slices"

	"peerbed/protocols/p2p"
)

// A count is what a host has counted of one kind of message.
type count struct{ sent, sentBytes, received, receivedBytes uint64 }

// sent counts a message that h sends, and books it to the wish that caused it.
func (h *host) sent(m p2p.Msg, size int) {
	place := h.lang.place(m)
	c := &h.counts[place]
	c.sent++
	c.sentBytes += uint64(size)
	if h.w.cause != 0 {
		cost := &h.w.costs[h.w.cause][h.lang.classes[place]]
		cost.Messages++
		cost.Bytes += uint64(size)
	}
}

// received counts a message that h hears. What is not of its own language is
// not counted: it has no name here.
func (h *host) received(m p2p.Msg, size int) {
	if place := h.lang.places[m.Kind()]; place > 0 {
		c := &h.counts[place-1]
		c.received++
		c.receivedBytes += uint64(size)
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
	for i, c := range h.counts {
		if c != (count{}) {
			k := h.lang.p.Kinds[i]
			all = append(all, p2p.Traffic{
				Kind: k.Name, Class: k.Class,
				Sent: c.sent, SentBytes: c.sentBytes,
				Received: c.received, ReceivedBytes: c.receivedBytes,
			})
		}
	}
	return all
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
