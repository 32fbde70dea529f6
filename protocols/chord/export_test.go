package chord

import (
	"cmp"
	"slices"
	"time"

	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// The workload W1, with which simulators are compared: a static ring in which
// every node looks up random keys, stabilises, repairs fingers and asks for its
// predecessor, each at exact times from a random phase on. A Walker is a node of
// Chord with that timetable in place of its own; what it then does is Chord's.

// A Crowd is the Walkers of one world, what they know at the beginning and what
// came of their lookups.
type Crowd struct {
	cfg   Config
	ring  []Ref // in the order of ids
	idle  []*walk
	Count struct {
		Messages, Timers int64 // delivered; fired, but for those of Chord's own
		Lookups, Found   int64
		Hops             int64 // of those found
		Wrong            int64 // of every sixteenth: those that the ring does not bear out
	}
}

// The periods of W1.
var walks = [...]time.Duration{
	tickStabilize:  20 * time.Second,
	tickFixFingers: 120 * time.Second,
	tickCheckPred:  120 * time.Second,
	tickLookup:     10 * time.Second,
}

const (
	tickLookup = tickCheckPred + 1
	tickWalk   = tickMerge + 1
)

// NewCrowd prepares Walkers at these addresses.
func NewCrowd(cfg Config, addrs []p2p.Addr) *Crowd {
	w := &Crowd{cfg: cfg, ring: make([]Ref, len(addrs))}
	for i, a := range addrs {
		w.ring[i] = Ref{a, cfg.M.Addr(a)}
	}
	slices.SortFunc(w.ring, func(a, b Ref) int { return cmp.Compare(a.ID, b.ID) })
	return w
}

// NewNewcomers prepares Walkers that know nothing at the beginning but the
// introducer. They keep Chord's own timetable, and look up a key every ten
// seconds from then on when they are in a ring.
func NewNewcomers(cfg Config) *Crowd { return &Crowd{cfg: cfg} }

// Protocol is Chord whose nodes are these Walkers.
func (w *Crowd) Protocol() *p2p.Protocol {
	p := *Protocol
	p.New = func(any, *p2p.State) p2p.Node { return &walker{crowd: w} }
	return &p
}

type walker struct {
	crowd *Crowd
	next  uint8 // finger to be repaired
	host
}

// Start gives the node its place from global knowledge, and its timers.
func (n *walker) Start(env p2p.Env) {
	n.cfg = &n.crowd.cfg
	if n.crowd.ring == nil {
		n.host.Start(env)
		env.After(time.Duration(env.Rand().Int64N(int64(walks[tickLookup]))), tickWalk)
		return
	}
	n.running = true
	n.start = &Detail{}
	n.host.Start(env)
	known := perfect(n.crowd.cfg, n.crowd.ring, n.me)
	n.pred, n.fingers = known.pred, known.fingers
	n.succs = append(n.succs[:0], known.succs...)
	n.next = uint8(env.Rand().IntN(int(n.cfg.M)))
	for t, period := range walks {
		if period > 0 {
			env.After(time.Duration(env.Rand().Int64N(int64(period))), p2p.Tick(t))
		}
	}
}

func (n *walker) Handle(from p2p.Peer, m p2p.Msg) {
	if t, ok := m.(p2p.Tick); ok && n.crowd.ring == nil {
		n.newcomer(from, t)
		return
	} else if ok {
		n.crowd.Count.Timers++
		n.env.After(walks[t], t)
		n.walks(t)
		return
	}
	if m.Kind() >= p2p.First {
		n.crowd.Count.Messages++
	}
	n.host.Handle(from, m)
}

// newcomer does what a tick is for where Chord's own timetable holds.
func (n *walker) newcomer(from p2p.Peer, t p2p.Tick) {
	if t != tickWalk {
		n.host.Handle(from, t)
		return
	}
	n.env.After(walks[tickLookup], t)
	if n.in() {
		n.lookUp()
	}
}

func (n *walker) walks(t p2p.Tick) {
	switch t {
	case tickLookup:
		n.lookUp()
	case tickStabilize:
		n.round()
	case tickFixFingers:
		n.repairs()
	case tickCheckPred:
		n.checkPredecessor()
	}
}

// repairs looks up where the next row of the finger table begins: rows below the
// successor's are known.
func (n *walker) repairs() {
	k := int(n.next)
	n.next = uint8((k + 1) % int(n.cfg.M))
	if k > n.cfg.M.Row(n.me.ID, n.succs[0].ID) && n.fix == nil {
		n.row = int16(k)
		n.fix = &lookup{}
		n.fix.start(&n.Chord, n.cfg.M.Power(n.me.ID, k), &n.Chord)
	}
}

// A walk is a lookup under way.
type walk struct {
	lookup
	crowd *Crowd
}

func (n *walker) lookUp() {
	w := n.crowd
	if len(w.idle) == 0 {
		w.idle = append(w.idle, &walk{crowd: w})
	}
	last := len(w.idle) - 1
	k := w.idle[last]
	w.idle = w.idle[:last]
	w.Count.Lookups++
	k.search(&n.Chord, ring.ID(n.env.Rand().Uint64())&n.cfg.M.Max(), k)
}

// located checks the answer.
func (k *walk) located(l *lookup) {
	w := k.crowd
	w.idle = append(w.idle, k)
	if len(l.owners) == 0 {
		return
	}
	w.Count.Found++
	w.Count.Hops += int64(len(l.path) - 1)
	if w.ring == nil || w.Count.Found%16 > 0 { // to look for each would be much of the work
		return
	}
	i, _ := slices.BinarySearchFunc(w.ring, l.key, func(r Ref, id ring.ID) int { return cmp.Compare(r.ID, id) })
	if l.owners[0] != w.ring[i%len(w.ring)].Addr {
		w.Count.Wrong++
	}
}
