package harness_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/harness/workload"
	"peerbed/protocols/chord"
)

// Recording a simulated run changes nothing in it: the traces are the same bytes.
func TestRecordingChangesNothing(t *testing.T) {
	t.Setenv("PEERBED_OUT", t.TempDir())
	trace := func(record string) []byte {
		file := filepath.Join(t.TempDir(), "trace.jsonl")
		t.Run("record="+record, func(t *testing.T) {
			t.Setenv("PEERBED_RECORD", record)
			c := harness.New(t, chord.Protocol, 8, harness.World("sim"), harness.Nodes(8), harness.Seed(3), harness.Quiet(), harness.Trace(file))
			c.Settle(chord.Closed)
			c.Share(5, 100)
			r := c.Run(20*time.Second, fault.Crashes{At: 3500 * time.Millisecond, Fraction: 0.25, For: 5 * time.Second}, workload.Lookups{Rate: 5})
			if recorded := r.Journal() != ""; recorded != (record == "1") {
				t.Errorf("recorded: %v", recorded)
			}
		})
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	with, without := trace("1"), trace("0")
	if !bytes.Equal(with, without) || len(with) < 10_000 {
		t.Errorf("%d bytes of trace with recording, %d without, and they differ", len(with), len(without))
	}
}

// What a second of 100 simulated nodes costs, recorded or not: the difference, by
// 10 ms, is what recording takes of a core in per cent where time is real, reading
// the nodes over their sockets left out.
func BenchmarkRecording(b *testing.B) {
	for _, record := range []string{"0", "1"} {
		b.Run("record="+record, func(b *testing.B) {
			b.Setenv("PEERBED_OUT", b.TempDir())
			b.Setenv("PEERBED_RECORD", record)
			c := harness.New(b, chord.Protocol, 100, harness.World("sim"), harness.Nodes(100), harness.Ideal(), harness.Quiet())
			c.Advance(time.Minute)
			for b.Loop() {
				c.Advance(time.Second)
			}
		})
	}
}
