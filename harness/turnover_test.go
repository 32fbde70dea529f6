package harness

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/harness/plan"
	"peerbed/harness/workload"
)

// A script is a plan of events that are given.
type script []plan.Event

func (s script) Events(plan.Facts) ([]plan.Event, error) { return s, nil }

func at(d time.Duration, do plan.Verb, nodes ...int) plan.Event {
	return plan.Event{At: d, Do: do, Nodes: nodes, Label: "script"}
}

// "R joins + R leaves per second over N nodes = 3600R/N": half of both, for
// each hour of a live node.
func TestTurnoverIsWhatHappened(t *testing.T) {
	c, _ := start(t, 10)
	c.Crash(9)
	c.Advance(time.Second)
	r := c.Run(2*time.Hour, script{
		at(0, plan.Away, 8),
		at(30*time.Minute, plan.Crash, 0),
		at(60*time.Minute, plan.Restart, 0, 8), // 0 was away for half an hour, 8 for an hour
		at(90*time.Minute, plan.Vanish, 1, 2),  // half an hour each, to the end
		at(90*time.Minute, plan.Crash, 2),      // is gone already
	})
	got := r.Turnover
	if want := 9*2 - 0.5 - 1 - 0.5 - 0.5; got.Joins != 2 || got.Leaves != 3 || got.Hours != want || got.Got != 250/want {
		t.Errorf("%+v: want 2 joins and 3 leaves in %v node-hours", got, want)
	}
	if got.Asked != 0 || r.turnoverLine() != "" {
		t.Errorf("%+v, and nobody asked for churn", got)
	}
	if again := c.Run(time.Hour).Turnover; again != (Turnover{Hours: 7}) {
		t.Errorf("a run without moves: %+v", again)
	}
}

// "The requested turnover is measured and reported."
func TestTurnoverIsReported(t *testing.T) {
	t.Setenv("PEERBED_OUT", t.TempDir())
	f := new(fake).open(t)
	var out bytes.Buffer
	c, err := Open(t.Context(), Settings{Protocol: toy, Nodes: 22, World: "fake", Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.t = t
	c.Share(1, 10)
	r := c.Run(100*time.Hour, fault.Turnover(25))
	if live := len(c.Live()); live != 20 || r.Turnover.Asked != 25 || f.Now() < 100*time.Hour {
		t.Errorf("%d nodes live, %+v: want 20 and 25 %%/h", live, r.Turnover)
	}
	if got := r.Turnover.Got; got < 20 || got > 30 { // 500 departures
		t.Errorf("got %v %%/h, want about 25", got)
	}
	line := r.Turnover.String()
	if !strings.HasPrefix(line, "asked 25 %/h, got 2") || !strings.Contains(out.String(), "peerbed: churn: "+line+"\n") {
		t.Errorf("printed %q, want in it the turnover: %s", out.String(), line)
	}
	l := &listener{TB: t}
	r.Want(l, "something", 0, Exactly(1))
	if !strings.Contains(l.heard, "churn:     "+line+"\n") {
		t.Errorf("the failure reads\n%s\nwant in it the turnover", l.heard)
	}
}

// "An operation whose node is down at its time is asked of the next": a node
// that is leaving is asked nothing more, and when it is back it is itself again.
func TestNodesLeave(t *testing.T) {
	c, f := start(t, 4)
	c.Share(1, 10)
	r := c.Run(10*time.Second, script{
		at(time.Second, plan.Leave, 1),
		{At: time.Second, Do: plan.Find, Nodes: []int{1}, Name: "file-0"},
		at(2*time.Second, plan.Restart, 1),
		at(3*time.Second, plan.Leave, 2),
		at(3050*time.Millisecond, plan.Restart, 2), // before it has left
	})
	if r.N != 1 || r.Operations[0].Asker != 2 {
		t.Errorf("operations %+v: want the lookup made by node 2", r.Operations)
	}
	if r.Turnover.Leaves != 2 || r.Turnover.Joins != 2 || len(c.Live()) != 4 || !f.nodes[c.Addr(1)].up || !f.nodes[c.Addr(2)].up {
		t.Errorf("%+v, live %v: want two that left and are back", r.Turnover, c.Live())
	}
	if len(r.Faults) != 2 || r.Faults[0].Text != "leave of toy-1" || r.Faults[1].Until == 0 {
		t.Errorf("faults %+v", r.Faults)
	}
}

// A node that cannot leave is killed.
func TestANodeThatCannotLeave(t *testing.T) {
	c, f := start(t, 4)
	c.Crash(2) // whom node 1 asks: no answer
	c.Run(10*time.Second, script{at(time.Second, plan.Leave, 1)})
	if f.nodes[c.Addr(1)].up || c.Up(1) {
		t.Error("a node that failed to leave is still there")
	}
}

// "Nodes are not there when the run begins."
func TestAwayFromTheBeginning(t *testing.T) {
	c, f := start(t, 4)
	r := c.Run(10*time.Second, script{at(0, plan.Away, 0, 3), at(5*time.Second, plan.Restart, 3)})
	if r.Samples[0].Live != 2 || f.nodes[c.Addr(0)].up || r.Turnover.Leaves != 0 || r.Turnover.Joins != 1 {
		t.Errorf("at first %d live, %+v: want 2, and no departure within the run", r.Samples[0].Live, r.Turnover)
	}
	if r.Samples[0].At != 0 || r.Faults[0].Since >= 0 || r.Faults[1].Until != 5*time.Second {
		t.Errorf("samples from %v, faults %+v: want the absences to begin before the run", r.Samples[0].At, r.Faults)
	}
}

// Files that a run publishes can be asked for in the next, in the order of the
// schedule.
func TestWhatARunPublishesIsThere(t *testing.T) {
	c, _ := start(t, 4)
	c.Cut([]int{2}, []int{3})
	c.Run(10*time.Second, script{
		{At: 1 * time.Second, Do: plan.Publish, Nodes: []int{2}, Name: "lost"}, // its world gives no answer
		{At: 2 * time.Second, Do: plan.Publish, Nodes: []int{0}, Name: "b", Size: 3},
		{At: 3 * time.Second, Do: plan.Publish, Nodes: []int{1}, Name: "a", Size: 3},
	})
	if got := c.Files(); !reflect.DeepEqual(got, []string{"b", "a"}) {
		t.Errorf("files %v, want b and a", got)
	}
	if r := c.Run(10*time.Second, workload.Lookups{Rate: 1}); r.N == 0 || r.Events[0].Name == "lost" {
		t.Errorf("%d lookups, the first %+v", r.N, r.Events[0])
	}
}
