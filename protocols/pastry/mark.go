package pastry

import "math/bits"

// Mark is one number for all that Inspect tells: as long as it is the same, so
// is the state. Package hunt asks for it after every event.
func (p *Pastry) Mark() uint64 {
	h := mark(0)
	if p.ready {
		h = 1
	}
	for _, list := range p.leaves.sides {
		h = h.with(uint64(len(list)))
		for i := range list {
			h = h.with(uint64(list[i].Addr))
		}
	}
	for i := range p.table {
		h = h.contact(&p.table[i].contact)
	}
	for i := range p.near {
		h = h.contact(&p.near[i])
	}
	for i := range p.store {
		if e := &p.store[i]; !e.Gone {
			h = h.with(uint64(len(e.Name)))
			for k := range len(e.Name) {
				h = h.with(uint64(e.Name[k]))
			}
		}
	}
	return uint64(h)
}

func (h mark) contact(c *contact) mark { return h.with(uint64(c.Addr)).with(uint64(c.rtt)) }

// A mark grows by numbers. The multiplications do not wait for one another.
type mark uint64

func (h mark) with(v uint64) mark {
	return mark(bits.RotateLeft64(uint64(h), 11) ^ v*0x9E3779B97F4A7C15)
}
