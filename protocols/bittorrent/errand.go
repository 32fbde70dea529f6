package bittorrent

import (
	"strings"

	"peerbed/protocols/p2p"
)

// A place is where a tracker listens, out of its URL.
type place struct {
	udp  bool
	host string // name:port
	path string // of an HTTP announce
}

// parseURL reads http://HOST[:PORT]/PATH or udp://HOST:PORT.
func parseURL(url string) (p place, ok bool) {
	rest, ok := strings.CutPrefix(url, "http://")
	if !ok {
		rest, p.udp = strings.CutPrefix(url, "udp://")
		ok = p.udp
	}
	host, path, _ := strings.Cut(rest, "/")
	if !strings.Contains(host, ":") {
		host += ":80"
	}
	p.host, p.path = host, "/"+path
	return p, ok && len(url) <= 1000 && !strings.ContainsAny(url, " \r\n") && !strings.HasPrefix(host, ":")
}

// An errand is one question to the trackers: it goes to one after the other
// until one answers. Its Handler hears the answer (*Announced, *Given,
// *Refused), or unanswered.
type errand struct {
	c        *client
	tiers    [][]string // what it goes through; the one that answers comes first of its tier (BEP 12)
	tier     int
	place    int
	at       place
	ask      func(e *errand) // sends the question to e.link, or as a datagram to e.addr
	announce Announce        // by UDP
	then     p2p.Handler
	link     p2p.Peer
	addr     p2p.Addr
	timer    p2p.Timer
	over     bool
}

// unanswered says that no tracker has.
type unanswered struct{ p2p.Alarm }

// impatient is the timer of an errand.
type impatient struct {
	p2p.Alarm
	e *errand
	n int // of the try
}

// run begins with the first tracker; that all have failed, the Handler hears
// after run has returned.
func (c *client) run(e *errand) *errand {
	e.c = c
	e.place = -1
	e.next()
	return e
}

// next goes to the next tracker.
func (e *errand) next() {
	env := e.c.env
	env.Stop(e.timer)
	e.c.calls.Drop(e)
	e.hangUp()
	for {
		if e.place++; e.tier < len(e.tiers) && e.place >= len(e.tiers[e.tier]) {
			e.tier, e.place = e.tier+1, 0
		}
		if e.tier >= len(e.tiers) {
			e.timer = env.After(0, &impatient{e: e, n: -1})
			return
		}
		if len(e.tiers[e.tier]) == 0 {
			continue
		}
		var ok bool
		if e.at, ok = parseURL(e.tiers[e.tier][e.place]); ok {
			break
		}
	}
	e.timer = env.After(e.c.cfg.Patience, &impatient{e: e, n: e.tier<<16 + e.place})
	env.Resolve(e.at.host, e)
}

func (e *errand) hangUp() {
	if e.link != (p2p.Peer{}) {
		e.c.env.Close(e.link)
		e.link = p2p.Peer{}
	}
	e.addr = 0
}

func (e *errand) expired(m *impatient) {
	switch {
	case e.over:
	case m.n < 0:
		e.over = true
		e.then.Handle(p2p.Peer{}, &unanswered{})
	case m.n == e.tier<<16+e.place:
		e.next()
	}
}

// cancel ends the errand: nobody hears of it any more.
func (e *errand) cancel() {
	if e != nil && !e.over {
		e.over = true
		e.c.env.Stop(e.timer)
		e.c.calls.Drop(e)
		e.hangUp()
	}
}

// Handle hears of the tracker's name, stream and answer.
func (e *errand) Handle(from p2p.Peer, m p2p.Msg) {
	if r, ok := m.(*p2p.Resolved); ok {
		e.resolved(r)
		return
	}
	if e.over || from != e.link {
		return
	}
	switch m := m.(type) {
	case *p2p.Up:
		e.ask(e)
	case *Announced, *Given, *Refused:
		e.answered(m)
	case *p2p.Down:
		e.link = p2p.Peer{}
		e.next()
	}
}

func (e *errand) resolved(r *p2p.Resolved) {
	switch {
	case e.over || r.Name != e.at.host || e.addr != 0:
	case r.Err != nil:
		e.next()
	case e.at.udp:
		e.addr = r.Addrs[0]
		e.ask(e)
	default:
		e.addr = r.Addrs[0]
		e.link = e.c.env.Dial(e.addr, newTracking(), e)
	}
}

// answered moves the tracker to the front of its tier and passes the answer on.
func (e *errand) answered(m p2p.Msg) {
	tier := e.tiers[e.tier]
	for i := e.place; i > 0; i-- {
		tier[i], tier[i-1] = tier[i-1], tier[i]
	}
	from := e.addr.Peer()
	e.cancel()
	e.then.Handle(from, m)
}
