package hunt

import (
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/harness/plan"
	"peerbed/harness/sim"
	"peerbed/protocols/introducer"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// A run is a case that is being played.
type run struct {
	s     *Sweep
	c     *Case
	w     *sim.World
	began time.Duration // when the plan did

	protocol *p2p.Protocol
	specs    []harness.Spec
	order    []int       // who was spawned, in order; -1: the introducer
	born     []bool      // who was ever there
	states   []p2p.State // by node
	marks    []uint64
	up       []bool
	live     []p2p.State // of those that are up, in order
	old      []past      // the oldest first
	net      []plan.Event
	played   []bool // which events were not passed over

	judged   int64 // how often the invariants were asked
	watches  []func(*sim.Event) error
	broken   *Violation
	panicked bool // so that the World is in the middle of an event
	err      error
	tell     *story     // nil: nobody listens
	tracked  *Invariant // nil: none
	since    *Violation
}

const introName = "introducer"

// play plays a case to its end, or to the first violation.
func (s *Sweep) play(c *Case) *run {
	r := &run{s: s, c: c}
	r.play()
	return r
}

// Panic is the invariant that a protocol violates that panics. A panic tells of
// an invariant of its own, or is strict mode's.
const Panic = "panic"

func (r *run) play() {
	defer func() {
		if why := recover(); why != nil {
			r.panicked = true
			r.breaks(Panic, fmt.Errorf("%v\n%s", why, debug.Stack()))
		}
	}()
	s, c := r.s, r.c
	r.played = make([]bool, len(c.Events))
	cfg := sim.Config{Seed: c.Seed, Model: c.Links, Strict: c.Strict, Poison: c.Strict}
	r.listen(&cfg)
	r.w = sim.New(cfg)
	if r.err = r.people(); r.err != nil {
		return
	}
	r.began = s.Lead
	if r.wait(s.Lead); r.over() {
		return
	}
	for i := range c.Events {
		e := &c.Events[i]
		if r.wait(r.began + e.At - r.w.Now()); r.over() {
			return
		}
		r.played[i] = r.do(e)
	}
	if r.wait(r.began + c.End - r.w.Now()); r.over() {
		return
	}
	r.heal()
	if r.wait(s.Rest); !r.over() {
		r.judge(s.Finally)
	}
}

// heal ends all faults that a plan has left: what comes then is a rest.
func (r *run) heal() {
	r.disturb(&plan.Event{Do: plan.Heal})
	for i := range r.up {
		_ = r.w.Resume(r.specs[i].Addr) // of most it says that they are not paused
	}
}

func (r *run) over() bool { return r.broken != nil || r.err != nil }

// listen has the watching invariants, and the story, hear all events.
func (r *run) listen(cfg *sim.Config) {
	var names []string
	for _, v := range r.s.Always {
		if v.Watch != nil {
			names = append(names, v.Name)
			r.watches = append(r.watches, v.Watch())
		}
	}
	if len(names) == 0 && r.tell == nil {
		return
	}
	cfg.Watch = func(e *sim.Event) {
		if r.tell != nil {
			r.tell.hear(e)
		}
		for i, watch := range r.watches {
			if err := watch(e); err != nil && r.broken == nil {
				r.breaks(names[i], err)
			}
		}
	}
}

// people starts the introducer and who is there at first.
func (r *run) people() error {
	n := r.c.Nodes
	r.born, r.up, r.marks = make([]bool, n), make([]bool, n), make([]uint64, n)
	r.states, r.live = make([]p2p.State, n), make([]p2p.State, 0, n)
	r.protocol = onceIdeal(r.s.Protocol)
	intro := sim.Addr(n)
	r.order = append(r.order, -1)
	if err := r.w.Spawn(harness.Spec{Index: n, Name: introName, Protocol: introducer.Protocol}); err != nil {
		return err
	}
	for i, role := range r.s.Protocol.Roles(n) {
		spec, err := r.spec(i, role, intro)
		if err != nil {
			return err
		}
		r.specs = append(r.specs, spec)
	}
	if r.s.Ideal {
		r.idealise()
	}
	for _, i := range r.c.Up {
		if err := r.spawn(i); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) spec(i int, role p2p.Role, intro p2p.Addr) (harness.Spec, error) {
	s := harness.Spec{Index: i, Name: fmt.Sprint(i), Protocol: r.protocol, Config: role.Config,
		Addr: p2p.MakeAddr(sim.IP(i), r.c.Port), Hosts: map[string]p2p.Addr{introName: intro}}
	if role.Port != nil {
		s.Addr = p2p.MakeAddr(sim.IP(i), role.Port(sim.IP(i)))
	}
	if s.Config == nil {
		return s, nil
	}
	changes := r.c.Config
	for _, set := range p2p.Settings(p2p.Pointer(s.Config)) {
		if set.Name == introName {
			changes = append([]string{fmt.Sprintf("%s=%s:%d", introName, introName, intro.Port())}, changes...)
		}
	}
	var err error
	s.Config, err = p2p.With(s.Config, changes...)
	return s, err
}

// onceIdeal is the protocol whose nodes take up the state of a perfect overlay
// in their first life only: who comes back joins.
func onceIdeal(p *p2p.Protocol) *p2p.Protocol {
	q := *p
	taken := map[p2p.Addr]bool{}
	q.New = func(cfg any, s *p2p.State) p2p.Node {
		if s != nil && taken[s.Self] {
			return p.New(cfg, nil)
		}
		if s != nil {
			taken[s.Self] = true
		}
		return p.New(cfg, s)
	}
	return &q
}

// idealise gives those who are there at first the states of a perfect overlay.
func (r *run) idealise() {
	addrs := make([]p2p.Addr, len(r.c.Up))
	for k, i := range r.c.Up {
		addrs[k] = r.specs[i].Addr
	}
	if len(addrs) == 0 {
		return
	}
	states := r.s.Protocol.Ideal(r.specs[r.c.Up[0]].Config, addrs)
	for k, i := range r.c.Up {
		r.specs[i].State = &states[k]
	}
}

func (r *run) spawn(i int) error {
	r.born[i] = true
	r.order = append(r.order, i)
	return r.w.Spawn(r.specs[i])
}

// wait lets time pass, and looks after every event.
func (r *run) wait(d time.Duration) {
	if d >= 0 {
		r.w.RunUntil(r.look, d)
	}
}

// look reads what has changed and asks the invariants. It reports whether the
// run is over.
func (r *run) look() bool {
	changed, moved := false, false
	for a, n := range r.w.Touched() {
		i := int(a.IP() - sim.IP(0))
		if i >= r.c.Nodes {
			continue // the introducer
		}
		if r.up[i] != (n != nil) {
			r.up[i], moved = n != nil, true
			if n == nil {
				r.remember(i)
			}
		}
		if n != nil && r.differs(i, n) {
			changed = true
		}
	}
	if moved || changed {
		r.gather()
		r.judged++
		r.judge(r.s.Always)
		r.track()
	}
	return r.over()
}

// differs reads the state of node i, if it may be another, and reports whether
// it is.
func (r *run) differs(i int, n p2p.Node) bool {
	var mark uint64
	m, marked := n.(Marked)
	if marked {
		mark = m.Mark()
	}
	same := marked && mark == r.marks[i] && r.states[i].Self != 0
	if same && !r.c.Strict {
		return false
	}
	s := n.Inspect()
	if (!marked || r.c.Strict) && reflect.DeepEqual(s, r.states[i]) {
		return false
	}
	if same {
		r.err = fmt.Errorf("hunt: the Mark of node %d is %#x as before, but its state was\n%+v\nand is now\n%+v", i, mark, r.states[i], s)
	}
	r.remember(i)
	r.marks[i], r.states[i] = mark, s
	if r.tell != nil {
		r.tell.changed(s)
	}
	return true
}

func (r *run) gather() {
	r.live = r.live[:0]
	for i, up := range r.up {
		if up {
			r.live = append(r.live, r.states[i])
		}
	}
}

// judge asks the invariants, and notes the first that does not hold.
func (r *run) judge(all []Invariant) {
	for _, v := range all {
		if v.Holds == nil || r.over() {
			continue
		}
		if err := v.Holds(r.live); err != nil {
			r.breaks(v.Name, err)
		}
	}
}

// track notes since when the invariant that is asked for in the end has not held.
func (r *run) track() {
	if r.tracked == nil {
		return
	}
	switch err := r.tracked.Holds(r.live); {
	case err == nil:
		r.since = nil
	case r.since == nil:
		r.since = &Violation{Invariant: r.tracked.Name, At: r.clock(), Why: err.Error()}
	}
}

func (r *run) breaks(name string, err error) {
	r.broken = &Violation{Invariant: name, At: r.clock(), Why: err.Error()}
}

// clock is the time of the plan.
func (r *run) clock() time.Duration { return r.w.Now() - r.began }

// do carries out one event of the plan, and reports whether it could.
func (r *run) do(e *plan.Event) bool {
	if len(e.Nodes) == 0 && !network(e.Do) {
		return false
	}
	if r.s.May != nil && !r.s.May(*e, r.now(e)) {
		return false
	}
	if network(e.Do) {
		return r.disturb(e)
	}
	i := e.Nodes[0]
	a := r.specs[i].Addr
	switch e.Do {
	case plan.Crash:
		return r.w.Crash(a) == nil
	case plan.Vanish:
		return r.w.Vanish(a) == nil
	case plan.Pause:
		return r.w.Pause(a) == nil
	case plan.Resume:
		return r.w.Resume(a) == nil
	case plan.Restart:
		if !r.born[i] {
			return r.spawn(i) == nil
		}
		return r.w.Restart(a) == nil
	}
	op := wish(e)
	if op == nil || !r.up[i] {
		return false
	}
	r.w.Do(a, op, nil)
	return true
}

// network reports whether a verb is about the network, not about a node.
func network(do plan.Verb) bool {
	return do == plan.Cut || do == plan.Drop || do == plan.Shape || do == plan.Heal
}

// now is what is known before an event.
func (r *run) now(e *plan.Event) Now {
	n := Now{Live: r.live, Rest: r.live}
	for _, o := range r.old {
		if o.until+r.s.Memory >= r.w.Now() {
			n.Recent = append(n.Recent, o.State)
		}
	}
	switch e.Do {
	case plan.Crash, plan.Vanish, plan.Leave:
		n.Rest = nil
		for _, s := range r.live {
			if s.Self == r.specs[e.Nodes[0]].Addr {
				n.Recent = append(n.Recent, s)
			} else {
				n.Rest = append(n.Rest, s)
			}
		}
	}
	return n
}

// A past is a state that a node had.
type past struct {
	p2p.State
	until time.Duration
}

// remember keeps what node i was until now, as long as May may ask.
func (r *run) remember(i int) {
	if r.s.May == nil || r.s.Memory == 0 || r.states[i].Self == 0 {
		return
	}
	now := r.w.Now()
	for len(r.old) > 0 && r.old[0].until+r.s.Memory < now {
		r.old = r.old[1:]
	}
	r.old = append(r.old, past{r.states[i], now})
}

// wish is the Op of an event; nil: it has none.
func wish(e *plan.Event) p2p.Op {
	switch e.Do {
	case plan.Leave:
		return p2p.Leave{}
	case plan.Publish:
		return p2p.Publish{Name: e.Name, Size: e.Size, Seed: 1}
	case plan.Find:
		return p2p.Find{Name: e.Name}
	case plan.Fetch:
		return p2p.Fetch{Name: e.Name}
	}
	return nil
}

// disturb begins or ends a fault of the network, and makes the network what
// all that last make of it.
func (r *run) disturb(e *plan.Event) bool {
	if e.Do == plan.Heal {
		was := len(r.net)
		r.net = slices.DeleteFunc(r.net, func(f plan.Event) bool { return e.Label == "" || e.Label == f.Label })
		if len(r.net) == was {
			return false
		}
	} else {
		r.net = append(r.net, *e)
	}
	var n fault.Net
	for _, f := range r.net {
		switch f.Do {
		case plan.Cut:
			n.Cuts = append(n.Cuts, r.cuts(f)...)
		case plan.Drop:
			n.Drops = append(n.Drops, linkmodel.Drop{From: r.addrs(f.Groups[0]), To: r.addrs(f.Groups[1]), Share: f.Share})
		case plan.Shape:
			n.Links = *f.Links
		}
	}
	r.err = r.w.Apply(n)
	return true
}

func (r *run) cuts(e plan.Event) []fault.Cut {
	groups := make([][]p2p.Addr, len(e.Groups))
	for i, g := range e.Groups {
		groups[i] = r.addrs(g)
	}
	if e.OneWay {
		return []fault.Cut{{From: groups[0], To: groups[1]}}
	}
	return fault.Split(groups...)
}

func (r *run) addrs(nodes []int) []p2p.Addr {
	var list []p2p.Addr
	for _, i := range nodes {
		list = append(list, r.specs[i].Addr)
	}
	return list
}
