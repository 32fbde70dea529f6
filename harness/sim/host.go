package sim

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"peerbed/harness"
	"peerbed/protocols/p2p"
)

// A host is the place of one node: its address and, while it runs, its Node. It
// is the Node's Env. It fills two lines of a cache; what few nodes have, and what
// is seldom asked for, lies elsewhere, so that a million hosts are no larger than
// need be.
type host struct {
	w      *World
	lang   *language
	node   p2p.Node // nil: down
	access *access  // nil: a line of any rate
	addr   p2p.Addr
	number uint32 // among the World's hosts, and in traces
	life   uint32 // counts the starts
	timer  uint32 // N of the last
	gone   bool   // vanished: off the network
	paused bool
	walled bool // nobody can dial it
	// touched: see World.Touched
	touched bool

	pcg     rand.PCG
	rand    rand.Rand
	stopped []p2p.Timer
	*belongings
}

// A birth is what a host begins its lives from.
type birth struct {
	spec  *harness.Spec // without what is its own:
	index int
	name  string
	state *p2p.State
}

// The belongings of a host; see own.
type belongings struct {
	files  files
	kept   []due     // what came while it was paused, in order
	codec  p2p.Codec // of datagrams, for strict mode
	wishes []*wish
	link   p2p.Link // the last
	dialed uint32   // streams dialled, in all lives: chooses ephemeral ports
	ends   map[p2p.Link]*end
	cuts   sides // where it stands; see network
	drops  sides
}

// own returns h's belongings, new ones the first time.
func (h *host) own() *belongings {
	if h.belongings == nil {
		h.belongings = &belongings{}
	}
	return h.belongings
}

// hosts are some of the World's, side by side in memory, and what they have
// counted, by kind of message; nil: nothing.
type hosts struct {
	all    [1 << hostBits]host
	births [1 << hostBits]birth
	counts []*[1 << hostBits]count
}

const hostBits = 8

// place returns the next host.
func (w *World) place() *host {
	if w.spawned>>hostBits == len(w.blocks) {
		w.blocks = append(w.blocks, new(hosts))
	}
	w.spawned++
	h := w.at(uint32(w.spawned))
	h.number = uint32(w.spawned - 1)
	return h
}

// at returns a host by its number, from 1; nil for 0.
func (w *World) at(n uint32) *host {
	if n == 0 {
		return nil
	}
	return &w.blocks[(n-1)>>hostBits].all[(n-1)&(1<<hostBits-1)]
}

// birth returns what h begins its lives from.
func (h *host) birth() *birth {
	return &h.w.blocks[h.number>>hostBits].births[h.number&(1<<hostBits-1)]
}

// hosts goes over all that were ever spawned, in that order.
func (w *World) hosts() iter.Seq[*host] {
	return func(yield func(*host) bool) {
		for n := range w.spawned {
			if !yield(w.at(uint32(n + 1))) {
				return
			}
		}
	}
}

// shared returns a Spec without what is one host's own: the same for hosts that
// differ in nothing else.
func (w *World) shared(s harness.Spec) *harness.Spec {
	s.Index, s.Name, s.State, s.Addr = 0, "", nil, 0
	if w.spec == nil || !alike(w.spec, &s) {
		own := s
		w.spec = &own
	}
	return w.spec
}

func alike(a, b *harness.Spec) bool {
	return a.Role == b.Role && a.Protocol == b.Protocol && a.Seed == b.Seed &&
		reflect.ValueOf(a.Config).Comparable() && reflect.ValueOf(b.Config).Comparable() && a.Config == b.Config &&
		reflect.ValueOf(a.Hosts).Pointer() == reflect.ValueOf(b.Hosts).Pointer() && a.Command == nil && b.Command == nil
}

const (
	linkStream = 1 << 63 // apart from all nodes' streams
	lifeShift  = 32
)

// start begins a life. A restarted node draws anew: were it to draw the same
// again, it would repeat identifiers that others remember.
func (h *host) start(what What) {
	b := h.birth()
	h.gone = false
	h.pcg.Seed(b.spec.Seed, uint64(b.index)|uint64(h.life)<<lifeShift)
	h.rand = *rand.New(&h.pcg)
	h.life++
	h.stopped = h.stopped[:0]
	h.clearCounts()
	if h.belongings != nil {
		h.link, h.ends = 0, nil
	}
	if h.w.cfg.Strict && h.lang.p.Datagrams != nil {
		h.own().codec = h.lang.p.Datagrams()
	}
	h.note(&Event{What: what, Why: b.name, Own: h.addr})
	h.node = h.lang.p.New(b.spec.Config, b.state)
	h.lang.sized(h.node)
	h.touch()
	h.node.Start(h)
}

func (h *host) Self() p2p.Addr     { return h.addr }
func (h *host) Now() time.Duration { return h.w.now }
func (h *host) Rand() *rand.Rand   { return &h.rand }
func (h *host) Disk() p2p.Disk     { return (*disk)(h) }

func (h *host) After(d time.Duration, m p2p.Msg) p2p.Timer {
	h.timer++
	if h.timer == 0 { // wrapped: 0 names no timer
		h.timer++
	}
	w := h.w
	t := p2p.Timer{At: w.now + max(d, 0), N: h.timer}
	e := event{at: t.At, do: taskTimer, cause: w.cause, life: h.life, n: t.N, host: h.number + 1}
	if tick, ok := m.(p2p.Tick); ok {
		e.tick = tick
		w.queue.push(e)
	} else {
		w.queue.carry(e, load{m: m})
	}
	return t
}

// Stop keeps a list of what must not fire, which is short, since what is past
// is thrown out of it.
func (h *host) Stop(t p2p.Timer) {
	past := h.w.now
	if h.belongings != nil && len(h.kept) > 0 { // it goes on after a pause: later timers are still to fire
		past = h.kept[0].at
	}
	if t.N == 0 || t.At < past || slices.Contains(h.stopped, t) {
		return
	}
	h.stopped = slices.DeleteFunc(h.stopped, func(s p2p.Timer) bool { return s.At < past })
	h.stopped = append(h.stopped, t)
}

func (h *host) fire(e *event, l *load) {
	if h.life != e.life || h.node == nil {
		return
	}
	if len(h.stopped) > 0 {
		if i := slices.Index(h.stopped, p2p.Timer{At: e.at, N: e.n}); i >= 0 {
			h.stopped = slices.Delete(h.stopped, i, i+1)
			return
		}
	}
	var m p2p.Msg = e.tick
	if l != nil {
		m = l.m
	}
	h.noteTimer(e.tick, m)
	h.touch()
	h.node.Handle(p2p.Peer{}, m)
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
	if m == h.w.loan && !h.lang.empty[m.Kind()] {
		panic(fmt.Sprintf("sim: %v sends on the very message it is handling, %T; send a copy (*m)", h.addr, m))
	}
	if to.Link == 0 {
		h.datagram(to.Addr, m)
	} else {
		h.say(to, m)
	}
}

// give lends a message to a Handler and then takes it back.
func (h *host) give(to p2p.Handler, from p2p.Peer, k p2p.Kind, m p2p.Msg, sender *language) {
	h.w.loan = m
	h.touch()
	to.Handle(from, m)
	h.w.loan = nil
	sender.recycle(&h.w.cfg, k, m)
}

// resolving is how long a look-up of a name takes.
const resolving = time.Millisecond

func (h *host) Resolve(name string, to p2p.Handler) {
	h.w.soon(resolving, h, func() {
		r := &p2p.Resolved{Name: name}
		if a, err := resolve(h.birth().spec.Hosts, name); err != nil {
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
