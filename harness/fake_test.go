package harness

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/protocols/p2p"
)

// fakeConfig is the configuration of toy, a protocol that only the fake world
// below plays.
type fakeConfig struct {
	Introducer string `flag:"introducer" doc:"where to begin"`
	Copies     int    `flag:"copies" default:"2" range:"1:9" doc:"of each file"`
}

var toy = &p2p.Protocol{Name: "toy", Config: p2p.Default[fakeConfig]()}

// A fake is a world with virtual time in which node i answers every wish by
// asking node i+1: after 100 ms there is an answer, or after 3 s none if that
// node is down or cut off.
type fake struct {
	o      Options
	now    time.Duration
	queue  []job
	nodes  map[p2p.Addr]*fakeNode
	net    fault.Net
	max    int
	broken error                                   // of Inspect
	probe  func(from, to p2p.Addr, p Probing) Echo // nil: the truth
	closed int
}

type fakeNode struct {
	Spec
	up     bool
	paused bool
	sent   uint64
}

type job struct {
	at time.Duration
	do func()
}

// open registers the fake as a world of its own name for the time of a test.
func (f *fake) open(t *testing.T) *fake {
	Register("fake", func(_ context.Context, o Options) (Backend, error) {
		f.o, f.nodes = o, map[p2p.Addr]*fakeNode{}
		return f, nil
	})
	t.Cleanup(func() { delete(openers, "fake") })
	return f
}

func (f *fake) IP(i int) uint32 { return 10<<24 | uint32(i+1) }

func (f *fake) Spawn(_ context.Context, s Spec) error {
	f.nodes[s.Addr] = &fakeNode{Spec: s, up: true}
	return nil
}

func (f *fake) Kill(_ context.Context, a p2p.Addr, _ How) error {
	if !f.nodes[a].up {
		return fmt.Errorf("%v is not running", a)
	}
	f.nodes[a].up, f.nodes[a].paused, f.nodes[a].sent = false, false, 0
	return nil
}

func (f *fake) Restart(_ context.Context, a p2p.Addr) error {
	f.nodes[a].up = true
	return nil
}

func (f *fake) Do(a p2p.Addr, op p2p.Op, done func(Outcome)) {
	next := f.next(a)
	f.nodes[a].sent++
	o := Outcome{Took: 100 * time.Millisecond, Result: p2p.Result{Hops: 1, Found: []p2p.Addr{next},
		Path: []p2p.Hop{{Addr: a}, {Addr: next, By: "next"}}}}
	if !f.nodes[next].up || f.nodes[next].paused || f.net.Blocked(a, next) {
		o = Outcome{Took: 3 * time.Second, Result: p2p.Result{Err: p2p.ErrTimeout, Path: o.Path[:1]}}
	}
	f.queue = append(f.queue, job{f.now + o.Took, func() {
		if !f.nodes[a].up {
			o = Outcome{Result: p2p.Result{Err: p2p.ErrGone}}
		}
		if _, leave := op.(p2p.Leave); leave && o.Err == nil {
			f.nodes[a].up, f.nodes[a].sent = false, 0
		}
		done(o)
	}})
}

func (f *fake) next(a p2p.Addr) p2p.Addr {
	i := f.nodes[a].Index%(len(f.nodes)-1) + 1
	return p2p.MakeAddr(f.IP(i), port)
}

func (f *fake) Inspect(_ context.Context, a p2p.Addr) (p2p.State, error) {
	if f.nodes[a].paused {
		return p2p.State{}, ErrPaused
	}
	return p2p.State{Self: a, Neighbours: []p2p.Addr{f.next(a)}}, f.broken
}

func (f *fake) Apply(_ context.Context, n fault.Net) error {
	f.net = n
	return nil
}

// Probe answers as Do does, unless the fake lies.
func (f *fake) Probe(_ context.Context, from, to p2p.Addr, p Probing) (Echo, error) {
	e := Echo{Sent: max(p.Count, 1)}
	if f.probe != nil {
		return f.probe(from, to, p), nil
	}
	there, back := !f.net.Blocked(from, to), !f.net.Blocked(to, from)
	if p.By == Stream && f.net.Walled(to) {
		return e, nil
	}
	m := f.net.Model()
	link, home := m.Link(from, to), m.Link(to, from)
	if there && (back || p.By == Datagram) {
		e.There = int((1-link.Loss)*float64(e.Sent) + 0.5)
	}
	if there && back {
		e.Back = e.There
		e.RTTs = slices.Repeat([]time.Duration{link.Delay + home.Delay}, e.Sent)
	}
	return e, nil
}

func (f *fake) Counters(context.Context) (map[p2p.Addr]Counters, error) {
	all := map[p2p.Addr]Counters{}
	for a, n := range f.nodes {
		if n.up && !n.paused {
			all[a] = Counters{SeenOut: 10 * n.sent, Traffic: []p2p.Traffic{
				{Kind: "question", Class: p2p.Lookup, Sent: n.sent, SentBytes: 8 * n.sent}}}
		}
	}
	return all, nil
}

func (f *fake) Now() time.Duration { return f.now }

func (f *fake) Advance(ctx context.Context, d time.Duration, until func() bool) error {
	for end := f.now + d; ; {
		slices.SortStableFunc(f.queue, func(a, b job) int { return cmp.Compare(a.at, b.at) })
		switch {
		case until != nil && until(), ctx.Err() != nil:
			return ctx.Err()
		case len(f.queue) == 0 || f.queue[0].at > end:
			f.now = end
			return nil
		}
		j := f.queue[0]
		f.queue, f.now = f.queue[1:], j.at
		j.do()
	}
}

func (f *fake) About() About {
	return About{World: "fake", Detail: "nodes that ask the next", Virtual: true, Max: f.max}
}

func (f *fake) Close() error {
	f.closed++
	return nil
}
