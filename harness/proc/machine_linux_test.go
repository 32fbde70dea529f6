package proc_test

import (
	"context"
	"errors"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/proc"
	"peerbed/harness/workload"
	"peerbed/protocols/chord"
	"peerbed/protocols/linkmodel"
)

// ring opens a small Chord network of processes.
func ring(t *testing.T, nodes int) *harness.Cluster {
	t.Helper()
	harness.Register("proc", proc.Open)
	c := harness.New(t, chord.Protocol, nodes, harness.World("proc"), harness.Nodes(nodes), harness.Quiet())
	c.Settle(chord.Closed)
	c.Share(3, 100)
	return c
}

// hog takes all processors of the machine until the test ends. Each hog is one
// process, so that killing it ends it, and has ten seconds of processor time, for
// a test that is killed itself.
func hog(t *testing.T) {
	t.Helper()
	for range 2 * runtime.NumCPU() {
		ctx, stop := context.WithCancel(context.Background())
		cmd := exec.CommandContext(ctx, "sh", "-c", "ulimit -t 10; while :; do :; done")
		cmd.WaitDelay = time.Second
		if err := cmd.Start(); err != nil {
			t.Skipf("no hog: %v", err)
		}
		t.Cleanup(func() {
			stop()
			cmd.Wait()
		})
	}
}

// "a deliberate processor hog trips it", and names no size, for none would fit
// beside the hog; without it a small run is timed.
func TestAHogMakesTimesNotCount(t *testing.T) {
	c := ring(t, 3)
	quiet := c.Run(3*time.Second, workload.Lookups{Rate: 5})
	m := quiet.Machine
	if len(m.Lags) != 3 || m.Lag <= 0 || m.Busy <= 0 || m.Ours <= 0 || m.Ours > m.Busy {
		t.Errorf("the machine of a quiet run: %+v", m)
	}
	if err, others := m.Verdict(), m.Busy-m.Ours; err != nil && others < 0.5 {
		t.Errorf("three nodes on a machine that is %.0f %% busy with other things: %v", 100*others, err)
	}

	hog(t)
	busy := c.Run(4*time.Second, workload.Lookups{Rate: 5})
	var e harness.Infrastructure
	if !errors.As(busy.Machine.Verdict(), &e) || !strings.Contains(e.Asked, "processors full") {
		t.Errorf("beside a hog: verdict %v of %+v; want Infrastructure", busy.Machine.Verdict(), busy.Machine)
	}
	if !strings.Contains(e.Help, "other work") || strings.Contains(e.Help, "-nodes") {
		t.Errorf("help %q: want the other work blamed", e.Help)
	}
}

// Faults are probed on the way that the nodes themselves use, and quickly.
func TestFaultsOfProcessesAreProved(t *testing.T) {
	c := ring(t, 4)
	c.Cut([]int{0, 1}, []int{2, 3})
	c.Heal()
	c.CutOneWay([]int{0}, []int{1})
	c.Heal()
	c.Shape(linkmodel.Model{Default: linkmodel.Link{Delay: 20 * time.Millisecond}})
	c.Shape(linkmodel.Model{})
	faults := c.Faults()
	for _, f := range faults {
		if len(f.Proofs) != 2 || f.Proofs[0].Healed || !f.Proofs[1].Healed {
			t.Errorf("%s: proofs %+v, want one during it and one after", f.Text, f.Proofs)
		}
		for _, p := range f.Proofs {
			if p.Took > 3*time.Second { // far below that on a machine that is not busy
				t.Errorf("%s: the proof took %v", f.Text, p.Took)
			}
			t.Logf("%s: asked %s; got %s, in %v", f.Text, p.Asked, p.Got, p.Took)
		}
	}
	if len(faults) != 3 {
		t.Errorf("%d faults, want 3", len(faults))
	}
}
