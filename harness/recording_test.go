package harness

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/harness/record/journal"
	"peerbed/harness/workload"
	"peerbed/protocols/p2p"
	"peerbed/protocols/vocabulary"
)

// recorded plays a run of toys and returns its results and what the journal has.
func recorded(t *testing.T) (*Results, *journal.Journal) {
	t.Helper()
	t.Setenv("PEERBED_OUT", t.TempDir())
	c, _ := start(t, 8, Seed(42))
	c.Share(10, 100)
	c.Caption("with a crash")
	r := c.Run(20*time.Second, fault.Crashes{At: 5 * time.Second, Fraction: 0.25}, workload.Lookups{Rate: 1})
	r.Want(t, "found", r.Found, AtMost(0.99))
	c.Close()
	j, err := journal.Load(r.Journal())
	if err != nil || len(j.Damage) > 0 || len(j.Clusters) != 1 {
		t.Fatalf("%+v, %v: want one cluster and no damage", j, err)
	}
	return r, j
}

// The journal has all that the Results have.
func TestJournalHasTheRun(t *testing.T) {
	r, j := recorded(t)
	g := j.Clusters[0]
	if g.End == nil || g.Clock != journal.Virtual || len(g.Names) != 8 || g.Repeat == "" || j.Run.Seed != 42 {
		t.Errorf("the cluster is %+v of %+v", g.Cluster, j.Run)
	}
	if len(g.Phases) != 1 || g.Phases[0].Title != "with a crash" || g.Phases[0].Length != r.Length || !reflect.DeepEqual(g.Phases[0].Plans, r.Plans) {
		t.Errorf("phases %+v", g.Phases)
	}
	if s := g.Summaries; len(s) != 1 || s[0].Found != r.Found || s[0].P95 != r.P95 || !reflect.DeepEqual(s[0].Traffic, r.Traffic.Kinds) {
		t.Errorf("summaries %+v, want %+v", s, r.Summary)
	}
	if v := j.Verdicts; len(v) != 1 || !v[0].OK || v[0].Got != r.Found || v[0].Want != "at most 0.99" {
		t.Errorf("verdicts %+v", v)
	}
	if len(g.Faults) != len(r.Faults) || len(g.Events) != 1 || len(g.Overlays) != 1 || len(g.Overlays[0].Nodes) != 6 {
		t.Errorf("%d faults, %d events, overlays %+v", len(g.Faults), len(g.Events), g.Overlays)
	}
	asked := slices.DeleteFunc(slices.Clone(g.Operations), func(o journal.Operation) bool { return o.Phase == 0 })
	if len(asked) != len(r.Operations) || len(g.Operations) != len(asked)+10 {
		t.Fatalf("%d operations of %d, and %d before", len(asked), len(r.Operations), len(g.Operations)-len(asked))
	}
	for _, o := range asked {
		want := r.Operations[o.N]
		if o.At != g.Phases[0].At+want.Start || o.Took != want.Took || o.Result != p2p.Label(want.Err) || o.Name != want.Name {
			t.Errorf("operation %+v, want %+v", o, want)
		}
	}
}

// Series go on between runs, once a second, and end at what was counted in all.
func TestJournalHasTheSeries(t *testing.T) {
	r, j := recorded(t)
	g := j.Clusters[0]
	at := g.Phases[0].At
	if n, want := len(g.Samples), int(g.Last/time.Second); n < want || n > want+4 {
		t.Errorf("%d samples in %v, want one a second", n, g.Last)
	}
	if !slices.IsSorted(g.Samples) {
		t.Error("samples are not in order of time")
	}
	live := g.Find("peerbed_live_nodes")[0]
	if before, after := live.At(at+4*time.Second), live.At(at+7*time.Second); before != 8 || after != 6 {
		t.Errorf("%v nodes before the crash and %v after it, want 8 and 6", before, after)
	}
	crash := g.Find("peerbed_fault_active")[0]
	if !math.IsNaN(crash.At(at)) || crash.At(at+7*time.Second) != 2 {
		t.Errorf("crashed nodes %+v, want 2 from the crash on", crash.Points)
	}
	sent := journal.Sum(g.Find("peerbed_messages_total", "direction=sent"), g.Last) - journal.Sum(g.Find("peerbed_messages_total", "direction=sent"), at)
	if want := r.Traffic.All().Sent; sent != float64(want) || want == 0 {
		t.Errorf("%v messages, want %d", sent, want)
	}
	each := journal.Sum(g.Find("peerbed_node_messages_total", "direction=sent"), g.Last)
	if all := journal.Sum(g.Find("peerbed_messages_total", "direction=sent"), g.Last); each != all {
		t.Errorf("single nodes have sent %v messages, and all together %v", each, all)
	}
	if down := journal.Sum(g.Find("peerbed_node_up"), g.Last); down != 6 {
		t.Errorf("%v nodes are up at the end, want 6", down)
	}
}

func TestNothingIsRecordedIfNobodyWantsIt(t *testing.T) {
	out := t.TempDir()
	t.Setenv("PEERBED_OUT", out)
	t.Setenv("PEERBED_RECORD", "0")
	c, _ := start(t, 4)
	c.Share(1, 10)
	r := c.Run(5*time.Second, workload.Lookups{Rate: 1})
	if list, err := os.ReadDir(out); err != nil || len(list) > 0 || r.Journal() != "" {
		t.Errorf("%v, %v: want nothing", list, err)
	}
}

// A folder that cannot be written costs the records, not the run.
func TestRunGoesOnWithoutRecords(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PEERBED_OUT", file)
	c, _ := start(t, 4)
	c.Share(1, 10)
	if r := c.Run(5*time.Second, workload.Lookups{Rate: 1}); r.N == 0 || r.Journal() != "" {
		t.Errorf("%+v", r)
	}
}

// A harness that is killed in the middle of a run leaves what it had written.
func TestKilledRunIsReadable(t *testing.T) {
	out := t.TempDir()
	c := exec.Command(os.Args[0], "-test.run", "^TestKilled$")
	c.Env = append(os.Environ(), "PEERBED_TEST_KILLED="+out)
	if err := c.Run(); err == nil {
		t.Fatal("the process that was to be killed has ended well")
	}
	runs, err := journal.Runs(out)
	if err != nil || len(runs) != 1 {
		t.Fatalf("%v, %v: want one run", runs, err)
	}
	j, err := journal.Load(filepath.Join(runs[0].Path, journal.File))
	if err != nil || len(j.Clusters) != 1 || len(j.Damage) > 0 {
		t.Fatalf("%+v, %v", j, err)
	}
	g := j.Clusters[0]
	if g.End != nil || len(g.Operations) < 30 || len(g.Samples) < 40 || len(g.Summaries) != 0 {
		t.Errorf("%d operations, %d samples, end %v: want those up to the kill", len(g.Operations), len(g.Samples), g.End)
	}
}

// TestKilled kills its own process in the middle of a run.
func TestKilled(t *testing.T) {
	out := os.Getenv("PEERBED_TEST_KILLED")
	if out == "" {
		t.Skip("only in a process that another test starts")
	}
	t.Setenv("PEERBED_OUT", out)
	c, f := start(t, 8)
	c.Share(1, 10)
	f.queue = append(f.queue, job{at: 50 * time.Second, do: func() {
		self, _ := os.FindProcess(os.Getpid())
		self.Kill()
		select {}
	}})
	c.Run(2*time.Minute, workload.Lookups{Rate: 1})
}

func TestFigures(t *testing.T) {
	type peer struct {
		Addr    p2p.Addr
		Choking bool
		RTT     time.Duration
	}
	type detail struct {
		Role   string
		Have   int
		Left   int64
		IPUp   bool
		Hash   []byte
		Parent p2p.Addr
		Peers  []peer
		hidden int
	}
	f := newFigures()
	for range 2 {
		f.detail(detail{Role: "leaf", Have: 3, IPUp: true, Hash: []byte{1, 2}, Parent: 7,
			Peers: []peer{{Addr: 1, Choking: true, RTT: time.Second}, {Addr: 2, RTT: 500 * time.Millisecond}}, hidden: 9})
	}
	f.detail(nil)
	if want := map[string]float64{"peers": 4}; !reflect.DeepEqual(f.entries, want) {
		t.Errorf("entries %v, want %v", f.entries, want)
	}
	want := map[string]float64{"have": 6, "left": 0, "ip_up": 2, "peers_choking": 2, "peers_rtt_seconds": 3}
	if !reflect.DeepEqual(f.sums, want) || f.roles["leaf"] != 2 {
		t.Errorf("figures %v and roles %v, want %v", f.sums, f.roles, want)
	}
	if strings.Join(sortedKeys(f.sums), " ") != "have ip_up left peers_choking peers_rtt_seconds" {
		t.Error("keys are not in order")
	}
}

// A table that is no longer there has no entries: a sample that left it out
// would say that it is as it was.
func TestWhatIsGoneIsZero(t *testing.T) {
	known := map[string]bool{}
	var before, after values
	before.tally(vocabulary.StateEntries, known, map[string]float64{"peers": 3})
	after.tally(vocabulary.StateEntries, known, map[string]float64{"torrents": 1})
	want := []journal.Value{{Metric: vocabulary.StateEntries, Labels: []string{"peers"}}, {Metric: vocabulary.StateEntries, Labels: []string{"torrents"}, V: 1}}
	if len(before.list) != 1 || before.list[0].V != 3 || !reflect.DeepEqual(after.list, want) {
		t.Errorf("got %+v, then %+v; want 3 peers, then none", before.list, after.list)
	}
}
