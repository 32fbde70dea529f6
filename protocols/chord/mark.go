package chord

import (
	"math/bits"

	"peerbed/protocols/p2p"
)

// Mark is one number for all that Inspect tells: as long as it is the same, so
// is the state. Package hunt asks for it after every event.
func (h *host) Mark() uint64 {
	var all mark
	for c := range h.points() {
		all = all.with(p2p.Addr(c.mark()))
	}
	return uint64(all)
}

func (c *Chord) mark() mark {
	h := mark(len(c.succs)).with(c.pred.Addr)
	for i := range c.succs {
		h = h.with(c.succs[i].Addr)
	}
	for i := range c.fingers {
		h = h.with(c.fingers[i].Addr)
	}
	store := c.stored()
	for i := range store {
		if e := &store[i]; !e.Gone {
			h = h.with(p2p.Addr(len(e.Name)))
			for k := range len(e.Name) {
				h = h.with(p2p.Addr(e.Name[k]))
			}
		}
	}
	return h
}

// A mark grows by addresses. The multiplications do not wait for one another.
type mark uint64

func (h mark) with(a p2p.Addr) mark {
	return mark(bits.RotateLeft64(uint64(h), 11) ^ uint64(a)*0x9E3779B97F4A7C15)
}
