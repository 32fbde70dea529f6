package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"peerbed/harness"
	"peerbed/protocols/p2p"
)

// A host is the place of one node: its address, disk and counters, and, while
// it runs, its Node. It is the Node's Env.
type host struct {
	w      *World
	spec   harness.Spec
	lang   *language
	number int // among the World's hosts, and in traces
	addr   p2p.Addr
	node   p2p.Node // nil: down
	life   uint32   // counts the starts
	gone   bool     // vanished: off the network
	paused bool
	kept   []due // what came while it was paused, in order

	pcg  rand.PCG
	rand rand.Rand

	timer   uint32 // N of the last
	stopped []p2p.Timer

	link   p2p.Link // the last
	dialed uint32   // streams dialled, in all lives: chooses ephemeral ports
	ends   map[p2p.Link]*end

	disk   disk
	wishes []*wish
	counts []count   // by the language's kinds
	codec  p2p.Codec // of datagrams, for strict mode
	cuts   sides     // where it stands; see network
	drops  sides
	walled bool    // nobody can dial it
	access *access // nil: a line of any rate

	loan    p2p.Msg // what its Node is handling
	touched bool    // see World.Touched
}

const (
	linkStream = 1 << 63 // apart from all nodes' streams
	lifeShift  = 32
)

// start begins a life. A restarted node draws anew: were it to draw the same
// again, it would repeat identifiers that others remember.
func (h *host) start(what What) {
	h.gone = false
	h.pcg.Seed(h.spec.Seed, uint64(h.spec.Index)|uint64(h.life)<<lifeShift)
	h.rand = *rand.New(&h.pcg)
	h.life++
	h.link = 0
	h.stopped = h.stopped[:0]
	h.ends = nil
	clear(h.counts)
	if h.lang.p.Datagrams != nil {
		h.codec = h.lang.p.Datagrams()
	}
	h.note(&Event{What: what, Why: h.spec.Name, Own: h.addr})
	h.node = h.lang.p.New(h.spec.Config, h.spec.State)
	h.touch()
	h.node.Start(h)
}

func (h *host) Self() p2p.Addr     { return h.addr }
func (h *host) Now() time.Duration { return h.w.now }
func (h *host) Rand() *rand.Rand   { return &h.rand }
func (h *host) Disk() p2p.Disk     { return &h.disk }

func (h *host) After(d time.Duration, m p2p.Msg) p2p.Timer {
	h.timer++
	if h.timer == 0 { // wrapped: 0 names no timer
		h.timer++
	}
	t := p2p.Timer{At: h.w.now + max(d, 0), N: h.timer}
	h.w.queue.push(t.At, job{do: taskTimer, cause: h.w.cause, life: h.life, n: t.N, host: h, m: m})
	return t
}

// Stop keeps a list of what must not fire, which is short, since what is past
// is thrown out of it.
func (h *host) Stop(t p2p.Timer) {
	past := h.w.now
	if len(h.kept) > 0 { // it goes on after a pause: later timers are still to fire
		past = h.kept[0].at
	}
	if t.N == 0 || t.At < past || slices.Contains(h.stopped, t) {
		return
	}
	h.stopped = slices.DeleteFunc(h.stopped, func(s p2p.Timer) bool { return s.At < past })
	h.stopped = append(h.stopped, t)
}

func (h *host) fire(at time.Duration, j *job) {
	if h.life != j.life || h.node == nil {
		return
	}
	if i := slices.Index(h.stopped, p2p.Timer{At: at, N: j.n}); i >= 0 {
		h.stopped = slices.Delete(h.stopped, i, i+1)
		return
	}
	h.note(&Event{What: Fire, kind: j.m.Kind(), Msg: j.m})
	h.touch()
	h.node.Handle(p2p.Peer{}, j.m)
}

func (h *host) Spare(k p2p.Kind) p2p.Msg {
	list := h.lang.spare[k]
	if len(list) == 0 {
		return nil
	}
	m := list[len(list)-1]
	h.lang.spare[k] = list[:len(list)-1]
	return m
}

func (h *host) Post(to p2p.Peer, m p2p.Msg) {
	if h.node == nil {
		return
	}
	if m == h.loan && !h.lang.empty[m.Kind()] {
		panic(fmt.Sprintf("sim: %v sends on the very message it is handling, %T; send a copy (*m)", h.addr, m))
	}
	if to.Link == 0 {
		h.datagram(to.Addr, m)
	} else {
		h.say(to, m)
	}
}

// give lends a message to a Handler and then takes it back.
func (h *host) give(to p2p.Handler, from p2p.Peer, m p2p.Msg, sender *host) {
	h.loan = m
	h.touch()
	to.Handle(from, m)
	h.loan = nil
	sender.lang.recycle(&h.w.cfg, m)
}

// resolving is how long a look-up of a name takes.
const resolving = time.Millisecond

func (h *host) Resolve(name string, to p2p.Handler) {
	h.w.soon(resolving, h, func() {
		r := &p2p.Resolved{Name: name}
		if a, err := resolve(h.spec.Hosts, name); err != nil {
			r.Err = err
		} else {
			r.Addrs = []p2p.Addr{a}
		}
		h.tell(to, p2p.Peer{}, r, r.Err)
	})
}

// tell lets a Handler of a running node hear something of the world's own.
func (h *host) tell(to p2p.Handler, about p2p.Peer, m p2p.Msg, err error) {
	e := Event{What: Hear, Peer: about.Addr, Link: about.Link, kind: m.Kind(), Msg: m}
	if err != nil {
		e.Why = err.Error()
	}
	h.note(&e)
	h.touch()
	to.Handle(about, m)
}
