package chord_test

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/chord"
	"peerbed/protocols/introducer"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

// BenchmarkW1 runs the workload with which simulators are compared: a static
// ring; see Crowd. Its events are the messages delivered and the four timers of
// each node, not the deadlines that Chord sets besides. Run each size by itself:
//
//	go test ./protocols/chord -run '^$' -bench 'W1/100000$' -benchtime 1x
func BenchmarkW1(b *testing.B) {
	for _, size := range []struct {
		nodes int
		time  time.Duration
	}{{1000, 10_000 * time.Second}, {10_000, 1000 * time.Second}, {100_000, 100 * time.Second}, {1_000_000, 10 * time.Second}} {
		b.Run(fmt.Sprint(size.nodes), func(b *testing.B) {
			for range b.N {
				w1(b, size.nodes, size.time)
			}
		})
	}
}

func w1(b *testing.B, nodes int, d time.Duration) {
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // what is left of setting up counts as memory of the run
	w := sim.New(sim.Config{Seed: 1, Model: linkmodel.Model{
		Default: linkmodel.Link{Delay: 10 * time.Millisecond, Jitter: 90 * time.Millisecond}}})
	crowd := walkers(b, w, nodes)
	m := p2ptest.Measure()
	w.Run(d)
	c := &crowd.Count
	m.Report(b, c.Messages+c.Timers, int64(nodes))
	b.ReportMetric(float64(c.Hops)/float64(max(c.Found, 1)), "hops")
	b.ReportMetric(float64(c.Messages), "msgs")
	b.ReportMetric(float64(c.Timers), "timers")
	if c.Wrong > 0 || c.Found == 0 {
		b.Errorf("%d of %d lookups were answered, %d of them wrongly", c.Found, c.Lookups, c.Wrong)
	}
	runtime.KeepAlive(w)
}

// BenchmarkSimGridChord is Chord as SimGrid's own papers run it: the nodes join
// one after the other over 250 s, each through nodes that are in, stabilise every
// 20 s, repair a finger and check their predecessor every 120 s, look up a key
// every 10 s, and wait 10 s for an answer (theirs wait 50, more than Chord's
// setting allows here); the links take 50 us, and all ends at 1250 s. Ids have 64
// bits and not 24, so that no two nodes have one; and a node
// has 8 successors, without which lookups would go astray before fingers are
// repaired.
//
//	go test ./protocols/chord -run '^$' -bench 'SimGridChord/10000$' -benchtime 1x
func BenchmarkSimGridChord(b *testing.B) {
	for _, nodes := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(nodes), func(b *testing.B) {
			for range b.N {
				staggered(b, nodes)
			}
		})
	}
}

func staggered(b *testing.B, nodes int) {
	w := sim.New(sim.Config{Seed: 1, Model: linkmodel.Model{Default: linkmodel.Link{Delay: 50 * time.Microsecond}}})
	cfg, err := p2p.With(chord.Protocol.Config, "lookup=unacknowledged", "introducer=intro:7000", "patience=10s",
		"stabilize=20s", "fix-fingers=2m", "check-predecessor=2m")
	if err == nil {
		err = w.Spawn(harness.Spec{Index: nodes, Protocol: introducer.Protocol})
	}
	if err != nil {
		b.Fatal(err)
	}
	crowd := chord.NewNewcomers(cfg.(chord.Config))
	p := crowd.Protocol()
	hosts := map[string]p2p.Addr{"intro": sim.Addr(nodes)}
	m := p2ptest.Measure()
	for i := range nodes {
		if err := w.Spawn(harness.Spec{Index: i, Protocol: p, Hosts: hosts}); err != nil {
			b.Fatal(err)
		}
		w.Run(250 * time.Second / time.Duration(nodes))
	}
	w.Run(1000 * time.Second)
	c := &crowd.Count
	m.Report(b, c.Messages, int64(nodes))
	b.ReportMetric(float64(c.Hops)/float64(max(c.Found, 1)), "hops")
	b.ReportMetric(float64(c.Messages), "msgs")
	b.ReportMetric(float64(c.Found)/float64(max(c.Lookups, 1)), "answered")
	runtime.KeepAlive(w)
}

// walkers fills a world with the nodes of W1.
func walkers(t testing.TB, w *sim.World, nodes int) *chord.Crowd {
	t.Helper()
	cfg, err := p2p.With(chord.Protocol.Config, "lookup=unacknowledged", "successors=1")
	if err != nil {
		t.Fatal(err)
	}
	addrs := make([]p2p.Addr, nodes)
	for i := range addrs {
		addrs[i] = sim.Addr(i)
	}
	crowd := chord.NewCrowd(cfg.(chord.Config), addrs)
	p := crowd.Protocol()
	for i := range nodes {
		if err := w.Spawn(harness.Spec{Index: i, Protocol: p}); err != nil {
			t.Fatal(err)
		}
	}
	return crowd
}
