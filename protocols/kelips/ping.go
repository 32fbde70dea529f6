package kelips

import (
	"time"

	"peerbed/protocols/p2p"
)

// A probe measures round trips, one at a time and at most one in a round: of an
// entry that was not measured yet, of a candidate for a contact's place, or of any
// entry again, for links change.
type probe struct {
	c     *Kelips
	to    entry // whom it asks; Addr 0: nobody
	asked time.Duration
	next  entry // the candidate that was heard of last
}

func (p *probe) candidate(a p2p.Addr, born time.Duration) {
	p.next = entry{Addr: a, Born: born, fresh: freshFor}
}

// ping begins a measurement, if none is under way.
func (c *Kelips) ping() {
	p := &c.probe
	p.c = c
	if p.to.Addr != 0 {
		return
	}
	p.to = entry{Addr: c.unmeasured()}
	if e := c.known(p.to.Addr); p.next.Addr != 0 && (e == nil || e.rtt != 0 && e.rtt != shy) {
		p.to, p.next = p.next, entry{} // whom it is compared with has been measured
	}
	if p.to.Addr != 0 {
		p.asked = c.env.Now()
		p2p.Ask(&c.calls, p.to.Addr.Peer(), ping{}, p, (*probe).answered)
	}
}

// unmeasured returns a random entry, if a few draws find one then one whose round
// trip is not known; 0: there is none at all.
func (c *Kelips) unmeasured() (any p2p.Addr) {
	all := len(c.view) + len(c.contacts)
	for range min(all, 8) {
		i := c.env.Rand().IntN(all)
		e := entry{}
		if i < len(c.view) {
			e = c.view[i]
		} else {
			e = c.contacts[i-len(c.view)]
		}
		if e.Addr != 0 {
			any = e.Addr
		}
		if e.Addr != 0 && (e.rtt == 0 || e.rtt == shy) {
			break
		}
	}
	return any
}

func (p *probe) answered(r *pong) {
	e := p.to
	p.to = entry{}
	if r == nil {
		return
	}
	e.rtt = uint32(max(1, min((p.c.env.Now()-p.asked)/time.Microsecond, shy-1)))
	if known := p.c.known(e.Addr); known != nil {
		known.rtt = e.rtt
	} else if e.Born > 0 {
		p.c.nearer(e)
	}
}
