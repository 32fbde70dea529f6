package p2ptest

import (
	"testing"
	"time"
)

// A Meter tells what a simulation costs, by the CPU time of the whole process,
// garbage collection included: wall time would tell of its neighbours too.
type Meter struct{ began time.Duration }

// Measure begins to measure.
func Measure() Meter { return Meter{cpuTime()} }

// Report ends it, for a run of so many events among so many nodes: as ns/event,
// events/s (of CPU time) and B/node, the most memory that the process ever had
// resident; so a size that is to be compared runs in a process of its own.
func (m Meter) Report(b *testing.B, events, nodes int64) {
	b.Helper()
	took := cpuTime() - m.began
	b.ReportMetric(0, "ns/op") // wall time
	if events > 0 && took > 0 {
		b.ReportMetric(float64(took)/float64(events), "ns/event")
		b.ReportMetric(float64(events)/took.Seconds(), "events/s")
	}
	if most := peakMemory(); most > 0 {
		b.ReportMetric(float64(most)/float64(nodes), "B/node")
	}
}
