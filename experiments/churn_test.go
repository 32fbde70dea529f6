package experiments

import (
	"cmp"
	"flag"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/harness/plan"
	"peerbed/harness/record"
	"peerbed/harness/workload"
	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
)

// A dweller is a node that is there and does nothing: what is measured here is
// who comes and goes.
type dweller struct{ self p2p.Addr }

func (d *dweller) Start(env p2p.Env)                  { d.self = env.Self() }
func (d *dweller) Handle(p2p.Peer, p2p.Msg)           {}
func (d *dweller) Do(_ p2p.Op, done func(p2p.Result)) { done(p2p.Result{}) }
func (d *dweller) Inspect() p2p.State                 { return p2p.State{Self: d.self} }

var dwelling = &p2p.Protocol{
	Name: "dwelling",
	New:  func(any, *p2p.State) p2p.Node { return new(dweller) },
}

// "Churn 25 %/h Overnet, 100 %/h Gnutella, lower in managed clusters": the
// churn driver is calibrated if the turnover that a run measures is what was
// asked for, within 2 %, its 95 % confidence interval over ten seeds included
// (claim G3). Each run is as long as five thousand departures take.
func TestChurnG3(t *testing.T) {
	table := record.Table{Title: "Turnover asked for and measured", Head: []string{"asked %/h", "measured %/h", "±95 %", "off by", "joins", "leaves", "node-hours"}}
	for k, asked := range []float64{5, 25, 100} {
		all, mean, half := calibrate(t, asked, uint64(10*k))
		table.Add(fmt.Sprint(asked), fmt.Sprintf("%.3f", mean*asked), fmt.Sprintf("%.3f", half*asked), fmt.Sprintf("%+.2f %%", 100*(mean-1)),
			fmt.Sprint(all.Joins), fmt.Sprint(all.Leaves), fmt.Sprintf("%.0f", all.Hours))
		if math.Abs(mean-1)+half > 0.02 {
			t.Errorf("%v %%/h asked for: measured %.2f±%.2f %% of it, want 98 to 102", asked, 100*mean, 100*half)
		}
	}
	fmt.Print("\n", table.String())
}

// calibrate runs churn of so many per cent an hour with ten seeds, and returns
// what happened in all of them, and which share of the turnover asked for was
// measured: the mean, and half its confidence interval.
func calibrate(t *testing.T, asked float64, seed uint64) (all harness.Turnover, mean, half float64) {
	const nodes, live, departures = 110, 100, 5000
	length := time.Duration(departures / live / asked * 100 * float64(time.Hour))
	var got []float64
	for range 10 {
		seed++
		c := harness.New(t, dwelling, nodes, harness.World("sim"), harness.Nodes(nodes), harness.Seed(seed), harness.Quiet())
		r := c.Run(length, fault.Turnover(asked))
		r.Want(t, "asked turnover", r.Turnover.Asked, harness.Within(0.999*asked, 1.001*asked))
		r.Want(t, "live nodes", float64(r.Samples[len(r.Samples)-1].Live), harness.Exactly(live))
		got = append(got, r.Turnover.Got/asked)
		all.Joins += r.Turnover.Joins
		all.Leaves += r.Turnover.Leaves
		all.Hours += r.Turnover.Hours
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	mean, half = interval(got)
	return all, mean, half
}

// interval is the mean of ten values and half its 95 % confidence interval, by
// Student's law with nine degrees of freedom.
func interval(values []float64) (mean, half float64) {
	n := float64(len(values))
	for _, v := range values {
		mean += v / n
	}
	var squares float64
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	return mean, 2.262 * math.Sqrt(squares/(n-1)/n)
}

// "The same schedule in every world": churn in which nodes crash, vanish and
// leave, and a load of all kinds, in the simulator and in processes, or in
// containers if these are asked for. Both plays must be of the same events.
func TestScheduleInTwoWorlds(t *testing.T) {
	other := "proc"
	if cmp.Or(flag.Lookup("backend").Value.String(), os.Getenv("PEERBED_BACKEND")) == "docker" {
		other = "docker"
	}
	a, b := unrest(t, "sim"), unrest(t, other)
	if !reflect.DeepEqual(a.Events, b.Events) || !slices.Equal(a.Plans, b.Plans) {
		t.Errorf("the simulator played\n%+v\nand %s\n%+v", a.Events, other, b.Events)
	}
}

// unrest plays six restless seconds in a world. The departures must have
// happened, though a busy machine may be late with the last.
func unrest(t *testing.T, world string) *harness.Results {
	c := harness.New(t, chord.Protocol, 11, harness.World(world), harness.Nodes(11), harness.Seed(5), harness.Quiet())
	c.Settle(chord.Closed)
	c.Share(5, 1000)
	churn := fault.Churn{Session: fault.Weibull{K: 0.59, Lambda: 10 * time.Second}, Exit: fault.Exit{Vanish: 0.3, Leave: 0.4}}
	r := c.Run(6*time.Second, churn, workload.Mix{Rate: 5, Publish: 1, Find: 4, Fetch: 2,
		Keys: workload.Zipf(0.8), Sizes: workload.Measured.Scaled(0.001)})
	planned := 0.0
	for _, e := range r.Events {
		switch e.Do {
		case plan.Crash, plan.Vanish, plan.Leave:
			planned++
		}
	}
	r.Want(t, "departures planned", planned, harness.AtLeast(3))
	r.Want(t, "departures in "+world, float64(r.Turnover.Leaves), harness.Within(0.7*planned, planned))
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	return r
}
