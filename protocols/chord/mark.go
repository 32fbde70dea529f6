package chord

// Mark is one number for all that Inspect tells: as long as it is the same, so
// is the state. Package hunt asks for it after every event.
func (c *Chord) Mark() uint64 {
	h := uint64(len(c.succs))<<32 | uint64(len(c.store))
	mix := func(x uint64) {
		h = (h ^ x) * 0x9E3779B97F4A7C15
		h ^= h >> 29
	}
	mix(uint64(c.pred.Addr))
	for _, r := range c.succs {
		mix(uint64(r.Addr))
	}
	for _, r := range c.fingers {
		mix(uint64(r.Addr))
	}
	for i := range c.store {
		if e := &c.store[i]; !e.Gone {
			for k := range len(e.Name) {
				mix(uint64(e.Name[k]))
			}
			mix(1 << 8) // ends the name
		}
	}
	return h
}
