//go:build linux || darwin

package proc_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
)

// upNodes is how many nodes BenchmarkUp starts.
const upNodes = 200

// BenchmarkUp starts nodes of Chord, as many at once as a Cluster does, until
// each listens and has been told to start, and ends them. The binary is there
// already.
//
//	ms/node      wall time of a start; what it must stay below is 60
//	cpu-ms/node  processor time of a node's whole life, which says the same
//	             beside other work; it comes from the kernel once the node is dead
func BenchmarkUp(b *testing.B) {
	for range b.N {
		b.StopTimer()
		w, s := open(b, "proc-up")
		used := ofChildren(b)
		b.StartTimer()
		began := time.Now()
		started(b, w, members(w, s.Addr))
		took := time.Since(began)
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(took.Seconds()*1000/upNodes, "ms/node")
		b.ReportMetric((ofChildren(b)-used).Seconds()*1000/upNodes, "cpu-ms/node")
	}
}

// members describes the nodes that meet at an introducer.
func members(w harness.Backend, meet p2p.Addr) []harness.Spec {
	cfg, err := p2p.With(chord.Protocol.Config, "introducer=introducer:7000")
	if err != nil {
		panic(err)
	}
	list := make([]harness.Spec, upNodes)
	for i := range list {
		list[i] = harness.Spec{Index: i + 1, Name: fmt.Sprintf("chord-%d", i), Protocol: chord.Protocol, Config: cfg,
			Addr: p2p.MakeAddr(w.IP(i+1), 7000), Seed: uint64(i + 1), Hosts: map[string]p2p.Addr{"introducer": meet}}
	}
	return list
}

// started starts nodes, several at once.
func started(b *testing.B, w harness.Backend, list []harness.Spec) {
	gate := make(chan struct{}, 4+2*runtime.NumCPU())
	var all sync.WaitGroup
	for _, s := range list {
		gate <- struct{}{}
		all.Go(func() {
			defer func() { <-gate }()
			if err := w.Spawn(context.Background(), s); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
}

// ofChildren is the processor time of the children that are dead.
func ofChildren(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
