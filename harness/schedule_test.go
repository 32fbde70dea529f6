package harness

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/harness/plan"
	"peerbed/harness/workload"
)

// anyPlans draws a few plans of all sorts.
func anyPlans(r *rand.Rand) []plan.Plan {
	length := func() time.Duration { return time.Duration(1+r.IntN(100)) * time.Second }
	makers := []func() plan.Plan{
		func() plan.Plan { return fault.Churn{Session: fault.Weibull{K: 0.5, Lambda: length()}} },
		func() plan.Plan {
			return fault.Churn{Session: fault.Constant(length()), Downtime: fault.Exponential(length()), Exit: fault.Exit{Vanish: 0.5}}
		},
		func() plan.Plan { return fault.Crashes{At: length(), Fraction: r.Float64(), For: length()} },
		func() plan.Plan { return fault.Partition{At: length(), For: length()} },
		func() plan.Plan {
			return workload.Lookups{Rate: 1, Keys: workload.Zipf(r.Float64()), Steady: r.IntN(2) == 0}
		},
		func() plan.Plan { return workload.Libraries{Files: 2, Sizes: workload.Measured.Scaled(0.001)} },
		func() plan.Plan { return workload.Mix{Rate: 0.5, Publish: 1, Find: 1, Fetch: 1, From: length()} },
		// Exactly at whole seconds, so that there are many events at one time.
		func() plan.Plan { return workload.Lookups{Rate: 1, Steady: true} },
	}
	var plans []plan.Plan
	for range 1 + r.IntN(4) {
		plans = append(plans, makers[r.IntN(len(makers))]())
	}
	return plans
}

// "Timeline merges the events of all plans in order of time; at the same time
// those of the plan that was given first come first. What lies beyond the end
// of the run is left out." And nothing else is left out, or moved within its
// plan.
func TestTimelineOfAnyPlans(t *testing.T) {
	ties := 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 9))
		f := plan.Facts{Seed: seed, Nodes: 4 + r.IntN(40), For: 3 * time.Minute, Files: []string{"a", "b", "c"}}
		plans := anyPlans(r)
		merged, err := plan.Timeline(f, plans...)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		left := make([][]plan.Event, len(plans)) // what each plan gives alone
		for k, p := range plans {
			own := f
			own.Seed = rand.New(rand.NewPCG(f.Seed, uint64(k)+1)).Uint64()
			left[k], _ = p.Events(own)
		}
		last, lastPlan := time.Duration(0), 0
		for i, e := range merged {
			k := next(left, e)
			if k < 0 || e.At < last || e.At > f.For {
				t.Fatalf("seed %d: event %d, after %v, is %+v, which no plan has next", seed, i, last, e)
			}
			if e.At == last && i > 0 {
				ties++
				if k < lastPlan {
					t.Errorf("seed %d: at %v plan %d comes after plan %d", seed, e.At, k, lastPlan)
				}
			}
			left[k] = left[k][1:]
			last, lastPlan = e.At, k
		}
		for k := range left {
			if len(left[k]) > 0 && left[k][0].At <= f.For {
				t.Errorf("seed %d: plan %d has lost %+v", seed, k, left[k][0])
			}
		}
	}
	if ties < 100 {
		t.Errorf("only %d events share a time with the one before: this proves nothing", ties)
	}
}

// next returns the first plan whose next event is e, or -1.
func next(left [][]plan.Event, e plan.Event) int {
	for k := range left {
		if len(left[k]) > 0 && reflect.DeepEqual(left[k][0], e) {
			return k
		}
	}
	return -1
}

// "Plans are replayed by the seed": the same one gives the same timeline, and
// another another.
func TestTheSeedIsTheSchedule(t *testing.T) {
	same := 0
	for seed := range uint64(100) {
		plans := anyPlans(rand.New(rand.NewPCG(seed, 9)))
		f := plan.Facts{Seed: seed, Nodes: 20, For: 3 * time.Minute, Files: []string{"a", "b", "c"}}
		first, _ := plan.Timeline(f, plans...)
		again, _ := plan.Timeline(f, plans...)
		f.Seed++
		other, _ := plan.Timeline(f, plans...)
		if !reflect.DeepEqual(first, again) {
			t.Errorf("seed %d: two timelines", seed)
		}
		if reflect.DeepEqual(first, other) {
			same++ // a crash of nobody is the same for all
		}
	}
	if same > 5 {
		t.Errorf("another seed gave the same timeline %d times of 100", same)
	}
}
