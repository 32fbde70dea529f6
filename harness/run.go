package harness

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"peerbed/harness/plan"
	"peerbed/protocols/p2p"
)

// Grace is how long Run waits, after its end, for operations under way. What
// is still open then counts as failed.
const Grace = time.Minute

// Run plays the plans together for d: their events are drawn and merged before
// it begins, so that every world gets the same schedule. An operation whose
// node is down at its time is asked of the next node that is up.
func (c *Cluster) Run(d time.Duration, plans ...plan.Plan) *Results {
	if c.err != nil {
		return &Results{}
	}
	facts := plan.Facts{Seed: c.set.Seed + uint64(c.runs), Nodes: len(c.nodes), For: d, Files: c.files}
	c.runs++
	r := &run{c: c, number: c.runs, length: d}
	var err error
	if r.events, err = plan.Timeline(facts, append(plans[:len(plans):len(plans)], watch{})...); err == nil {
		err = r.prepare()
	}
	c.rec.begin(r, plans)
	if r.began, r.before, r.loads = c.Now(), c.Totals(), c.loads(); err == nil {
		err = r.watched()
	}
	c.fail(err)
	if !c.about.Virtual {
		c.States() // fails if a node has died by itself
	}
	if err := r.machine.Verdict(); err != nil {
		c.say("times of this run do not count: %v", err)
	} else if r.late > tooLate {
		c.say("this machine was %v late with an operation: what was timed here is its own slowness too", round(r.late))
	}
	res := r.results(plans)
	res.churn(c, r.began, plans, facts)
	c.rec.end(res)
	c.caption = ""
	return res
}

// Caption names the next Run in what is recorded of it: "during the cut".
func (c *Cluster) Caption(title string) { c.caption = title }

// tooLate is how late an operation may begin before the times that a run
// measured say more about the machine than about the protocol.
const tooLate = 200 * time.Millisecond

// watch looks at the cluster sixty times during a run, at most once a second.
type watch struct{}

const sample plan.Verb = "sample"

func (watch) Events(f plan.Facts) ([]plan.Event, error) {
	var events []plan.Event
	for at := time.Duration(0); at <= f.For; at += max(f.For/60, time.Second) {
		events = append(events, plan.Event{At: at, Do: sample})
	}
	return events, nil
}

// A run is one call of Run under way.
type run struct {
	c      *Cluster
	number int // of the run in its cluster, from 1
	began  time.Duration
	length time.Duration
	events []plan.Event
	before Totals
	shots  []Sample

	loads      []Load // of the nodes, when it began
	machine    *Machine
	asked, got time.Duration // see Machine
	probed     bool          // for them

	mu   sync.Mutex // for what follows: outcomes come on any goroutine
	ops  []*Operation
	open int
	over bool // outcomes no longer count
	late time.Duration
}

// prepare sends away who is not to be there when the clock starts.
func (r *run) prepare() error {
	var away []int
	for _, e := range r.events {
		if e.Do == plan.Away {
			away = append(away, e.Nodes...)
		}
	}
	return r.c.sendAway(away)
}

// now is the time since the run began.
func (r *run) now() time.Duration { return r.c.Now() - r.began }

// watched plays the run while the machine is watched, where time is real.
func (r *run) watched() error {
	if r.c.about.Virtual {
		return r.play()
	}
	g := newGauge(processors)
	err := r.play()
	g.stop()
	if err == nil {
		err = r.c.readTraffic(0)
	}
	r.machine = r.c.machine(r.loads, g, max(r.now(), 1))
	r.machine.Asked, r.machine.Got = r.asked, r.got
	return err
}

// play does every event at its time and waits for the last outcome. In real
// worlds faults and samples are done beside the operations, one after the
// other, so that a slow kill delays no lookup.
func (r *run) play() error {
	beside := make(chan plan.Event, len(r.events))
	failed := make(chan error, 1)
	go func() { failed <- r.work(beside) }()
	err := r.timeline(beside)
	close(beside)
	if err = errors.Join(err, <-failed); err != nil {
		return err
	}
	if err := r.wait(r.length - r.now()); err != nil {
		return err
	}
	return r.finish()
}

func (r *run) timeline(beside chan<- plan.Event) error {
	for _, e := range r.events {
		if err := r.wait(e.At - r.now()); err != nil {
			return err
		}
		r.late = max(r.late, r.now()-e.At)
		switch op := operation(e); {
		case op != nil:
			r.ask(e, op)
		case r.c.about.Virtual:
			if err := r.disturb(e); err != nil {
				return err
			}
		default:
			beside <- e
		}
	}
	return nil
}

// work does what stands in the channel until that is closed; after an error
// nothing more.
func (r *run) work(events <-chan plan.Event) (err error) {
	for e := range events {
		if err == nil {
			err = r.disturb(e)
		}
	}
	return err
}

func (r *run) wait(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	return r.c.advance(d, nil)
}

// finish waits for the operations that are open.
func (r *run) finish() error {
	err := r.c.advance(Grace, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.open == 0
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	return err
}

// operation returns the wish that an event makes, or nil.
func operation(e plan.Event) p2p.Op {
	switch e.Do {
	case plan.Publish:
		return Publishing(e.Name, e.Size)
	case plan.Find:
		return p2p.Find{Name: e.Name}
	case plan.Fetch:
		return p2p.Fetch{Name: e.Name}
	}
	return nil
}

// disturb carries out any other event.
func (r *run) disturb(e plan.Event) error {
	switch e.Do {
	case sample:
		return r.sample()
	case plan.Away: // see prepare
		return nil
	}
	r.c.rec.event(r.began, e)
	_, err := r.c.carryOut(e)
	return err
}

// ask begins an operation.
func (r *run) ask(e plan.Event, op p2p.Op) {
	asker := r.c.nextUp(e.Nodes[0])
	r.mu.Lock()
	o := &Operation{N: len(r.ops), Op: e.Do, Name: e.Name, Asker: asker, Start: r.now(), Took: -1}
	r.ops = append(r.ops, o)
	if asker < 0 {
		o.end(Outcome{Result: p2p.Result{Err: fmt.Errorf("no node is up: %w", p2p.ErrGone)}})
		r.c.rec.operation(r.number, r.began, o)
		r.mu.Unlock()
		return
	}
	r.open++
	r.mu.Unlock()
	r.c.backend.Do(r.c.Addr(asker), op, func(out Outcome) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.open--
		if !r.over {
			o.end(out)
			r.c.rec.operation(r.number, r.began, o)
		}
	})
}

// sample notes how the cluster is.
func (r *run) sample() error {
	if !r.probed && !r.c.about.Virtual && r.now() >= r.length/2 {
		r.probed = true
		r.asked, r.got = r.c.delays()
	}
	began := r.now()
	t, err := r.c.totals()
	at := (began + r.now()) / 2 // nodes are read one after the other
	r.shots = append(r.shots, Sample{At: at, Live: len(r.c.Live()), Traffic: t.Sub(r.before)})
	return err
}

// results closes the books.
func (r *run) results(plans []plan.Plan) *Results {
	c := r.c
	res := &Results{Length: r.length, Samples: r.shots, Late: r.late, Machine: r.machine, Number: r.number, cluster: c,
		Traffic: c.Totals().Sub(r.before)}
	for _, p := range plans {
		res.Plans = append(res.Plans, plan.Text(p))
	}
	for _, e := range r.events {
		if e.Do != sample {
			res.Events = append(res.Events, e)
		}
	}
	res.Faults = c.during(r.began, r.began+r.length)
	for _, o := range r.ops {
		if o.Took < 0 {
			o.end(Outcome{Took: r.now() - o.Start, Result: p2p.Result{
				Err: fmt.Errorf("no outcome within %v after the run: %w", Grace, p2p.ErrTimeout)}})
			c.rec.operation(r.number, r.began, o)
		}
		o.meet(res.Faults)
		res.Operations = append(res.Operations, *o)
		if o.Op == plan.Publish && o.Err == nil {
			c.files = append(c.files, o.Name)
		}
	}
	res.summarise()
	return res
}
