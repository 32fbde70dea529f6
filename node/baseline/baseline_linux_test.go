package baseline_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"peerbed/node/baseline"
)

func TestCopy(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	want := bytes.Repeat([]byte("peerbed"), 100_000)
	if err := os.WriteFile(from, want, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sum := range []bool{false, true} {
		if err := baseline.Copy(from, to, sum); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(to); err != nil || !bytes.Equal(got, want) {
			t.Errorf("sum %v: %d bytes arrive, %v; want the %d that were sent", sum, len(got), err, len(want))
		}
	}
	if err := baseline.Copy(filepath.Join(dir, "none"), to, false); err == nil {
		t.Error("a file that is not there was copied")
	}
}

// A process that computes uses CPU time, about as much as the clock says at most.
func TestUsed(t *testing.T) {
	before, err := baseline.Used(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if before.Peak < 1<<20 {
		t.Errorf("the peak of a Go program is %d bytes", before.Peak)
	}
	for began, after := time.Now(), before; after.CPU < before.CPU+20*time.Millisecond; after, _ = baseline.Used(os.Getpid()) {
		if time.Since(began) > time.Minute {
			t.Fatalf("in a minute of work %v of CPU time were used", after.CPU-before.CPU)
		}
	}
	if _, err := baseline.Used(-1); err == nil {
		t.Error("there is no process -1")
	}
}
