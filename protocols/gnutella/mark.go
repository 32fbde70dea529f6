package gnutella

import "math/bits"

// Mark is one number for all that Inspect tells: as long as it is the same, so is the
// state. Package hunt asks for it after every event, which costs far less than to
// inspect.
func (s *servent) Mark() uint64 {
	m := mark(1 + bit(s.rank.relays()))
	for _, l := range s.links {
		m = m.with(uint64(l.addr)).with(bit(l.inbound) | bit(l.tie == below)<<1 | bit(l.up)<<2)
	}
	for i := range s.hosts.list {
		if h := &s.hosts.list[i]; s.fresh(h) {
			m = m.with(uint64(h.addr))
		}
	}
	for i := range s.library.files {
		m = m.with(uint64(s.library.files[i].index))
	}
	if n := len(s.seen); n > 0 { // the latest says which there are, as they only come
		q := &s.seen[(s.oldest+n-1)%n]
		m = m.with(le.Uint64(q.ID[:])).with(le.Uint64(q.ID[8:])).with(uint64(n))
	}
	return uint64(m)
}

// A mark grows by numbers.
type mark uint64

func (m mark) with(x uint64) mark {
	return mark(bits.RotateLeft64(uint64(m), 11) ^ x*0x9E3779B97F4A7C15)
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
