package gnutella

import (
	"math/rand/v2"
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

const (
	maxHosts = 200
	maxTries = 10 // in a row without a sign of life, then a host is forgotten
	maxLost  = 80 // the same, for one that was lost: some 40 minutes
	minPause = 2 * time.Second
	maxPause = 30 * time.Second
)

// hosts is the host cache: servents that pongs, handshakes and the introducer
// have told of.
type hosts struct{ list []host }

type host struct {
	addr  p2p.Addr
	heard time.Duration // the last sign of life; never: there was none
	tries int           // dials since then
	next  time.Duration // not to be dialled before
	lost  bool          // a link to it broke, and there was no sign of life since
}

const never = -1 << 62 * time.Nanosecond

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

// hear notes signs of life. Of too many hosts the quietest goes.
func (h *hosts) hear(now time.Duration, self p2p.Addr, addrs ...p2p.Addr) {
	for _, a := range addrs {
		if !dialable(a, self) {
			continue
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
		k.heard, k.tries, k.lost = now, 0, false
	}
}

// quietest returns the host to be replaced first. Those that were lost stay if
// there are others: they are few, and may be all that is known of the other
// side of a cut.
func (h *hosts) quietest() *host {
	k := &h.list[0]
	for i := range h.list {
		if l := &h.list[i]; !l.lost && (k.lost || l.heard < k.heard) {
			k = l
		}
	}
	return k
}

// silent notes that a, if it is known, does not answer (any more): lost says
// that it once did, over a link that this side had dialled.
func (h *hosts) silent(a p2p.Addr, lost bool) {
	if k := h.find(a); k != nil {
		k.heard, k.lost = never, k.lost || lost
	}
}

// forget removes a, which said that it leaves.
func (h *hosts) forget(a p2p.Addr) {
	h.list = slices.DeleteFunc(h.list, func(k host) bool { return k.addr == a })
}

// tried notes a dial of a. The next waits, the longer the more went before it,
// and not all nodes in step.
func (h *hosts) tried(now time.Duration, r *rand.Rand, a p2p.Addr) {
	k := h.find(a)
	if k == nil {
		return
	}
	k.tries++
	pause := min(minPause<<min(k.tries-1, 8), maxPause)
	k.next = now + pause/2 + time.Duration(r.Int64N(int64(pause)))
}

// pick draws a host that may be dialled now and that fits, or returns 0. Hosts
// that were tried too often are forgotten first.
func (h *hosts) pick(now time.Duration, r *rand.Rand, fits func(*host) bool) p2p.Addr {
	h.list = slices.DeleteFunc(h.list, func(k host) bool {
		return k.next <= now && (k.tries >= maxLost || k.tries >= maxTries && !k.lost)
	})
	var chosen p2p.Addr
	n := 0
	for i := range h.list {
		if k := &h.list[i]; k.next <= now && fits(k) {
			if n++; r.IntN(n) == 0 {
				chosen = k.addr
			}
		}
	}
	return chosen
}

// some draws up to ten hosts that showed life, to name them to others.
func (h *hosts) some(r *rand.Rand, but p2p.Addr) []p2p.Addr {
	var live []p2p.Addr
	for _, k := range h.list {
		if k.heard != never && k.addr != but {
			live = append(live, k.addr)
		}
	}
	r.Shuffle(len(live), func(i, j int) { live[i], live[j] = live[j], live[i] })
	return live[:min(len(live), 10)]
}
