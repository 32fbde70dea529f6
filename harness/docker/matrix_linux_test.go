package docker

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// sizeVariable makes tests of many nodes larger or smaller: "100" for the bar.
const sizeVariable = "PEERBED_NODES"

// "The full echo matrix exactly as asked": every node probes every other one,
// whole, cut both ways, cut one way and healed.
func TestPartitionMatrix(t *testing.T) {
	long(t)
	n := numberFrom(t, sizeVariable, 60)
	b := openWorld(t, harness.Options{Run: "matrix", Nodes: n}, nodePackage)
	addrs := quietNodes(t, b, n)
	even, odd := addrs[:n/2], addrs[n/2:]
	b.warmUp(t, addrs)
	for _, c := range []struct {
		name string
		net  fault.Net
	}{
		{"whole", fault.Net{}},
		{"cut both ways", fault.Net{Cuts: fault.Split(even, odd)}},
		{"cut one way", fault.Net{Cuts: []fault.Cut{{From: even, To: odd}}}},
		{"healed", fault.Net{}},
	} {
		if err := b.Apply(t.Context(), c.net); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: set in %v", c.name, b.wanted.took)
		b.matrix(t, c.name, addrs, c.net)
	}
}

// BenchmarkPartition cuts 100 nodes into halves and heals them.
//
//	ms/set      median of the time that the agent takes for it
//	max-ms/set  the longest
func BenchmarkPartition(b *testing.B) {
	n := numberFrom(b, sizeVariable, upNodes)
	w := openWorld(b, harness.Options{Run: "partition", Nodes: n}, nodePackage)
	addrs := quietNodes(b, w, n)
	cut := fault.Net{Cuts: fault.Split(addrs[:n/2], addrs[n/2:])}
	var took []float64
	for b.Loop() {
		for _, net := range []fault.Net{cut, {}} {
			if err := w.Apply(b.Context(), net); err != nil {
				b.Fatal(err)
			}
			took = append(took, float64(w.wanted.took)/float64(time.Millisecond))
		}
	}
	b.ReportMetric(median(took), "ms/set")
	b.ReportMetric(slices.Max(took), "max-ms/set")
	b.ReportMetric(0, "ns/op") // says nothing: it includes the harness's way to the agent
}

// quietNodes starts n nodes that say nothing unless they are asked.
func quietNodes(t testing.TB, b *Backend, n int) []p2p.Addr {
	t.Helper()
	list := make([]harness.Spec, n)
	addrs := make([]p2p.Addr, n)
	for i := range list {
		addrs[i] = p2p.MakeAddr(b.IP(i), 7000)
		list[i] = harness.Spec{Index: i, Name: fmt.Sprintf("quiet-%d", i), Protocol: introducer.Protocol,
			Config: introducer.Protocol.Config, Addr: addrs[i]}
	}
	if err := spawn(t.Context(), b, list); err != nil {
		t.Fatal(err)
	}
	return addrs
}

// warmUp has every node meet every other one: what the first contacts of so
// many at once lose is no matter of cuts.
func (b *Backend) warmUp(t *testing.T, addrs []p2p.Addr) {
	t.Helper()
	err := eachPair(allPairs(addrs), func(from, to p2p.Addr) error {
		_, err := b.Probe(t.Context(), from, to, harness.Probing{Count: 3, Patience: 2 * time.Second})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// lostAtMost is how often an open way is probed again when nothing comes through:
// ten thousand pairs at once lose some datagrams, of which cuts know nothing. What
// comes through a closed way is never asked about twice.
const lostAtMost = 2

// perNode is how long what must not come is awaited, for each of the nodes that
// probe at once.
const perNode = 33 * time.Millisecond

// matrix has every node probe every other one, all at once, and compares with
// what the net lets through.
func (b *Backend) matrix(t *testing.T, name string, addrs []p2p.Addr, net fault.Net) {
	t.Helper()
	b.compare(t, name, allPairs(addrs), time.Duration(len(addrs))*perNode, net)
}

// compare probes these pairs, all at once, and compares with what the net lets
// through. What must not come is awaited for so long.
func (b *Backend) compare(t *testing.T, name string, pairs [][2]p2p.Addr, silence time.Duration, net fault.Net) {
	t.Helper()
	var answered, wrong atomic.Int32
	err := eachPair(pairs, func(from, to p2p.Addr) error {
		there := !net.Blocked(from, to)
		back := there && !net.Blocked(to, from)
		p := harness.Probing{Count: 3, Patience: silence}
		if back {
			p.Patience = 10 * time.Second // an answer ends it
		}
		e, err := b.Probe(t.Context(), from, to, p)
		for try := 0; try < lostAtMost && err == nil && (there && e.There == 0 || back && e.Back == 0); try++ {
			e, err = b.Probe(t.Context(), from, to, p)
		}
		if e.Back > 0 {
			answered.Add(1)
		}
		if (e.There > 0) != there || (e.Back > 0) != back {
			if wrong.Add(1) <= 5 {
				t.Errorf("%s: %v to %v: %d of %d arrived and %d were answered, want arrived %v, answered %v",
					name, from, to, e.There, e.Sent, e.Back, there, back)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d of %d pairs answered, %d not as asked", name, answered.Load(), len(pairs), wrong.Load())
}

// allPairs lists every ordered pair.
func allPairs(addrs []p2p.Addr) (list [][2]p2p.Addr) {
	for _, from := range addrs {
		for _, to := range addrs {
			if from != to {
				list = append(list, [2]p2p.Addr{from, to})
			}
		}
	}
	return list
}

// eachPair calls f for all of these at once.
func eachPair(pairs [][2]p2p.Addr, f func(from, to p2p.Addr) error) error {
	return atOnce(len(pairs), len(pairs), func(k int) error { return f(pairs[k][0], pairs[k][1]) })
}
