package workload_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"peerbed/harness/plan"
	"peerbed/harness/workload"
)

func facts() plan.Facts {
	f := plan.Facts{Seed: 5, Nodes: 10, For: 1000 * time.Second}
	for i := range 20 {
		f.Files = append(f.Files, fmt.Sprintf("file-%d", i))
	}
	return f
}

func TestLookupsArePoisson(t *testing.T) {
	events, err := workload.Lookups{Rate: 2, Fetch: true}.Events(facts())
	if err != nil {
		t.Fatal(err)
	}
	// 2 a second for 1000 s: 2000, standard deviation 45.
	if n := len(events); n < 1800 || n > 2200 {
		t.Errorf("%d lookups, want about 2000", n)
	}
	askers := map[int]int{}
	for i, e := range events {
		if e.Do != plan.Fetch || i > 0 && e.At < events[i-1].At {
			t.Fatalf("event %d is %+v", i, e)
		}
		askers[e.Nodes[0]]++
	}
	if len(askers) != 10 {
		t.Errorf("%d nodes ask, want all 10: %v", len(askers), askers)
	}
}

// The gaps of a Poisson process are exponential, and do not depend on the one
// before.
func TestGapsAreExponential(t *testing.T) {
	events, err := workload.Lookups{Rate: 20}.Events(facts())
	if err != nil {
		t.Fatal(err)
	}
	gaps := make([]float64, len(events)-1) // in means
	product := 0.0
	for i := range gaps {
		gaps[i] = 20 * (events[i+1].At - events[i].At).Seconds()
		if i > 0 {
			product += (gaps[i] - 1) * (gaps[i-1] - 1)
		}
	}
	n := float64(len(gaps))
	if c := product / n; math.Abs(c) > 4/math.Sqrt(n) {
		t.Errorf("neighbouring gaps correlate by %.4f", c)
	}
	slices.Sort(gaps)
	d := 0.0
	for i, x := range gaps {
		d = max(d, math.Abs(1-math.Exp(-x)-float64(i)/n))
	}
	if d > 1.95/math.Sqrt(n) { // one true sample in a thousand
		t.Errorf("%v gaps are %.4f from the exponential law", n, d)
	}
}

func TestSteadyLookups(t *testing.T) {
	events, err := workload.Lookups{Rate: 4, Steady: true, From: time.Second, For: 10 * time.Second}.Events(facts())
	if err != nil || len(events) != 40 {
		t.Fatalf("%d lookups, error %v; want 40", len(events), err)
	}
	for i, e := range events {
		if want := time.Second + time.Duration(i+1)*250*time.Millisecond; e.At != want {
			t.Errorf("lookup %d at %v, want %v", i, e.At, want)
		}
	}
}

func TestLookupsKeepToTheirTime(t *testing.T) {
	events, err := workload.Lookups{Rate: 2, From: 100 * time.Second, For: 50 * time.Second}.Events(facts())
	if err != nil || len(events) < 50 {
		t.Fatalf("%d lookups, error %v", len(events), err)
	}
	for _, e := range events {
		if e.At < 100*time.Second || e.At > 150*time.Second {
			t.Fatalf("a lookup at %v", e.At)
		}
	}
}

func TestLookupsNeedFilesAndARate(t *testing.T) {
	bare := facts()
	bare.Files = nil
	if _, err := (workload.Lookups{Rate: 1}).Events(bare); err == nil {
		t.Error("lookups of nothing were accepted")
	}
	for _, rate := range []float64{0, -1, 1e9, math.NaN()} {
		if _, err := (workload.Lookups{Rate: rate}).Events(facts()); err == nil {
			t.Errorf("a rate of %v was accepted", rate)
		}
	}
	for _, l := range []workload.Lookups{{Rate: 1, From: -1}, {Rate: 1, Keys: workload.Zipf(-1)}, {Rate: 1, Keys: workload.Zipf(math.NaN())}} {
		if _, err := l.Events(facts()); err == nil {
			t.Errorf("%+v was accepted", l)
		}
	}
}
