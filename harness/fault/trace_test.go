package fault_test

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/harness/plan"
)

func read(t *testing.T, file string) *fault.Trace {
	t.Helper()
	trace, err := fault.ReadTrace(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

func TestTraceIsReplayed(t *testing.T) {
	csv, jsonl := read(t, "sessions.csv"), read(t, "sessions.jsonl")
	if !slices.Equal(csv.Nodes, []string{"a", "b", "c"}) || !reflect.DeepEqual(csv.Stays, jsonl.Stays) || !slices.Equal(csv.Nodes, jsonl.Nodes) {
		t.Fatalf("read as %+v and %+v", csv, jsonl)
	}
	p, f := fault.Replay{Trace: csv}, plan.Facts{Seed: 1, Nodes: 4, For: 30 * time.Minute}
	got := events(t, p)
	at := func(ms int, do plan.Verb, node int) plan.Event {
		return plan.Event{At: time.Duration(ms) * time.Millisecond, Do: do, Nodes: []int{node}, Label: "churn"}
	}
	want := []plan.Event{
		{Do: plan.Away, Nodes: []int{1}, Label: "churn"},
		at(60_500, plan.Restart, 1), at(120_250, plan.Crash, 1), at(120_250, plan.Restart, 1), at(300_000, plan.Crash, 1),
		at(600_000, plan.Crash, 0), at(1200_000, plan.Restart, 0), at(1800_000, plan.Crash, 0), at(1800_000, plan.Crash, 2),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("events\n%+v\nwant\n%+v", got, want)
	}
	// Five sessions end and three begin; up are 20 min, 239.5 s, 30 min, 30 min.
	if got, want := p.PerHour(f), 100*8.0/2/((80*60+239.5)/3600); math.Abs(got/want-1) > 1e-9 {
		t.Errorf("%.3f %%/h, want %.3f", got, want)
	}
	if got := perHour(t, p, f); math.Abs(got/p.PerHour(f)-1) > 1e-9 {
		t.Errorf("the schedule has %.3f %%/h, and it says %.3f", got, p.PerHour(f))
	}
	if text := plan.Text(p); !strings.Contains(text, "Trace:Trace(testdata/sessions.csv)") {
		t.Errorf("printed as %s", text)
	}
}

func TestTraceAsALaw(t *testing.T) {
	law, err := fault.ParseLaw("trace(testdata/sessions.csv)")
	if err != nil {
		t.Fatal(err)
	}
	// 59.75, 179.75, 600, 600 and 1800 s.
	if mean, median := law.Mean().Seconds(), law.Quantile(0.5).Seconds(); mean != 647.9 || median != 600 {
		t.Errorf("mean %v s, median %v s; want 647.9 and 600", mean, median)
	}
	r := rand.New(rand.NewPCG(1, 1))
	long, left := 0, 0.0
	for range 10000 {
		if law.Draw(r) == 1800*time.Second {
			long++
		}
		left += law.Left(r).Seconds() / 10000
	}
	if long < 1850 || long > 2150 {
		t.Errorf("%d of 10000 sessions are the longest of five", long)
	}
	// What is left is half of the squares' sum by the sum.
	if want := (59.75*59.75 + 179.75*179.75 + 2*600*600 + 1800*1800) / 2 / 3239.5; math.Abs(left/want-1) > 0.03 {
		t.Errorf("%.1f s are left on average, want %.1f", left, want)
	}
	if got := (fault.Churn{Session: law}).PerHour(plan.Facts{Nodes: 11}); math.Abs(got-100*3600/647.9) > 0.01 {
		t.Errorf("as a law of sessions it is %v %%/h", got)
	}
}

func TestWrongTracesAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "t.csv: no session in it; want lines of node,start,end in seconds",
		"node,start,end\n":               "t.csv: no session in it",
		"a,0,1\na,1":                     "t.csv:2: 2 fields: want node,start,end or {",
		"a,0,x":                          `t.csv:1: want node,start,end or {"node":...,"start":...,"end":...}, in seconds: strconv.ParseFloat: parsing "x"`,
		"a,0,1\n\nnode,start,end":        "t.csv:3: want node,start,end",
		"a,5,5":                          "t.csv:1: a session from 5 to 5: want 0 <= start < end",
		"a,-1,5":                         "t.csv:1: a session from -1 to 5",
		"a,0,NaN":                        "t.csv:1: a session from 0 to NaN",
		"a,0,1e300":                      "t.csv:1: a session from 0 to 1e+300",
		"a,0,0.0001":                     "want a millisecond at least",
		",0,1":                           "t.csv:1: a session of nobody",
		"a,0,10\nb,1,2\na,9,12":          "t.csv:3: node a is there already, by line 1",
		"a,9,12\na,0,10":                 "t.csv:1: node a is there already, by line 2",
		`{"node":"a","start":1}`:         "t.csv:1: no start or no end",
		`{"start":1,"end":2}`:            "t.csv:1: a session of nobody",
		`{"node":"a","begin":1,"end":2}`: `unknown field "begin"`,
		`{"node":`:                       "t.csv:1: want node,start,end",
	} {
		file := filepath.Join(t.TempDir(), "t.csv")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := fault.ReadTrace(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want in it %q", text, err, want)
		}
	}
	small := plan.Facts{Nodes: 2, For: time.Hour}
	if _, err := (fault.Replay{Trace: read(t, "sessions.csv")}).Events(small); err == nil ||
		!strings.Contains(err.Error(), "sessions of 3 nodes, and there are 2: ask for as many with -nodes") {
		t.Errorf("too many nodes: %v", err)
	}
	if _, err := (fault.Replay{}).Events(small); err == nil {
		t.Error("a replay of nothing was accepted")
	}
}

func FuzzTrace(f *testing.F) {
	for _, seed := range []string{"a,0,1\nb,2,3", `{"node":7,"start":0,"end":1}`, "node,start,end\na,0,1e9"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "t.csv")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		trace, err := fault.ReadTrace(file)
		if err != nil {
			return
		}
		follow(t, fault.Replay{Trace: trace}, plan.Facts{Nodes: len(trace.Nodes), For: fault.Forever})
	})
}
