package harness

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"peerbed/harness/record/journal"
	"peerbed/node/control"
	"peerbed/protocols/p2p"
	"peerbed/protocols/vocabulary"
)

// How often a cluster is measured for the journal: every second, of more than
// vocabulary.NodesInFull nodes more rarely in proportion, so that it costs a run
// always the same share; what nodes keep (their States) is dearer to read than
// what they have counted, and is read at some of the times only. A run of long
// duration is measured half as often after longRun times, and so on, so that its
// journal stays of a size.
const (
	beatEvery     = time.Second
	statesReal    = 5
	statesVirtual = 10
	longRun       = 600
)

// A pulse is when a cluster was measured, and what must be known of it for the
// next time.
type pulse struct {
	mu     sync.Mutex // one sample at a time
	n      int        // samples so far
	due    time.Duration
	phase  string // that is on; "": none
	phases map[string]bool
	faults map[[2]string]bool
	names  map[string]map[string]bool // that there were, of tables, figures and roles
	edges  map[string][]string        // label values of those that there were, by id
	infos  map[string][]string        // and of nodes
	lags   control.Lags
	each   map[string]control.Lags
	ticks  ticks
	stop   func()

	moves        sync.Mutex // for what follows
	joins, leave int
}

func (p *pulse) begin() {
	p.phases, p.faults = map[string]bool{}, map[[2]string]bool{}
	p.names = map[string]map[string]bool{}
	p.edges, p.infos, p.each = map[string][]string{}, map[string][]string{}, map[string]control.Lags{}
	p.ticks, _ = processors()
	p.stop = func() {}
}

func (p *pulse) end() { p.stop() }

// known are the names of one group that there were so far.
func (p *pulse) known(group string) map[string]bool {
	if p.names[group] == nil {
		p.names[group] = map[string]bool{}
	}
	return p.names[group]
}

// enter notes which phase is on.
func (p *pulse) enter(phase string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase = phase
}

func (p *pulse) moved(up bool, n int) {
	p.moves.Lock()
	defer p.moves.Unlock()
	if up {
		p.joins += n
	} else {
		p.leave += n
	}
}

// beat measures a cluster of a real world until the recorder is closed.
func (r *recorder) beat() {
	quit, done := make(chan struct{}), make(chan struct{})
	r.pulse.stop = sync.OnceFunc(func() { close(quit); <-done })
	go func() {
		defer close(done)
		t := time.NewTimer(beatEvery)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				r.sample(false)
				t.Reset(r.period())
			case <-quit:
				return
			}
		}
	}()
}

// period is how long it is to the next sample.
func (r *recorder) period() time.Duration {
	r.pulse.mu.Lock()
	defer r.pulse.mu.Unlock()
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	d := beatEvery * time.Duration(1+max(len(r.c.nodes)-1, 0)/vocabulary.NodesInFull)
	for n := r.pulse.n; n > longRun; n -= longRun {
		d *= 2
	}
	return d
}

// advance lets time pass, as the backend does, and measures the cluster
// meanwhile where time is virtual.
func (c *Cluster) advance(d time.Duration, until func() bool) error {
	return c.advanceUnder(c.ctx, d, until)
}

func (c *Cluster) advanceUnder(ctx context.Context, d time.Duration, until func() bool) error {
	if c.rec == nil || !c.about.Virtual {
		return c.backend.Advance(ctx, d, until)
	}
	for end := c.Now() + d; ; {
		if c.Now() >= c.rec.pulse.due {
			c.rec.sample(false)
			c.rec.pulse.due = c.Now() + c.rec.period()
		}
		if err := c.backend.Advance(ctx, min(end, c.rec.pulse.due)-c.Now(), until); err != nil {
			return err
		}
		if c.Now() >= end || until != nil && until() {
			return nil
		}
	}
}

// A counted is one node as a sample sees it.
type counted struct {
	node  int
	Spec  Spec
	live  bool
	total Counters // of all its lives
}

// census says what all nodes have counted, as it was read last.
func (c *Cluster) census() []counted {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]counted, len(c.nodes))
	for i, n := range c.nodes {
		all[i] = counted{node: i, Spec: n.spec, live: n.up && !n.paused}
		if t := c.traffic[n.spec.Addr]; t != nil {
			all[i].total = t.sum()
		}
	}
	return all
}

// sum is what a node has counted in all its lives.
func (n *count) sum() Counters {
	if len(n.before.Traffic) == 0 {
		s := n.now
		s.Load = n.before.Load.plus(n.now.Load)
		return s
	}
	var t Totals
	t.add(n.before)
	t.add(n.now)
	return Counters{Traffic: t.Kinds, SeenIn: t.SeenIn, SeenOut: t.SeenOut, Load: n.before.Load.plus(n.now.Load)}
}

// An inspected is the state of one node.
type inspected struct {
	node int
	p2p.State
}

// inspected reads the states of those nodes that live; who goes meanwhile is left
// out.
func (c *Cluster) inspected(all []counted) []inspected {
	live := slices.DeleteFunc(slices.Clone(all), func(n counted) bool { return !n.live })
	numbers := make([]int, len(live))
	for k, n := range live {
		numbers[k] = n.node
	}
	found := make([]inspected, len(live))
	err := c.each(numbers, func(k, i int) error {
		s, err := c.backend.Inspect(c.ctx, live[k].Spec.Addr)
		found[k] = inspected{node: i, State: s}
		if err != nil {
			found[k].node = -1
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(found, func(s inspected) bool { return s.node < 0 })
}

// sample measures the cluster now, with the states of its nodes or, unless it is
// their turn, without.
func (r *recorder) sample(states bool) {
	r.pulse.mu.Lock()
	defer r.pulse.mu.Unlock()
	c := r.c
	began := c.Now()
	if err := c.readTraffic(beatEvery / 2); err != nil && !errors.Is(err, p2p.ErrGone) {
		return // the world is gone, or going
	}
	every := statesReal
	if c.about.Virtual {
		every = statesVirtual
	}
	all := c.census()
	s := &values{c: c, full: len(all) <= vocabulary.NodesInFull}
	s.traffic(all)
	s.members(all, &r.pulse)
	s.faults(&r.pulse)
	if !c.about.Virtual {
		s.machine(all, &r.pulse)
	}
	if states || r.pulse.n%every == 0 {
		s.states(all, c.inspected(all), &r.pulse)
	}
	r.pulse.n++
	r.w.Sample((began+c.Now())/2, s.list)
}

// values are the measurements of one sample.
type values struct {
	c    *Cluster
	full bool // single nodes have series
	list []journal.Value
}

func (s *values) add(m *vocabulary.Metric, v float64, labels ...string) {
	s.list = append(s.list, journal.Value{Metric: m, Labels: labels, V: v})
}

// traffic is what all nodes together, and each, have sent and received.
func (s *values) traffic(all []counted) {
	var t Totals
	for _, n := range all {
		t.add(n.total)
		if s.full {
			s.nodeTraffic(n)
		}
	}
	for _, k := range t.Kinds {
		class := string(k.Class)
		s.add(vocabulary.Messages, float64(k.Sent), k.Kind, class, "sent")
		s.add(vocabulary.Messages, float64(k.Received), k.Kind, class, "received")
		s.add(vocabulary.MessageBytes, float64(k.SentBytes), k.Kind, class, "sent")
		s.add(vocabulary.MessageBytes, float64(k.ReceivedBytes), k.Kind, class, "received")
	}
	if t.SeenIn+t.SeenOut > 0 {
		s.add(vocabulary.SeenBytes, float64(t.SeenIn), "received")
		s.add(vocabulary.SeenBytes, float64(t.SeenOut), "sent")
	}
}

func (s *values) nodeTraffic(n counted) {
	t := Totals{Kinds: n.total.Traffic}
	for _, class := range []p2p.Class{p2p.Lookup, p2p.Membership, p2p.Transfer} {
		k, name := t.Class(class), string(class)
		if k.Sent+k.Received == 0 {
			continue
		}
		s.add(vocabulary.NodeMessages, float64(k.Sent), n.Spec.Name, name, "sent")
		s.add(vocabulary.NodeMessages, float64(k.Received), n.Spec.Name, name, "received")
		s.add(vocabulary.NodeMessageBytes, float64(k.SentBytes), n.Spec.Name, name, "sent")
		s.add(vocabulary.NodeMessageBytes, float64(k.ReceivedBytes), n.Spec.Name, name, "received")
	}
}

// members is who is there.
func (s *values) members(all []counted, p *pulse) {
	live, roles := 0, map[string]int{}
	for _, n := range all {
		up := 0.0
		if n.live {
			live, up = live+1, 1
		}
		roles[n.Spec.Role]++
		if s.full {
			s.add(vocabulary.NodeUp, up, n.Spec.Name)
		}
	}
	s.add(vocabulary.LiveNodes, float64(live))
	for _, role := range sortedKeys(roles) {
		s.add(vocabulary.Nodes, float64(roles[role]), role)
	}
	p.moves.Lock()
	defer p.moves.Unlock()
	s.add(vocabulary.ChurnEvents, float64(p.joins), "join")
	s.add(vocabulary.ChurnEvents, float64(p.leave), "leave")
}

// faults is what is wrong with the network now, and which phase is on.
func (s *values) faults(p *pulse) {
	now := map[[2]string]float64{}
	for i, f := range s.c.active() {
		switch {
		case f.kind == "":
			now[[2]string{f.Name, f.Name}] += float64(max(len(f.Nodes), 1))
		case i < vocabulary.FaultsInFull:
			now[[2]string{f.Handle, f.kind}] = 1
		default:
			now[[2]string{f.kind, f.kind}]++
		}
	}
	for k := range now {
		p.faults[k] = true
	}
	known := make([][2]string, 0, len(p.faults))
	for k := range p.faults {
		known = append(known, k)
	}
	slices.SortFunc(known, func(a, b [2]string) int { return strings.Compare(a[1]+"\x00"+a[0], b[1]+"\x00"+b[0]) })
	for _, k := range known {
		s.add(vocabulary.FaultActive, now[k], k[0], k[1])
	}
	if p.phase != "" {
		p.phases[p.phase] = true
	}
	for _, name := range sortedKeys(p.phases) {
		on := 0.0
		if name == p.phase {
			on = 1
		}
		s.add(vocabulary.PhaseActive, on, name)
	}
}

// machine is how the machine fares that carries the nodes.
func (s *values) machine(all []counted, p *pulse) {
	var sum Load
	for _, n := range all {
		l := n.total.Load
		sum = sum.plus(l)
		if !s.full {
			continue
		}
		s.add(vocabulary.NodeCPU, l.CPU.Seconds(), n.Spec.Name)
		if lags := l.Lags.Since(p.each[n.Spec.Name]); lags.Count() > 0 {
			s.add(vocabulary.NodeTimerLag, lags.Quantile(0.99).Seconds(), n.Spec.Name)
		}
		p.each[n.Spec.Name] = l.Lags
	}
	s.add(vocabulary.CPU, sum.CPU.Seconds())
	s.add(vocabulary.Throttled, sum.Throttled.Seconds())
	if lags := sum.Lags.Since(p.lags); lags.Count() > 0 {
		s.add(vocabulary.TimerLag, lags.Quantile(0.99).Seconds())
	}
	p.lags = sum.Lags
	if now, ok := processors(); ok {
		if now.all > p.ticks.all {
			s.add(vocabulary.Busy, now.share(p.ticks))
		}
		p.ticks = now
	}
}
