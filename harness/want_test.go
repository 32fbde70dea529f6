package harness

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/harness/plan"
	"peerbed/harness/record/journal"
	"peerbed/harness/workload"
	"peerbed/protocols/p2p"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A listener is a test that fails on paper only.
type listener struct {
	testing.TB
	heard string
}

func (l *listener) Name() string      { return "TestQuarterCrash/toy" }
func (l *listener) Helper()           {}
func (l *listener) Error(args ...any) { l.heard += fmt.Sprint(args...) }
func (l *listener) Errorf(format string, args ...any) {
	l.heard += fmt.Sprintf(format, args...)
}

// "a failed expectation prints wanted and got with n, the worst operations
// with their path and where they stopped, the faults that were active, where
// the page lies, one command to repeat it and, after a real run, one that plays
// the same plan in the simulator."
func TestFailureText(t *testing.T) {
	out := t.TempDir()
	t.Setenv("PEERBED_OUT", out)
	c, _ := start(t, 8, Seed(42))
	c.Share(10, 100)
	c.SetPage(filepath.Join(out, "page.html"))
	r := c.Run(20*time.Second,
		fault.Crashes{At: 5 * time.Second, Fraction: 0.25},
		workload.Lookups{Rate: 1})
	c.about.Virtual, c.set.World = false, "" // as if it had been real, and not the test's own
	l := &listener{TB: t}
	if r.Want(l, "found", r.Found, AtLeast(0.99)) {
		t.Fatalf("Want held for %v", r.Found)
	}
	records := r.Journal()
	got := strings.ReplaceAll(strings.ReplaceAll(l.heard, records, "out/.../run.jsonl"), out, "out") + "\n"
	golden := filepath.Join("testdata", "failure.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the failure reads\n%s\nwant (-update writes it anew)\n%s", got, want)
	}
	if j, err := journal.Load(records); err != nil || len(j.Damage) > 0 || len(j.Clusters[0].Summaries) != 1 {
		t.Errorf("the records that it names: %v, %+v", err, j)
	}
}

// Of a flood only those on the way know it: a failure shows what they know.
func TestFailureFollowsTrails(t *testing.T) {
	t.Setenv("PEERBED_OUT", t.TempDir())
	c, _ := start(t, 3)
	known := *toy
	known.Trail = func(r p2p.Result, states []p2p.State) []p2p.Hop {
		return append(r.Path, p2p.Hop{Addr: states[2].Self, By: "link"})
	}
	c.set.Protocol = &known
	c.Share(1, 10)
	c.Cut([]int{0}, []int{1})
	r := c.Run(2*time.Second, once{plan.Find})
	l := &listener{TB: t}
	r.Want(l, "found", r.Found, Exactly(1))
	if want := "way: toy-0 > toy-2 (link), and no further"; !strings.Contains(l.heard, want) {
		t.Errorf("the failure reads\n%s\nwant in it %q", l.heard, want)
	}
}

// "one command to repeat it": as a shell takes it.
func TestQuoted(t *testing.T) {
	for arg, want := range map[string]string{
		"chord,gnutella": "chord,gnutella", "Weibull(0.38, 42m0s)": "'Weibull(0.38, 42m0s)'", "it's": `'it'\''s'`,
	} {
		if got := quoted(arg); got != want {
			t.Errorf("%s is quoted as %s, want %s", arg, got, want)
		}
	}
}

func TestBounds(t *testing.T) {
	for _, test := range []struct {
		b    Bound
		got  float64
		want bool
	}{
		{AtLeast(0.5), 0.5, true}, {AtLeast(0.5), 0.49, false}, {AtMost(2), 2, true}, {AtMost(2), 2.1, false},
		{Exactly(3), 3, true}, {Exactly(3), 2, false}, {Within(1, 2), 1.5, true}, {Within(1, 2), 3, false},
	} {
		if got := test.b.Holds(test.got); got != test.want {
			t.Errorf("%v holds for %v: %v", test.b, test.got, got)
		}
	}
	nan := 0.0
	if AtLeast(0).Holds(nan / nan) {
		t.Error("a bound holds for what is not a number")
	}
}
