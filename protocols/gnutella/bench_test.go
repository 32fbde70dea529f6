package gnutella_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

// BenchmarkGnutellaFlood lets queries for what nobody has flood an ideal
// overlay. Its events are the messages that nodes hear of one another.
//
//	go test ./protocols/gnutella -run '^$' -bench 'Flood/1000$' -benchtime 1x
func BenchmarkGnutellaFlood(b *testing.B) {
	for _, size := range []struct{ nodes, floods int }{{1000, 50}, {100_000, 4}} {
		b.Run(fmt.Sprint(size.nodes), func(b *testing.B) {
			for range b.N {
				floods(b, size.nodes, size.floods)
			}
		})
	}
}

func floods(b *testing.B, nodes, queries int) {
	w := &world{World: sim.New(sim.Config{Seed: 1}), t: b}
	random := rand.New(rand.NewPCG(1, 1))
	cfg := config(b, "ttl=20")
	for i := range nodes {
		w.nodes = append(w.nodes, sim.Addr(i))
	}
	for i, state := range gnutella.Protocol.Ideal(cfg, w.nodes) {
		if err := w.Spawn(harness.Spec{Index: i, Protocol: gnutella.Protocol, Config: cfg, State: &state}); err != nil {
			b.Fatal(err)
		}
	}
	w.Run(5 * time.Second)
	before, known := w.heard()
	m := p2ptest.Measure()
	for range queries {
		w.Do(sim.Addr(random.IntN(nodes)), p2p.Find{Name: "nothing"}, nil)
		w.Run(2 * time.Second)
	}
	w.Run(5 * time.Second)
	heard, queried := w.heard()
	m.Report(b, int64(heard-before), int64(nodes))
	b.ReportMetric(float64(heard-before), "msgs")
	if got := queried - known; got < uint64(queries*nodes) {
		b.Errorf("%d floods among %d nodes were heard %d times: they do not reach all", queries, nodes, got)
	}
	runtime.KeepAlive(w)
}

// heard counts the messages that all nodes have heard, and the queries of them.
func (w *world) heard() (all, queries uint64) {
	for _, a := range w.Addrs() {
		for _, tr := range w.Traffic(a) {
			all += tr.Received
			if tr.Kind == "query" {
				queries += tr.Received
			}
		}
	}
	return all, queries
}
