package sim

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// Usual is the link between any two nodes where no model is asked for: 10 to 30
// ms one way, drawn anew for each message, so that datagrams overtake one
// another and a protocol cannot come to rely on their order.
var Usual = linkmodel.Link{Delay: 10 * time.Millisecond, Jitter: 20 * time.Millisecond}

// A Config is what a World is made with. The zero Config is a fast world with
// the Usual links and seed 0.
type Config struct {
	Seed  uint64          // of the links, and of nodes whose Spec has none
	Model linkmodel.Model // of the links; the zero Model means Usual

	Strict    bool // check every message against its encoding; slow
	Poison    bool // overwrite each message after its Handle
	NoRecycle bool // leave old messages to the garbage collector

	Trace io.Writer    // every Event as one line of JSON; nil: none
	Watch func(*Event) // hears every Event as it happens; must not call the World
	Bytes bool         // Events of messages have their numbers and encodings; makes the World strict
}

// A World is a network of nodes in virtual time. It belongs to one goroutine.
//
// Its methods are called from outside of events: before and after Run, from a
// condition of RunUntil, and from the done of Do; never from a protocol or from
// Watch.
type World struct {
	cfg    Config
	now    time.Duration
	queue  queue
	busy   bool   // an event is being handled
	cause  uint32 // the wish that this event belongs to; 0: none
	events uint64 // handled so far
	read   uint64 // of no meaning; see lookAhead
	proved uint64 // messages so far, in strict mode

	paused    int           // how many hosts are
	loan      p2p.Msg       // what a Node is handling
	blocks    []*hosts      // in the order of their spawning
	spawned   int           // how many there are
	arrivals  uint32        // on streams: numbers them
	spec      *harness.Spec // of the last host
	kinds     int           // how many kinds of messages all languages have
	carries   map[*uint32]uint64
	touching  bool    // Touched was asked
	touched   []*host // see Touched
	table     table
	languages map[*p2p.Protocol]*language
	net       network
	conns     []*conn
	content   content
	trace     trace

	wishes   []*wish    // that have come to their nodes, in order; some are over
	costs    [][3]Cost  // by wish and class
	finished []finished // in this event
	told     []finished // outcomes to be told
	mute     bool       // by whoever takes them
}

// New returns an empty World at time 0.
func New(c Config) *World {
	c.Strict = c.Strict || c.Bytes // only who also reads knows how to write: codecs learn from what they hear
	w := &World{cfg: c, languages: map[*p2p.Protocol]*language{}}
	w.net.pcg = *rand.NewPCG(c.Seed, linkStream)
	w.net.rand = rand.New(&w.net.pcg)
	w.net.lines = map[way]*linkmodel.Line{}
	w.net.table = &w.table
	w.table.w = w
	if w.net.base = c.Model; c.Model.Bare() {
		w.net.base.Default = Usual
	}
	w.net.links(c.Model)
	w.content.init()
	w.carries = map[*uint32]uint64{}
	w.costs = make([][3]Cost, 1) // wishes count from 1
	w.trace.init(c)
	return w
}

// IP returns the address of node i: 10.0.0.1 is node 0.
func IP(i int) uint32 { return 10<<24 + uint32(i) + 1 }

// Addr returns where node i listens unless its Spec says otherwise.
func Addr(i int) p2p.Addr { return p2p.MakeAddr(IP(i), 7000) }

// Now is the virtual time.
func (w *World) Now() time.Duration { return w.now }

// Events counts what has been handled: messages delivered, timers fired.
func (w *World) Events() uint64 { return w.events }

// Hash is one number for all that has happened: runs with equal hashes were
// the same, event by event.
func (w *World) Hash() uint64 { return w.trace.hash }

// Close writes out what is left of the trace and reports whether all of it
// could be written.
func (w *World) Close() error { return w.trace.flush() }

// Run lets d pass.
func (w *World) Run(d time.Duration) { w.RunUntil(nil, d) }

// RunUntil lets time pass until the condition holds, at most d, and reports
// whether it does. It asks before each event; it is the caller's to keep that
// cheap. A nil condition never holds.
func (w *World) RunUntil(until func() bool, d time.Duration) bool {
	end := w.now + d
	for {
		if until != nil && until() {
			return true
		}
		if !w.step(end) {
			w.pass(end)
			return until != nil && until()
		}
	}
}

// pass lets time go on to end, before which nothing is due.
func (w *World) pass(end time.Duration) { w.now = max(w.now, end) }

// Settle lets time pass until the condition holds, at most d, asking once in
// each interval only: for conditions that look at all nodes.
func (w *World) Settle(until func() bool, every, d time.Duration) bool {
	for end := w.now + d; w.now < end; w.Run(min(every, end-w.now)) {
		if until() {
			return true
		}
	}
	return until()
}

// step handles the next event, if it is due by end, and then tells those whose
// wishes it has ended.
func (w *World) step(end time.Duration) bool {
	if !w.queue.due(end) {
		return false
	}
	if w.queue.head == w.queue.looked {
		w.lookAhead()
	}
	w.enter()
	e := w.queue.pop()
	if e.at < w.now {
		panic(fmt.Sprintf("sim: an event of %v comes up at %v", e.at, w.now))
	}
	w.now, w.cause = e.at, e.cause
	w.events++
	if w.paused == 0 || !w.keep(&e) {
		w.handle(&e, w.queue.load(&e))
	}
	w.queue.loads.drop(e.load)
	w.leave()
	return true
}

// enter and leave enclose all that may call a Node.
func (w *World) enter() {
	if w.busy {
		panic("sim: the World was called from within one of its events")
	}
	w.busy, w.cause = true, 0
}

func (w *World) leave() {
	w.busy = false
	if len(w.finished) == 0 && len(w.told) == 0 {
		return
	}
	for i := 0; i < len(w.finished); i++ { // exit may finish more
		f := w.finished[i]
		if f.leaves() {
			w.busy, w.cause = true, f.id
			f.host.exit()
			w.busy = false
		}
		w.told = append(w.told, f)
	}
	clear(w.finished)
	w.finished = w.finished[:0]
	if w.mute {
		return
	}
	told := w.take()
	tell(told)
	if w.told == nil { // none of them has called the World
		clear(told)
		w.told = told[:0]
	}
}

// take returns the outcomes that are to be told.
func (w *World) take() []finished {
	told := w.told
	w.told = nil
	return told
}

// A task says what a job is.
type task uint8

const (
	taskCall     task = iota // run call
	taskDatagram             // m reaches host, or whoever is at to by then
	taskTimer                // m is due at host
	taskArrival              // the first item on its way from end has arrived
	taskSilence              // the conn of end has been broken for p2p.Silence
	taskWish                 // wish comes to the node at to
	taskExpiry               // the first of the wishes has waited for p2p.MaxOp
)

func (w *World) handle(e *event, l *load) {
	switch e.do {
	case taskCall:
		if h := w.at(e.host); h == nil || h.node != nil && h.life == e.life {
			l.call()
		}
	case taskDatagram:
		w.deliver(e, l)
	case taskTimer:
		w.at(e.host).fire(e, l)
	case taskArrival:
		l.end.arrive(e.n)
	case taskSilence:
		l.end.conn.silent(e.n)
	case taskWish:
		w.begin(l.wish, l.to)
	case taskExpiry:
		w.expire()
	}
}

// soon runs f after d, unless h dies before (nil: the world's own).
func (w *World) soon(d time.Duration, h *host, f func()) {
	e := event{at: w.now + d, do: taskCall, cause: w.cause}
	if h != nil {
		e.host, e.life = h.number+1, h.life
	}
	w.queue.carry(e, load{call: f})
}

// Spawn starts a node. What the Spec leaves empty is filled in: Addr(Index), the
// Protocol's Config, the World's seed. An error says what is wrong with the
// Spec.
func (w *World) Spawn(s harness.Spec) error {
	if s.Addr == 0 {
		s.Addr = Addr(s.Index)
	}
	if s.Config == nil {
		s.Config = s.Protocol.Config
	}
	if s.Seed == 0 {
		s.Seed = w.cfg.Seed
	}
	if w.table.find(s.Addr.IP()) != nil {
		return fmt.Errorf("sim: a node has the IP address of %v already; give it another Index", s.Addr)
	}
	h := w.place()
	h.w, h.lang, h.addr = w, w.language(s.Protocol), s.Addr
	*h.birth() = birth{w.shared(s), s.Index, s.Name, s.State}
	w.table.add(h)
	w.net.place(h)
	w.enter()
	h.start(Start)
	w.leave()
	return nil
}

// host returns the node at a, running or not; nil: there is none.
func (w *World) host(a p2p.Addr) *host {
	if h := w.table.find(a.IP()); h != nil && h.addr == a {
		return h
	}
	return nil
}

// Apply makes the network as wanted. A Net that asks nothing of the links leaves
// them as Config has them. The error says which link makes no sense.
func (w *World) Apply(n fault.Net) error {
	if err := n.Check(); err != nil {
		return fmt.Errorf("sim: %w", err)
	}
	w.enter()
	w.net.links(n.Model())
	w.part(n)
	w.noteNet(n)
	for _, c := range slices.Clone(w.conns) {
		c.check()
	}
	w.leave()
	return nil
}

// Addrs lists the nodes that run, in the order of their Index.
func (w *World) Addrs() []p2p.Addr {
	var up []*host
	for h := range w.hosts() {
		if h.node != nil {
			up = append(up, h)
		}
	}
	slices.SortFunc(up, func(a, b *host) int { return cmp.Compare(a.birth().index, b.birth().index) })
	addrs := make([]p2p.Addr, len(up))
	for i, h := range up {
		addrs[i] = h.addr
	}
	return addrs
}

// Inspect reads the state of the node at a; the error wraps p2p.ErrGone if none
// runs there.
func (w *World) Inspect(a p2p.Addr) (p2p.State, error) {
	h := w.host(a)
	if h == nil || h.node == nil {
		return p2p.State{}, fmt.Errorf("sim: inspect %v: %w", a, p2p.ErrGone)
	}
	if h.paused {
		return p2p.State{}, fmt.Errorf("sim: inspect %v: %w", a, harness.ErrPaused)
	}
	return h.node.Inspect(), nil
}

// States reads the states of all nodes that run, in the order of their Index.
func (w *World) States() []p2p.State {
	addrs := w.Addrs()
	states := make([]p2p.State, len(addrs))
	for i, a := range addrs {
		states[i] = w.host(a).node.Inspect()
	}
	return states
}

// Touched goes over the nodes whose state may be another than when it was last
// asked: those that have been called, started or stopped. A Node is to be looked
// at only (it is nil if none runs there), and the World is not to be called
// meanwhile. Who asks after every event need not
// Inspect all nodes each time.
func (w *World) Touched() iter.Seq2[p2p.Addr, p2p.Node] {
	return func(yield func(p2p.Addr, p2p.Node) bool) {
		if !w.touching {
			w.touching = true
			for h := range w.hosts() {
				h.touch()
			}
		}
		list := w.touched
		w.touched = w.touched[:0]
		for _, h := range list {
			h.touched = false
		}
		for _, h := range list {
			if !yield(h.addr, h.node) {
				return
			}
		}
	}
}

func (h *host) touch() {
	if w := h.w; w.touching && !h.touched {
		h.touched = true
		w.touched = append(w.touched, h)
	}
}

// A table finds hosts by IP address. Those that IP hands out lie in a slice.
type table struct {
	w     *World
	near  []uint32 // numbers of hosts, from 1
	far   map[uint32]*host
	mixed bool // some host's number is not the one of its IP address
}

func (t *table) find(ip uint32) *host {
	if i := ip - IP(0); i < uint32(len(t.near)) {
		return t.w.at(t.near[i])
	}
	return t.far[ip]
}

// guess returns the number, from 1, of the host that may be at an address,
// without a look at any; 0: it cannot tell. It is for hosts that came in the order
// of their IP addresses.
func (t *table) guess(a p2p.Addr) uint32 {
	if i := a.IP() - IP(0); i < uint32(len(t.near)) && !t.mixed {
		return i + 1
	}
	return 0
}

func (t *table) add(h *host) {
	ip := h.addr.IP()
	i := ip - IP(0)
	t.mixed = t.mixed || i != h.number
	if i >= 1<<24 || i > uint32(2*len(t.near)+1024) {
		if t.far == nil {
			t.far = map[uint32]*host{}
		}
		t.far[ip] = h
		return
	}
	for uint32(len(t.near)) <= i {
		t.near = append(t.near, 0)
	}
	t.near[i] = h.number + 1
}
