package introducer

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// How a Client asks again.
const (
	patience = 3 * time.Second        // for one attempt
	pause    = 250 * time.Millisecond // after the first that failed; doubles
	maxPause = 4 * time.Second
)

// A Client is a node's dealings with its introducer. It is a field of the
// Node, which calls Open in Start and gives Handle whatever it does not know
// itself: the Client's timers are among it.
type Client struct {
	env  p2p.Env
	name string
	then p2p.Handler
	ask  visit
	tell visit
}

// Peers is what a Client's Ask brings. It is never sent.
type Peers struct {
	p2p.Alarm
	Addrs []p2p.Addr // through whom to join, in random order; never oneself
	First bool       // nobody is there (Addrs is empty): start a network
}

// Open names the introducer, "host:port", and who hears of Peers.
func (c *Client) Open(env p2p.Env, name string, then p2p.Handler) {
	c.env, c.name, c.then = env, name, then
	c.ask = visit{c: c}
	c.tell = visit{c: c, tells: true}
}

// Ask asks who is there. The Handler hears of one *Peers (from the zero Peer),
// however long it takes: while the introducer is away, or tells to wait, the
// Client asks again. Without a name the answer is First, at once after Ask
// returns. Asking while an answer is due changes nothing.
func (c *Client) Ask() { c.ask.begin() }

// Joined tells the introducer that this node can introduce others. It is
// repeated until the introducer has noted it.
func (c *Client) Joined() { c.tell.begin() }

// Close ends all dealings: no Peers will come.
func (c *Client) Close() {
	c.ask.end()
	c.tell.end()
}

// Idle reports whether the Client may be forgotten and opened anew: nothing is
// under way, and it knows nothing.
func (c *Client) Idle() bool { return c.name == "" && !c.ask.busy && !c.tell.busy }

// Handle takes the Client's own timers; anything else it ignores.
func (c *Client) Handle(_ p2p.Peer, m p2p.Msg) {
	if a, ok := m.(*again); ok && a.v.c == c {
		a.v.expired()
	}
}

// A visit is one errand to the introducer, with all its attempts.
type visit struct {
	c     *Client
	tells bool // Joined; else Ask
	busy  bool
	tries int
	link  p2p.Peer // of this attempt
	addr  p2p.Addr // it resolved to, once it has
	timer p2p.Timer
}

// again is the timer of a visit: the end of an attempt's patience, or of the
// pause after it.
type again struct {
	p2p.Alarm
	v *visit
}

func (v *visit) begin() {
	if v.busy {
		return
	}
	v.busy, v.tries = true, 0
	if v.c.name == "" {
		v.wait(0)
		return
	}
	v.attempt()
}

func (v *visit) attempt() {
	v.tries++
	v.wait(patience)
	if v.addr == 0 {
		v.c.env.Resolve(v.c.name, v)
		return
	}
	v.dial()
}

func (v *visit) dial() { v.link = v.c.env.Dial(v.addr, codec{}, v) }

// wait sets the one timer of the visit anew.
func (v *visit) wait(d time.Duration) {
	v.c.env.Stop(v.timer)
	v.timer = v.c.env.After(d, &again{v: v})
}

func (v *visit) expired() {
	switch {
	case !v.busy:
	case v.c.name == "":
		v.finish(&Peers{First: true})
	case v.link != (p2p.Peer{}): // no answer in time
		v.retry()
	default:
		v.attempt()
	}
}

// retry gives this attempt up and pauses before the next, the longer the more
// have failed, and not all nodes in step.
func (v *visit) retry() {
	v.hangUp()
	d := min(pause<<min(v.tries-1, 8), maxPause)
	v.wait(d/2 + time.Duration(v.c.env.Rand().Int64N(int64(d))))
}

func (v *visit) hangUp() {
	if v.link != (p2p.Peer{}) {
		v.c.env.Close(v.link)
		v.link = p2p.Peer{}
	}
}

func (v *visit) end() {
	if v.busy {
		v.hangUp()
		v.c.env.Stop(v.timer)
		v.busy = false
	}
}

func (v *visit) finish(p *Peers) {
	v.end()
	if !v.tells {
		v.c.then.Handle(p2p.Peer{}, p)
	}
}

// Handle hears of the visit's name, stream and answer.
func (v *visit) Handle(from p2p.Peer, m p2p.Msg) {
	if r, ok := m.(*p2p.Resolved); ok {
		v.resolved(r)
		return
	}
	if !v.busy || from != v.link {
		return // of an attempt that was given up
	}
	switch m := m.(type) {
	case *p2p.Up:
		v.speak()
	case *list:
		v.answered(m)
	case *noted:
		v.finish(nil)
	case *p2p.Down:
		v.link = p2p.Peer{}
		v.addr = 0 // it may have moved
		v.retry()
	}
}

func (v *visit) resolved(r *p2p.Resolved) {
	switch {
	case !v.busy || v.addr != 0:
	case r.Err != nil:
		v.retry()
	default:
		v.addr = r.Addrs[0]
		v.dial()
	}
}

func (v *visit) speak() {
	self := v.c.env.Self()
	if v.tells {
		p2p.Send(v.c.env, v.link, joined{self})
	} else {
		p2p.Send(v.c.env, v.link, who{self})
	}
}

func (v *visit) answered(m *list) {
	self := v.c.env.Self()
	addrs := slices.DeleteFunc(slices.Clone(m.Addrs), func(a p2p.Addr) bool { return a == self })
	switch {
	case v.tells: // an answer to a question that was not asked
		v.retry()
	case m.Status == first:
		v.finish(&Peers{First: true})
	case m.Status == wait || len(addrs) == 0:
		v.retry()
	default:
		v.finish(&Peers{Addrs: addrs})
	}
}
