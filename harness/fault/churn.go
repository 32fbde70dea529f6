package fault

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"peerbed/harness/plan"
)

// Churn has nodes come and go during the whole run: each stays for a session,
// goes, is away for a while and comes back with its disk.
//
// It begins as if it had gone on for ever: the nodes that are up then are drawn
// by their share of the time, and what is left of their sessions by the
// equilibrium residual law (Law.Left). Otherwise a run would begin with a wave
// of nodes that all have just come, and it takes many sessions until that
// has spread.
type Churn struct {
	Session Law
	// Downtime is how long nodes are away. nil: the number of live nodes is
	// constant; whenever one goes, another comes, the one that has been away
	// longest. One of eleven is away, for a tenth of a session on average.
	Downtime Law
	// Share of the nodes that churn, 0 to 1; 0: all.
	Share float64
	Exit  Exit
	// Fresh begins all first sessions with the run, as if the network had been
	// switched on at that moment. It is for a law without a mean, and for
	// showing what a start far from the stationary state does.
	Fresh bool
}

// Exit says how nodes go: which shares of all departures, 0 to 1. Those in
// neither crash: they die without a good-bye, and the streams of the others
// break.
type Exit struct {
	Vanish float64 `json:",omitempty"` // fall silent, as with a pulled plug
	Leave  float64 `json:",omitempty"` // say good-bye
}

// Turnover is churn of so many per cent of the nodes an hour: in each hour,
// that many leave for every hundred that are there, and as many join. Sessions
// are exponential, with a mean of 100/percent hours. The measured systems lie
// between 25 (Overnet) and 100 (Gnutella).
func Turnover(percent float64) Churn {
	if !(percent > 0) {
		return Churn{Session: Exponential(0)}
	}
	return Churn{Session: Exponential(times(time.Hour, 100/percent))}
}

const churn = "churn" // the label of all its events

// Events draws the sessions. A node's draws do not depend on how long the run
// is, nor on the other nodes. Times are whole milliseconds.
func (c Churn) Events(f plan.Facts) ([]plan.Event, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	r := f.Rand()
	nodes := some(r, f.Nodes, c.Share)
	if c.Downtime != nil {
		return c.alternate(f, nodes, r), nil
	}
	if len(nodes) == 1 {
		return nil, errors.New("Churn of one node, and nobody is away to take its place: give a Downtime, or more nodes")
	}
	return c.replace(f, nodes, r), nil
}

func (c Churn) check() error {
	if c.Session == nil {
		return errors.New("Churn without a Session: how long does a node stay?")
	}
	for _, law := range []Law{c.Session, c.Downtime} {
		if law == nil {
			continue
		}
		if err := law.Check(); err != nil {
			return err
		}
		if !c.Fresh && law.Mean() >= Forever {
			return fmt.Errorf("%v has no mean, so there is no stationary state to begin from: choose Fresh, or another law", law)
		}
	}
	return errors.Join(fraction("Share", c.Share), c.Exit.check())
}

func (x Exit) check() error {
	if !(x.Vanish >= 0 && x.Leave >= 0 && x.Vanish+x.Leave <= 1) {
		return fmt.Errorf("Exit with %v vanishing and %v leaving: want shares of 1", x.Vanish, x.Leave)
	}
	return nil
}

// draw chooses how one node goes.
func (x Exit) draw(r *rand.Rand) plan.Verb {
	switch at := r.Float64(); {
	case at < x.Vanish:
		return plan.Vanish
	case at < x.Vanish+x.Leave:
		return plan.Leave
	}
	return plan.Crash
}

// alternate has each node come and go by itself: an alternating renewal
// process, which is up for the share of the time that its means say.
func (c Churn) alternate(f plan.Facts, nodes []int, r *rand.Rand) []plan.Event {
	var away []int
	var events []plan.Event
	for _, i := range nodes {
		own := rand.New(rand.NewPCG(r.Uint64(), 0))
		at, up := c.first(own), true
		if own.Float64() >= c.up() {
			away = append(away, i)
			at, up = atLeast(c.Downtime.Left(own)), false
		}
		for ; at <= f.For; up = !up {
			how, stay := plan.Restart, c.Session
			if up {
				how, stay = c.Exit.draw(own), c.Downtime
			}
			events = append(events, event(at, how, i))
			at += atLeast(stay.Draw(own))
		}
	}
	return ordered(away, events)
}

// up is the share of the time for which a node with a Downtime is up.
func (c Churn) up() float64 {
	if c.Fresh {
		return 1
	}
	up, down := c.Session.Mean().Seconds(), c.Downtime.Mean().Seconds()
	return up / (up + down)
}

// first draws how long the first session lasts yet.
func (c Churn) first(r *rand.Rand) time.Duration {
	if c.Fresh {
		return atLeast(c.Session.Draw(r))
	}
	return atLeast(c.Session.Left(r))
}

// replace keeps the number of live nodes constant. Each of their places is a
// renewal process, and whoever goes is replaced by the first of a queue.
func (c Churn) replace(f plan.Facts, nodes []int, r *rand.Rand) []plan.Event {
	turn := slices.Clone(nodes)
	r.Shuffle(len(turn), func(i, j int) { turn[i], turn[j] = turn[j], turn[i] })
	away, holds := turn[:reserve(len(turn))], turn[reserve(len(turn)):] // holds: by place
	var events []plan.Event
	for place := range holds {
		own := rand.New(rand.NewPCG(r.Uint64(), 0))
		for at := c.first(own); at <= f.For; at += atLeast(c.Session.Draw(own)) {
			events = append(events, event(at, c.Exit.draw(own), place))
		}
	}
	return ordered(away, pair(ordered(nil, events), holds, slices.Clone(away)))
}

// pair names the nodes that go, of which events give the places, and has
// another come for each.
func pair(events []plan.Event, holds, queue []int) []plan.Event {
	both := make([]plan.Event, 0, 2*len(events))
	for _, e := range events {
		place := e.Nodes[0]
		goes, comes := holds[place], queue[0]
		holds[place], queue = comes, append(queue[1:], goes)
		e.Nodes[0] = goes
		both = append(both, e, event(e.At, plan.Restart, comes))
	}
	return both
}

// reserve is how many of n nodes are away when all others are there.
func reserve(n int) int { return min(n, max(1, (n+5)/11)) }

// PerHour is the turnover that is asked for, in per cent an hour of the nodes
// that are up; 0 if the law has no mean.
func (c Churn) PerHour(f plan.Facts) float64 {
	if c.check() != nil || c.Session.Mean() >= Forever {
		return 0
	}
	n := f.Nodes
	if c.Share > 0 {
		n = count(f.Nodes, c.Share)
	}
	live := float64(n - reserve(n))
	if c.Downtime != nil {
		live = float64(n) * c.up()
	}
	return 100 / c.Session.Mean().Hours() * live / (live + float64(f.Nodes-n))
}

// event makes one of churn's events, at a whole millisecond.
func event(at time.Duration, do plan.Verb, node int) plan.Event {
	return plan.Event{At: at.Round(time.Millisecond), Do: do, Nodes: []int{node}, Label: churn}
}

// ordered sorts the events by time and puts before them who is away at first.
func ordered(away []int, events []plan.Event) []plan.Event {
	slices.SortStableFunc(events, func(a, b plan.Event) int { return cmp.Compare(a.At, b.At) })
	if len(away) == 0 {
		return events
	}
	slices.Sort(away)
	return slices.Insert(events, 0, plan.Event{Do: plan.Away, Nodes: away, Label: churn})
}

// atLeast keeps a length from being nothing, so that time goes on.
func atLeast(d time.Duration) time.Duration { return max(d, time.Millisecond) }

// Replay has nodes come and go as a trace says, from its beginning. The first
// node of the trace is node 0; those that it does not mention stay.
type Replay struct {
	Trace *Trace
	Exit  Exit
}

// Events lists the sessions. The error says that the trace has more nodes than
// the cluster.
func (p Replay) Events(f plan.Facts) ([]plan.Event, error) {
	if err := errors.Join(p.Trace.Check(), p.Exit.check()); err != nil {
		return nil, err
	}
	if n := len(p.Trace.Nodes); n > f.Nodes {
		return nil, fmt.Errorf("%s has the sessions of %d nodes, and there are %d: ask for as many with -nodes", p.Trace.File, n, f.Nodes)
	}
	r := f.Rand()
	var away []int
	var events []plan.Event
	for i, stays := range p.Trace.Stays {
		if stays[0].Start > 0 {
			away = append(away, i)
		}
		for _, s := range stays {
			if s.Start > 0 {
				events = append(events, event(s.Start, plan.Restart, i))
			}
			events = append(events, event(s.End, p.Exit.draw(r), i))
		}
	}
	return ordered(away, events), nil
}

// PerHour is the turnover of the trace over the run.
func (p Replay) PerHour(f plan.Facts) float64 {
	if p.Trace.Check() != nil {
		return 0
	}
	moves, up := 0, f.For*time.Duration(f.Nodes-len(p.Trace.Nodes))
	for _, stays := range p.Trace.Stays {
		for _, s := range stays {
			up += max(min(s.End, f.For)-s.Start, 0)
			if s.Start > 0 && s.Start <= f.For {
				moves++
			}
			if s.End <= f.For {
				moves++
			}
		}
	}
	return 100 * float64(moves) / 2 / up.Hours()
}
