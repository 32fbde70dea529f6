package fault_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/harness/plan"
)

// A history is what a plan does to each node: the times at which it comes and
// goes, in order, and whether it was there at first.
type history struct {
	down  map[int]bool // at first
	moves map[int][]time.Duration
	verbs map[plan.Verb]int
	live  []int // after each event
}

// follow plays a plan on paper and checks that nobody goes who is not there, or
// comes who is.
func follow(t *testing.T, p plan.Plan, f plan.Facts) history {
	t.Helper()
	list, err := p.Events(f)
	if err != nil {
		t.Fatal(err)
	}
	h := history{map[int]bool{}, map[int][]time.Duration{}, map[plan.Verb]int{}, nil}
	live := f.Nodes
	for k, e := range list {
		if k > 0 && e.At < list[k-1].At || e.At%time.Millisecond != 0 {
			t.Fatalf("event %d, at %v, after one at %v: want whole milliseconds in order", k, e.At, list[max(k-1, 0)].At)
		}
		h.verbs[e.Do]++
		for _, i := range e.Nodes {
			up := h.down[i] == (len(h.moves[i])%2 == 1)
			switch {
			case e.Do == plan.Away && k == 0:
				h.down[i] = true
				live--
				continue
			case e.Do == plan.Restart && !up:
				live++
			case e.Do != plan.Restart && e.Do != plan.Away && up:
				live--
			default:
				t.Fatalf("%+v, and node %d is up: %v", e, i, up)
			}
			h.moves[i] = append(h.moves[i], e.At)
		}
		h.live = append(h.live, live)
	}
	return h
}

func TestChurnTakesTurns(t *testing.T) {
	h := follow(t, fault.Churn{Session: fault.Exponential(time.Minute), Downtime: fault.Constant(10 * time.Second)}, facts)
	for i, moves := range h.moves {
		for k := 1; k < len(moves); k++ {
			if away := h.down[i] == (k%2 == 0); away && moves[k]-moves[k-1] != 10*time.Second {
				t.Fatalf("node %d is away from %v to %v, want 10 s", i, moves[k-1], moves[k])
			}
		}
	}
	// 40 nodes, each dying every 70 s on average, for 600 s: 343.
	if n := h.verbs[plan.Crash]; n < 290 || n > 400 {
		t.Errorf("%d crashes, want about 343", n)
	}
}

// Without a Downtime "the number of live nodes is constant".
func TestChurnKeepsTheNumberConstant(t *testing.T) {
	f := plan.Facts{Seed: 1, Nodes: 110, For: time.Hour}
	list, err := fault.Churn{Session: fault.Exponential(time.Minute)}.Events(f)
	if err != nil {
		t.Fatal(err)
	}
	if list[0].Do != plan.Away || len(list[0].Nodes) != 10 {
		t.Fatalf("%+v: want one of eleven nodes away at first", list[0])
	}
	for k := 1; k < len(list); k += 2 {
		if goes, comes := list[k], list[k+1]; goes.Do != plan.Crash || comes.Do != plan.Restart || goes.At != comes.At {
			t.Fatalf("%+v, then %+v: want one to go and another to come at the same time", goes, comes)
		}
	}
	h := follow(t, fault.Churn{Session: fault.Exponential(time.Minute)}, f)
	if len(h.moves) != 110 {
		t.Errorf("%d nodes come and go, want all 110", len(h.moves))
	}
}

func TestChurnOfAShare(t *testing.T) {
	for _, down := range []fault.Law{nil, fault.Constant(time.Second)} {
		h := follow(t, fault.Churn{Session: fault.Constant(time.Minute), Downtime: down, Share: 0.25}, facts)
		if len(h.moves) != 10 {
			t.Errorf("Downtime %v: %d of 40 nodes churn, want 10", down, len(h.moves))
		}
	}
}

func TestHowNodesGo(t *testing.T) {
	h := follow(t, fault.Churn{Session: fault.Exponential(time.Second), Exit: fault.Exit{Vanish: 0.25, Leave: 0.5}}, facts)
	n := float64(h.verbs[plan.Crash] + h.verbs[plan.Vanish] + h.verbs[plan.Leave])
	for verb, want := range map[plan.Verb]float64{plan.Crash: 0.25, plan.Vanish: 0.25, plan.Leave: 0.5} {
		if got := float64(h.verbs[verb]) / n; math.Abs(got-want) > 4*0.5/math.Sqrt(n) {
			t.Errorf("%.3f of %v departures %s, want %v", got, n, verb, want)
		}
	}
}

// What churn there is in the schedule is what was asked for, for any law and
// any way of being away; a start that is not stationary is off.
func TestScheduleKeepsToTheTurnover(t *testing.T) {
	f := plan.Facts{Seed: 7, Nodes: 2000, For: 2 * time.Hour}
	flatout := fault.Weibull{K: 0.59, Lambda: 42 * time.Minute}
	for _, test := range []struct {
		churn fault.Churn
		want  float64 // %/h, worked out by hand; 0: whatever PerHour says
	}{
		{fault.Turnover(25), 25},
		{fault.Turnover(100), 100},
		{fault.Churn{Session: fault.Exponential(time.Hour), Downtime: fault.Exponential(2 * time.Hour)}, 100},
		{fault.Churn{Session: fault.Exponential(time.Hour), Downtime: fault.Constant(time.Hour), Share: 0.5}, 100.0 / 3},
		{fault.Churn{Session: flatout}, 0},
		{fault.Churn{Session: fault.Lognormal{Median: 20 * time.Minute, Sigma: 1}, Downtime: flatout}, 0},
		{fault.Churn{Session: fault.Pareto{Alpha: 2.5, Beta: 20 * time.Minute}}, 0},
		{fault.Churn{Session: fault.Constant(30 * time.Minute)}, 200},
	} {
		asked, got := test.churn.PerHour(f), perHour(t, test.churn, f)
		if test.want > 0 && math.Abs(asked/test.want-1) > 0.001 {
			t.Errorf("%+v asks for %.2f %%/h, want %v", test.churn, asked, test.want)
		}
		if math.Abs(got/asked-1) > 0.04 {
			t.Errorf("%+v: %.2f %%/h are planned, want %.2f", test.churn, got, asked)
		}
	}
	fresh := fault.Churn{Session: fault.Weibull{K: 0.38, Lambda: 42 * time.Minute}, Fresh: true}
	if asked, got := fresh.PerHour(f), perHour(t, fresh, f); got < 1.5*asked {
		t.Errorf("begun afresh: %.1f %%/h for %.1f asked: a biased start should show", got, asked)
	}
}

// perHour is the turnover of four schedules, on average: half of joins and
// leaves, for each hour of a live node.
func perHour(t *testing.T, p plan.Plan, f plan.Facts) float64 {
	moves, up := 0, 0.0
	for range 4 {
		f.Seed++
		h := follow(t, p, f)
		for i := range f.Nodes {
			last, on := time.Duration(0), !h.down[i]
			for _, at := range append(h.moves[i], f.For) {
				if at > f.For {
					continue
				}
				if on {
					up += (at - last).Hours()
				}
				last, on = at, !on
				moves++
			}
			moves-- // the end of the run
		}
	}
	return 100 * float64(moves) / 2 / up
}

// Whoever is up at the beginning has a session left by the equilibrium residual
// law; a later session is of the law itself.
func TestChurnBeginsStationary(t *testing.T) {
	f := plan.Facts{Seed: 3, Nodes: 4000, For: 20 * time.Hour}
	debian := fault.Weibull{K: 0.38, Lambda: 42*time.Minute + 24*time.Second}
	down := fault.Exponential(time.Hour)
	h := follow(t, fault.Churn{Session: debian, Downtime: down}, f)
	whole, left := weibull(0.38, 42.4*60)
	if got, want := float64(len(h.down))/4000, 1-163.0/(163+60); math.Abs(got-want) > 0.03 {
		t.Errorf("%.3f of the nodes are away at first, want %.3f", got, want)
	}
	first, later := h.sessions()
	agree(t, "first sessions and the residual law", first, left, (20 * time.Hour).Seconds())
	agree(t, "later sessions and the law", later, whole, (10 * time.Hour).Seconds())

	naive, _ := follow(t, fault.Churn{Session: debian, Downtime: down, Fresh: true}, f).sessions()
	if d, bound := distance(naive, left, (20 * time.Hour).Seconds()); d < 5*bound {
		t.Errorf("begun afresh: the first sessions are %.3f away from the residual law; that this is wrong should show", d)
	}
}

// sessions returns the lengths of first sessions, in seconds (those that never
// end count as infinite), and of those that begin in the first half of 20 h.
func (h history) sessions() (first, later []float64) {
	end := func(moves []time.Duration, k int) float64 {
		if k < len(moves) {
			return moves[k].Seconds()
		}
		return math.Inf(1)
	}
	for i := range 4000 {
		moves := h.moves[i]
		k := 0
		if !h.down[i] {
			first = append(first, end(moves, 0))
			k = 1
		}
		for ; k < len(moves) && moves[k] <= 10*time.Hour; k += 2 {
			later = append(later, end(moves, k+1)-moves[k].Seconds())
		}
	}
	return first, later
}

func TestSenselessChurnIsRefused(t *testing.T) {
	hour := fault.Exponential(time.Hour)
	endless := fault.Pareto{Alpha: 0.83, Beta: time.Hour}
	for _, test := range []struct {
		churn fault.Churn
		want  string
	}{
		{fault.Churn{}, "Churn without a Session"},
		{fault.Turnover(0), "Exponential(0s): want a time above 0"},
		{fault.Turnover(math.NaN()), "want a time above 0"},
		{fault.Churn{Session: hour, Downtime: fault.Constant(-1)}, "Constant(-1ns): want a time above 0"},
		{fault.Churn{Session: hour, Share: 1.5}, "Share 1.5: want 0 to 1"},
		{fault.Churn{Session: hour, Exit: fault.Exit{Vanish: 0.6, Leave: 0.5}}, "want shares of 1"},
		{fault.Churn{Session: endless}, "Pareto(0.83, 1h0m0s) has no mean, so there is no stationary state to begin from: choose Fresh"},
		{fault.Churn{Session: hour, Share: 0.025}, "Churn of one node"},
	} {
		if _, err := test.churn.Events(facts); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: error %v, want in it %q", test.churn, err, test.want)
		}
		if got := test.churn.PerHour(facts); test.want != "Churn of one node" && got != 0 {
			t.Errorf("%+v asks for %v %%/h", test.churn, got)
		}
	}
	fresh := fault.Churn{Session: endless, Downtime: hour, Fresh: true}
	if h := follow(t, fresh, plan.Facts{Nodes: 100, For: 10 * time.Hour}); len(h.moves) < 50 || fresh.PerHour(facts) != 0 {
		t.Errorf("without a mean, begun afresh: %d nodes move, %v %%/h asked", len(h.moves), fresh.PerHour(facts))
	}
}
