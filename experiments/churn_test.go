package experiments

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/harness/plan"
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
// asked for, within 2 % (claim G3). Each run is as long as five thousand
// departures take.
func TestChurnG3(t *testing.T) {
	const nodes, live, departures = 110, 100, 5000
	harness.Repeat(t, size(5, 10), func(t *harness.T) {
		for _, asked := range []float64{5, 25, 100} {
			length := time.Duration(departures / live / asked * 100 * float64(time.Hour))
			c := harness.New(t, dwelling, nodes, harness.World("sim"), harness.Nodes(nodes), harness.Quiet())
			r := c.Run(length, fault.Turnover(asked))
			at := fmt.Sprintf("%v %%/h: ", asked)
			r.Want(t, at+"asked turnover", r.Turnover.Asked, harness.Within(0.999*asked, 1.001*asked))
			r.Want(t, at+"live nodes", float64(r.Samples[len(r.Samples)-1].Live), harness.Exactly(live))
			r.Want(t, at+"measured turnover", r.Turnover.Got, harness.Near(asked, 0.02*asked))
			closeNow(t, c)
		}
	})
}

// "The same schedule in every world": churn in which nodes crash, vanish and
// leave, and a load of all kinds, in the simulator and in processes, or in
// containers if these are asked for. Both plays must be of the same events.
func TestScheduleInTwoWorlds(t *testing.T) {
	t.Parallel() // most of it is waiting
	other := "proc"
	if cmp.Or(flag.Lookup("backend").Value.String(), os.Getenv("PEERBED_BACKEND")) == "docker" {
		other = "docker"
	}
	harness.Repeat(t, 1, func(t *harness.T) {
		a, b := unrest(t, "sim"), unrest(t, other)
		if !reflect.DeepEqual(a.Events, b.Events) || !slices.Equal(a.Plans, b.Plans) {
			t.Errorf("the simulator played\n%+v\nand %s\n%+v", a.Events, other, b.Events)
		}
	})
}

// unrest plays six restless seconds in a world. The departures must have
// happened, though a busy machine may be late with the last.
func unrest(t *harness.T, world string) *harness.Results {
	c := harness.New(t, chord.Protocol, 11, harness.World(world), harness.Nodes(11), harness.Quiet())
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
	closeNow(t, c)
	return r
}
