package fasttrack

import (
	"math/rand/v2"
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

const (
	maxHosts = 200              // as many as a list of real supernodes
	maxTries = 6                // in a row without a sign of life, then a host is forgotten
	maxLost  = 80               // the same, for one that was lost: some 40 minutes
	maxAge   = 10 * time.Minute // of a sign of life that is passed on
	minPause = time.Second
	maxPause = 30 * time.Second
)

// hosts are the supernodes that this node knows: the spares of a child, and whom a
// supernode may link to.
type hosts struct{ list []host }

type host struct {
	addr  p2p.Addr
	heard time.Duration // the last sign of life
	load  uint8
	tries int           // dials since then
	next  time.Duration // not to be dialled before
	lost  bool          // there was a session with it, it broke, and there was no sign of life since
}

// dialable reports whether a names somebody else.
func dialable(a, self p2p.Addr) bool { return a.IP() != 0 && a.Port() != 0 && a != self }

func (h *hosts) find(a p2p.Addr) *host {
	for i := range h.list {
		if h.list[i].addr == a {
			return &h.list[i]
		}
	}
	return nil
}

// hear notes a sign of life. Of too many hosts the quietest goes.
func (h *hosts) hear(now time.Duration, self, a p2p.Addr) {
	if k := h.add(self, a); k != nil {
		k.heard, k.tries, k.next, k.lost = now, 0, 0, false
	}
}

// told notes hosts that somebody else has heard from, and changes nothing of those
// that this node knows better.
func (h *hosts) told(now time.Duration, self p2p.Addr, list []Supernode) {
	for _, s := range list {
		if k := h.find(s.Addr); k != nil {
			k.load = s.Load
		} else if k = h.add(self, s.Addr); k != nil {
			k.heard, k.load = now-time.Duration(s.Seen)*time.Minute, s.Load
		}
	}
}

func (h *hosts) add(self, a p2p.Addr) *host {
	if !dialable(a, self) {
		return nil
	}
	k := h.find(a)
	switch {
	case k != nil:
	case len(h.list) < maxHosts:
		h.list = append(h.list, host{addr: a})
		k = &h.list[len(h.list)-1]
	default:
		k = h.quietest()
		*k = host{addr: a}
	}
	return k
}

// quietest returns the host to be replaced first. Those that were lost stay if
// there are others: they are few, and may be all that is known of the other side of
// a cut.
func (h *hosts) quietest() *host {
	k := &h.list[0]
	for i := range h.list {
		if l := &h.list[i]; !l.lost && (k.lost || l.heard < k.heard) {
			k = l
		}
	}
	return k
}

// silent notes that a does not answer (any more): lost says that it once did.
func (h *hosts) silent(a p2p.Addr, lost bool) {
	if k := h.find(a); k != nil {
		k.lost = k.lost || lost
	}
}

// tried notes a dial of a. The next waits, the longer the more went before it, and
// not all nodes in step.
func (h *hosts) tried(now time.Duration, r *rand.Rand, a p2p.Addr) {
	if k := h.find(a); k != nil {
		k.tries++
		pause := min(minPause<<min(k.tries-1, 8), maxPause)
		k.next = now + pause/2 + time.Duration(r.Int64N(int64(pause)))
	}
}

// pick draws a host that may be dialled now and that fits, or returns 0. Hosts that
// were tried too often are forgotten first.
func (h *hosts) pick(now time.Duration, r *rand.Rand, fits func(*host) bool) p2p.Addr {
	h.list = slices.DeleteFunc(h.list, func(k host) bool {
		return k.next <= now && (k.tries >= maxLost || k.tries >= maxTries && !k.lost)
	})
	var chosen p2p.Addr
	drawn := 0
	for i := range h.list {
		if k := &h.list[i]; k.next <= now && fits(k) {
			if drawn++; r.IntN(drawn) == 0 {
				chosen = k.addr
			}
		}
	}
	return chosen
}

// live lists those of which there was a sign of life lately, but for one.
func (h *hosts) live(now time.Duration, but p2p.Addr) (list []Supernode) {
	for _, k := range h.list {
		if age := now - k.heard; k.tries == 0 && age < maxAge && k.addr != but {
			list = append(list, Supernode{k.addr, uint8(age / time.Minute), k.load})
		}
	}
	return list
}
