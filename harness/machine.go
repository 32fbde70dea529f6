package harness

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"peerbed/node/control"
)

// The bounds within which a machine may be timed on. Past any of them times say
// more about the machine than about the protocol. What was counted and what
// succeeded is judged all the same: time-outs of protocols are ten times longer
// than these bounds, and a run in which they are not shows it in what it finds.
const (
	// maxLag is how late one timer in a hundred may be. The shortest time-outs
	// of the protocols here are some hundred milliseconds.
	maxLag = 50 * time.Millisecond
	// fullBusy is when the processors have no room for a node that wakes up, and
	// maxFull the share of the run in which that may be so: starts and crashes
	// take them for moments.
	fullBusy = 0.95
	maxFull  = 0.20
	// maxThrottled is the share of the run for which a node may be kept from the
	// processors by its limit.
	maxThrottled = 0.05
	// maxExtra is how much longer than asked a way there and back may take, on
	// average: what a shaped link adds by itself must be small beside its delay.
	maxExtra = 20 * time.Millisecond
	// sound is the share of the processors that nodes may use if they are to be
	// timed: beyond it they begin to wait for one another.
	sound = 0.70
	// enoughTimers is how many timers a node must have had for its own p99 to
	// mean something.
	enoughTimers = 100
)

// A Load is what a node has taken of its machine, and how late that let it be.
type Load struct {
	Lags      control.Lags  // of its timers
	CPU       time.Duration // processor time; 0: unknown
	Throttled time.Duration // kept from the processors by its limit
}

func (l Load) plus(m Load) Load {
	return Load{l.Lags.Plus(m.Lags), l.CPU + m.CPU, l.Throttled + m.Throttled}
}

func (l Load) since(earlier Load) Load {
	return Load{l.Lags.Since(earlier.Lags), l.CPU - earlier.CPU, l.Throttled - earlier.Throttled}
}

// CountersOf makes Counters of what a node itself has counted.
func CountersOf(r control.CountersReply) Counters {
	return Counters{Traffic: r.Traffic, Load: Load{r.Lags, r.CPU, r.Throttled}}
}

// A Machine is how the machine fared that carried a run in a real world.
type Machine struct {
	Nodes      int
	Processors int
	Busy       float64       // share of the processors at work, on average; 0: unknown
	Full       float64       // share of the run in which nearly all of them were
	Ours       float64       // the part of Busy that was the nodes
	Lag        time.Duration // 99 of 100 timers were at most so late
	LagWorst   time.Duration // and of the node that fared worst
	LagOf      string        // its name
	Lags       []time.Duration
	Throttled  float64 // share of the run for which the most throttled node was kept waiting
	// Asked is how long ways there and back should have taken, and Got what
	// probes found in the middle of the run; 0: no delay was asked for.
	Asked, Got time.Duration
}

// Verdict is nil if times that were measured on this machine count, and an
// Infrastructure if they do not: it says which bound was passed, and how many
// nodes would fit.
func (m *Machine) Verdict() error {
	if m == nil {
		return nil
	}
	var asked, got []string
	past := func(yes bool, bound, is string) {
		if yes {
			asked, got = append(asked, bound), append(got, is)
		}
	}
	past(m.Lag > maxLag, fmt.Sprintf("99 of 100 timers at most %v late", maxLag),
		fmt.Sprintf("%v (%v at %s)", round(m.Lag), round(m.LagWorst), m.LagOf))
	past(m.Full > maxFull, fmt.Sprintf("%d processors full for at most %.0f %% of the run", m.Processors, 100*maxFull),
		fmt.Sprintf("%.0f %%", 100*m.Full))
	past(m.Throttled > maxThrottled, fmt.Sprintf("no node throttled for more than %.0f %% of the run", 100*maxThrottled),
		fmt.Sprintf("%.0f %%", 100*m.Throttled))
	past(m.Asked > 0 && m.Got > m.Asked+maxExtra, fmt.Sprintf("%v there and back", round(m.Asked)), round(m.Got).String())
	if asked == nil {
		return nil
	}
	return Infrastructure{
		What:  fmt.Sprintf("this machine is too slow to time %d nodes on", m.Nodes),
		Asked: strings.Join(asked, " and "), Got: strings.Join(got, " and "), Help: m.help(),
	}
}

// help names the size that would fit.
func (m *Machine) help() string {
	fits, others := m.fits()
	busy := fmt.Sprintf("the nodes used %.0f %% of the processors and other work %.0f %%", 100*m.Ours, 100*others)
	if fits < 1 {
		return busy + ": end that, or wait for it"
	}
	return fmt.Sprintf("%s: try -nodes %d", busy, fits)
}

// fits is how many nodes would leave the machine sound, by what these used
// beside the other work; fewer than there were in any case.
func (m *Machine) fits() (nodes int, others float64) {
	others = max(m.Busy-m.Ours, 0)
	n := float64(m.Nodes)
	if m.Ours > 0 {
		n *= max(sound-others, 0) / m.Ours
	}
	if m.Lag > maxLag {
		n = min(n, float64(m.Nodes)*float64(maxLag)/float64(m.Lag))
	}
	if others >= sound {
		n = 0
	}
	return min(int(n), m.Nodes-1), others
}

// loads tells what all nodes have taken so far, by their number.
func (c *Cluster) loads() []Load {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]Load, len(c.nodes))
	for i := range c.nodes {
		if n := c.traffic[c.Addr(i)]; n != nil {
			all[i] = n.before.Load.plus(n.now.Load)
		}
	}
	return all
}

// machine sums up a run that took d.
func (c *Cluster) machine(before []Load, g *gauge, d time.Duration) *Machine {
	m := &Machine{Nodes: len(c.nodes), Processors: runtime.NumCPU()}
	m.Busy, m.Full = g.shares()
	var all control.Lags
	for i, now := range c.loads() {
		l := now
		if i < len(before) {
			l = now.since(before[i])
		}
		all = all.Plus(l.Lags)
		m.Ours += l.CPU.Seconds() / d.Seconds() / float64(m.Processors)
		m.Throttled = max(m.Throttled, l.Throttled.Seconds()/d.Seconds())
		p99 := l.Lags.Quantile(0.99)
		m.Lags = append(m.Lags, p99)
		if l.Lags.Count() >= enoughTimers && p99 > m.LagWorst {
			m.LagWorst, m.LagOf = p99, c.Name(i)
		}
	}
	m.Lag = all.Quantile(0.99)
	return m
}

// delays probes the ways of shaped links: what is asked, and what is got.
func (c *Cluster) delays() (asked, got time.Duration) {
	if c.set.Unproven || c.net.Links.Perfect() {
		return 0, 0
	}
	ways := slices.DeleteFunc(c.ways(&c.net, &c.net), func(w way) bool { return !w.back || w.rtt == 0 || !w.anyRate })
	echoes, err := c.probeAll(ways)
	if err != nil {
		return 0, 0
	}
	var t tally
	for _, e := range echoes {
		if !e.skipped {
			t.measure(e, true)
		}
	}
	if t.answers == 0 {
		return 0, 0
	}
	return t.rtt / time.Duration(t.answers), t.gotRTT / time.Duration(t.answers)
}
