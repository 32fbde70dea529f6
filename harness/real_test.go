package harness

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"peerbed/harness/fault"
	"peerbed/harness/plan"
	"peerbed/harness/workload"
	"peerbed/protocols/p2p"
)

// A slow world is a fake one in which time is the clock's and a kill takes
// three seconds, as with a busy Docker daemon.
type slow struct {
	*fake
	began time.Time
	mu    sync.Mutex
}

func (s *slow) About() About       { return About{World: "slow"} }
func (s *slow) Now() time.Duration { return time.Since(s.began) }

func (s *slow) Advance(_ context.Context, d time.Duration, until func() bool) error {
	for end := s.Now() + d; s.Now() < end && (until == nil || !until()); {
		time.Sleep(min(5*time.Millisecond, end-s.Now())) // the bubble's clock
	}
	return nil
}

func (s *slow) Kill(ctx context.Context, a p2p.Addr, how How) error {
	time.Sleep(3 * time.Second) // the bubble's clock
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fake.Kill(ctx, a, how)
}

func (s *slow) Restart(ctx context.Context, a p2p.Addr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fake.Restart(ctx, a)
}

func (s *slow) Spawn(ctx context.Context, spec Spec) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fake.Spawn(ctx, spec)
}

func (s *slow) Inspect(_ context.Context, a p2p.Addr) (p2p.State, error) {
	return p2p.State{Self: a}, nil
}

func (s *slow) Counters(context.Context) (map[p2p.Addr]Counters, error) { return nil, nil }

func (s *slow) Do(_ p2p.Addr, _ p2p.Op, done func(Outcome)) {
	time.AfterFunc(100*time.Millisecond, func() { done(Outcome{Took: 100 * time.Millisecond}) })
}

// In a real world a fault takes its time. The operations keep to theirs.
func TestSlowFaultsDelayNoLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slow{fake: &fake{nodes: map[p2p.Addr]*fakeNode{}}, began: time.Now()}
		Register("slow", func(context.Context, Options) (Backend, error) { return w, nil })
		defer delete(openers, "slow")
		c, err := Open(t.Context(), Settings{Protocol: toy, Nodes: 20, World: "slow", Out: new(bytes.Buffer)})
		if err != nil {
			t.Fatal(err)
		}
		c.Share(3, 10)
		r := c.Run(20*time.Second,
			fault.Crashes{At: 5 * time.Second, Fraction: 0.25, For: 5 * time.Second},
			workload.Lookups{Rate: 10})
		if c.Err() != nil {
			t.Fatal(c.Err())
		}
		if r.Late > 5*time.Millisecond || r.N < 150 || r.OK != r.N {
			t.Errorf("%d of %d lookups, the latest begun %v late; want about 200, all of them and in time", r.OK, r.N, r.Late)
		}
		if len(c.Live()) != 20 || len(r.Faults) != 1 || r.Faults[0].Since.Round(time.Second) != 5*time.Second {
			t.Errorf("%d nodes live, faults %+v: want all back after one crash", len(c.Live()), r.Faults)
		}
	})
}

// An operation that the run does not outlive counts as failed.
func TestWhatNeverEndsFails(t *testing.T) {
	c, f := start(t, 3)
	c.Share(1, 10)
	deaf := &neverDone{f}
	c.backend = deaf
	r := c.Run(2*time.Second, plan.Plan(once{plan.Find}))
	if r.N != 1 || r.OK != 0 || !strings.Contains(r.Operations[0].Error, "no outcome within 1m0s") {
		t.Errorf("%+v, operations %+v: want one that failed", r.Summary, r.Operations)
	}
	if took := r.Operations[0].Took; took < Grace {
		t.Errorf("it took %v, want the grace of %v at least", took, Grace)
	}
}

type neverDone struct{ *fake }

func (neverDone) Do(p2p.Addr, p2p.Op, func(Outcome)) {}

// once is a plan of one event after a second.
type once struct{ Verb plan.Verb }

func (o once) Events(plan.Facts) ([]plan.Event, error) {
	return []plan.Event{{At: time.Second, Do: o.Verb, Nodes: []int{0}, Name: "file-0"}}, nil
}

func TestRunRefusesWhatNobodyCanDo(t *testing.T) {
	for _, test := range []struct {
		p    plan.Plan
		want string
	}{
		{once{"dance"}, `wants to "dance"`},
		{workload.Lookups{Rate: 1}, "workload.Lookups{"},
	} {
		new(fake).open(t)
		c, err := Open(t.Context(), Settings{Protocol: toy, Nodes: 3, World: "fake", Out: new(bytes.Buffer)})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Run(2*time.Second, test.p)
		if c.Err() == nil || !strings.Contains(c.Err().Error(), test.want) {
			t.Errorf("error %v, want %q", c.Err(), test.want)
		}
	}
}

func TestAnAskerThatIsDownIsReplaced(t *testing.T) {
	c, _ := start(t, 3)
	c.Share(1, 10)
	c.Crash(0, 1)
	if r := c.Run(2*time.Second, once{plan.Find}); r.Operations[0].Asker != 2 {
		t.Errorf("node %d was asked, want the only one that is up", r.Operations[0].Asker)
	}
	c.Crash(2)
	r := c.Run(2*time.Second, once{plan.Find})
	if o := r.Operations[0]; o.Asker != -1 || o.Err == nil {
		t.Errorf("%+v: want a failure, as no node is up", o)
	}
}

func TestGrowAddsNodesThatJoin(t *testing.T) {
	c, f := start(t, 2)
	c.Grow(p2p.Same(2, p2p.Role{Name: "late"}))
	if c.Size() != 4 || len(c.Live()) != 4 || c.Name(3) != "toy-3" || c.Role(3) != "late" {
		t.Fatalf("%d nodes, the last one %q, role %q", c.Size(), c.Name(3), c.Role(3))
	}
	if n := f.nodes[c.Addr(3)]; n.Hosts["introducer"] == 0 || n.Config.(fakeConfig).Introducer == "" {
		t.Errorf("%+v does not know the introducer", n.Spec)
	}
}

func TestTheIntroducerMayDie(t *testing.T) {
	c, f := start(t, 2)
	intro := p2p.MakeAddr(f.IP(0), port)
	c.CrashIntroducer()
	if f.nodes[intro].up || len(c.Live()) != 2 {
		t.Errorf("introducer up: %v, live %v", f.nodes[intro].up, c.Live())
	}
	c.RestartIntroducer()
	if !f.nodes[intro].up {
		t.Error("it did not come back")
	}
}

func TestSomeFollowsTheSeed(t *testing.T) {
	var picks [3][]int
	for i, seed := range []uint64{1, 1, 2} {
		c, _ := start(t, 40, Seed(seed))
		picks[i] = c.Some(10)
	}
	if !reflect.DeepEqual(picks[0], picks[1]) || reflect.DeepEqual(picks[0], picks[2]) || len(picks[0]) != 10 {
		t.Errorf("seeds 1, 1 and 2 pick %v", picks)
	}
}

// interruptedBy is the variable that makes this test binary one to interrupt.
const interruptedBy = "PEERBED_TEST_INTERRUPTED"

// TestInterrupted is no test: TestAnInterruptCleansUp interrupts it.
func TestInterrupted(t *testing.T) {
	file := os.Getenv(interruptedBy)
	if file == "" {
		t.Skip("only in a process that another test starts")
	}
	c, _ := start(t, 2)
	c.backend = closing{c.backend, file}
	fmt.Println("ready")
	select {}
}

// closing says in a file that it was closed.
type closing struct {
	Backend
	file string
}

func (c closing) Close() error { return os.WriteFile(c.file, nil, 0o600) }

func TestAnInterruptCleansUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "closed")
	cmd := exec.Command(os.Args[0], "-test.run=^TestInterrupted$")
	cmd.Env = append(os.Environ(), interruptedBy+"="+file)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("ready"))
	if _, err := out.Read(line); err != nil || string(line) != "ready" {
		t.Fatalf("it printed %q, error %v", line, err)
	}
	cmd.Process.Signal(syscall.SIGINT)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the cluster was not closed: %v", err)
	}
}
