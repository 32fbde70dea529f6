package classroom

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"peerbed/harness"
	"peerbed/harness/hunt"
	"peerbed/harness/plan"
	"peerbed/harness/sim"
	"peerbed/protocols/p2p"
)

// A run is a case being played with a program.
type run struct {
	o      *oracle
	course Course
	test   *Test
	c      *hunt.Case
	w      *sim.World
	stage  *stage
	*layout
	lives   []*node // by number of the node; nil: down
	order   []int   // the nodes in the order in which they were spawned
	played  []bool
	failed  time.Duration // when somebody last did
	finds   []*find
	idle    float64 // messages a node and second
	sent    struct{ messages, bytes uint64 }
	broken  *hunt.Violation
	err     error // of the harness
	tracked bool  // the checks of the end are asked all the time, for since
	since   map[string]hunt.Violation
	story   *story
}

// A find is a wish and what came of it.
type find struct {
	node  int
	name  string
	at    time.Duration
	cause uint32
	done  bool
	harness.Outcome
}

// play plays a case to its end or to the first violation. split gives each node a
// process of its own.
func (g *grading) play(t *Test, c *hunt.Case, split bool, listen func(*run)) *run {
	r := &run{o: g.oracle, course: g.course, test: t, c: c, stage: newStage(g.program, split),
		layout: layOut(c.Port, c.Nodes), lives: make([]*node, c.Nodes), played: make([]bool, len(c.Events)), since: map[string]hunt.Violation{}}
	defer r.stage.close()
	r.stage.config = func(a p2p.Addr) (map[string]string, uint64) {
		i := r.by[a]
		return r.o.config(r, i), rand.New(rand.NewPCG(c.Seed, uint64(i))).Uint64() >> 12
	}
	if listen != nil {
		listen(r)
	}
	cfg := sim.Config{Seed: c.Seed, Model: c.Links, Watch: r.watch}
	r.w = sim.New(cfg)
	r.play()
	return r
}

// watch counts what is sent, and tells the story.
func (r *run) watch(e *sim.Event) {
	if e.What == sim.Send {
		r.sent.messages++
		r.sent.bytes += uint64(e.Size)
	}
	if r.story != nil {
		r.story.hear(e)
	}
}

func (r *run) over() bool { return r.broken != nil || r.err != nil }

func (r *run) play() {
	p := r.stage.protocol()
	for _, i := range r.c.Up {
		r.up(p, i)
	}
	for k := range r.c.Events {
		e := &r.c.Events[k]
		if r.wait(e.At - r.w.Now()); r.over() {
			return
		}
		r.played[k] = r.do(p, e)
	}
	if r.wait(r.c.End - r.w.Now()); !r.over() {
		r.tail()
	}
}

// wait lets time pass. A program's fault ends the run.
func (r *run) wait(d time.Duration) {
	const often = 500 * time.Millisecond
	for end := r.w.Now() + max(d, 0); !r.over(); {
		left := end - r.w.Now()
		if r.tracked {
			left = min(left, often)
		}
		r.w.RunUntil(func() bool { return r.stage.fault != nil }, left)
		if r.tracked {
			r.track()
		}
		if r.blame(); r.w.Now() >= end {
			return
		}
	}
}

// blame turns the fault of the program into a violation.
func (r *run) blame() {
	if r.stage.fault == nil || r.over() {
		return
	}
	if f, ok := errors.AsType[*Fault](r.stage.fault); ok {
		r.breaks("program", f)
		return
	}
	r.err = r.stage.fault
}

func (r *run) breaks(name string, err error) {
	r.broken = &hunt.Violation{Invariant: name, At: r.w.Now(), Why: err.Error()}
}

// up starts node i: for the first time, or again.
func (r *run) up(p *p2p.Protocol, i int) bool {
	if r.lives[i] != nil {
		return false
	}
	if slices.Contains(r.order, i) {
		r.err = r.w.Restart(r.addrs[i])
	} else {
		r.order = append(r.order, i)
		r.err = r.w.Spawn(harness.Spec{Index: i, Name: strconv.Itoa(i), Protocol: p, Addr: r.addrs[i], Config: struct{}{}})
	}
	if r.err != nil {
		return false
	}
	r.lives[i] = r.stage.nodes[r.stage.lives-1]
	r.blame()
	return true
}

// do carries out an event, unless it makes no sense any more.
func (r *run) do(p *p2p.Protocol, e *plan.Event) bool {
	if e.Do == plan.Restart {
		return r.up(p, e.Nodes[0])
	}
	alive := slices.DeleteFunc(slices.Clone(e.Nodes), func(i int) bool { return r.lives[i] == nil || i == 0 })
	if len(alive) == 0 || r.failed > 0 && r.w.Now() < r.failed+lull || r.o.mends != nil && !r.o.mends(r.layout, r.alive(), alive) {
		return false
	}
	r.failed = r.w.Now()
	for _, i := range alive {
		n := r.lives[i]
		r.lives[i] = nil
		if e.Do == plan.Crash {
			r.err = errors.Join(r.err, r.w.Crash(r.addrs[i]))
			n.stop()
			continue
		}
		left := false
		r.w.Do(r.addrs[i], p2p.Leave{}, func(harness.Outcome) { left = true })
		if r.w.Run(0); !left { // it will not say good-bye
			r.err = errors.Join(r.err, r.w.Crash(r.addrs[i]))
		}
		n.stop()
	}
	r.blame()
	return true
}

// alive lists who is up.
func (r *run) alive() []int {
	var list []int
	for i, n := range r.lives {
		if n != nil {
			list = append(list, i)
		}
	}
	return list
}

// answering is how long a find may take.
const answering = 10 * time.Second

// tail is what comes after the events: rest, finds, the count of idle traffic,
// and the checks.
func (r *run) tail() {
	s := r.test.Scenario
	if r.wait(time.Duration(s.Rest)); r.over() {
		return
	}
	r.measure(time.Duration(s.Idle))
	if r.ask(); r.over() {
		return
	}
	for _, name := range r.test.Checks {
		if err := r.o.checks[name](r); err != nil && !r.over() {
			r.breaks(name, err)
			r.began(name)
		}
	}
	if err := r.budget(); err != nil && !r.over() {
		r.breaks("budget", err)
	}
	r.blame()
}

// measure counts the traffic while nothing is asked for.
func (r *run) measure(d time.Duration) {
	if d <= 0 {
		return
	}
	was := r.sent.messages
	r.wait(d)
	r.idle = float64(r.sent.messages-was) / float64(len(r.alive())) / d.Seconds()
}

// ask has random nodes wish for something, a few times a second.
func (r *run) ask() {
	draw := rand.New(rand.NewPCG(r.c.Seed, 2))
	alive := r.alive()
	for range r.test.Scenario.Finds {
		i := alive[draw.IntN(len(alive))]
		f := &find{node: i, name: r.o.wish(r, r.test.Scenario.Wish, draw), at: r.w.Now()}
		f.cause = r.w.Do(r.addrs[i], p2p.Find{Name: f.name}, func(o harness.Outcome) { f.Outcome, f.done = o, true })
		r.finds = append(r.finds, f)
		if r.wait(200 * time.Millisecond); r.over() {
			return
		}
	}
	r.w.RunUntil(func() bool {
		return r.stage.fault != nil || !slices.ContainsFunc(r.finds, func(f *find) bool { return !f.done })
	}, answering)
	r.blame()
}

// budget holds what the run has cost against what it may.
func (r *run) budget() error {
	b, n := r.test.Budget, len(r.alive())
	if most := b.PerLog*math.Log2(float64(n)) + b.Plus; most > 0 && len(r.finds) > 0 {
		total := uint64(0)
		for _, f := range r.finds {
			total += r.w.Cost(f.cause, p2p.Lookup).Messages
		}
		if mean := float64(total) / float64(len(r.finds)); mean > most {
			return fmt.Errorf("a find among %d nodes took %.1f messages on average, want at most %.1f", n, mean, most)
		}
	}
	if b.Idle > 0 && r.idle > b.Idle {
		return fmt.Errorf("while nobody asked anything each of %d nodes sent %.1f messages a second, want at most %.1f", n, r.idle, b.Idle)
	}
	if mean := float64(r.sent.bytes) / float64(max(r.sent.messages, 1)); b.Bytes > 0 && mean > b.Bytes {
		return fmt.Errorf("a message was %.0f bytes long on average, want at most %.0f", mean, b.Bytes)
	}
	return nil
}

// track notes since when each check of the states has not held.
func (r *run) track() {
	for _, name := range r.test.Checks {
		if !r.o.states[name] {
			continue
		}
		err := r.o.checks[name](r)
		_, was := r.since[name]
		switch {
		case err == nil:
			delete(r.since, name)
		case !was:
			r.since[name] = hunt.Violation{Invariant: name, At: r.w.Now(), Why: err.Error()}
		}
	}
}

// began takes the time since which a check has not held, if it was tracked.
func (r *run) began(name string) {
	if v, ok := r.since[name]; ok && r.tracked {
		r.broken.At = v.At
	}
}

// state reads what the program tells of node i.
func (r *run) state(i int) p2p.State { return r.lives[i].Inspect() }
