package docker

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"peerbed/harness"
	"peerbed/harness/agent"
	"peerbed/harness/fault"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// openShards is openWorld with at most this many nodes on a bridge.
func openShards(t testing.TB, perBridge int, o harness.Options, pkg string) *Backend {
	t.Helper()
	return openAs(t, o, pkg, func(b *Backend) { b.perBridge = perBridge })
}

// "The nodes of a large run are moved on to further bridges as they come": what
// holds of one bridge holds of several, as if there were none.
func TestShards(t *testing.T) {
	const n = 12
	t.Parallel()
	b := openShards(t, 5, harness.Options{Run: "shards", Nodes: n}, nodePackage)
	addrs := quietNodes(t, b, n)
	mustSpread(t, b, n)
	half := n / 2
	for _, c := range []struct {
		name string
		net  fault.Net
	}{
		{"whole", fault.Net{}},
		{"groups", fault.Net{Cuts: fault.Split(addrs[:half], addrs[half:])}},
		{"one way", fault.Net{Cuts: []fault.Cut{{From: addrs[:half], To: addrs[half:]}}}},
	} {
		if err := b.Apply(t.Context(), c.net); err != nil {
			t.Fatal(err)
		}
		b.matrix(t, c.name, addrs, c.net)
	}
	b.mustLoseOnce(t, addrs)
	counted, err := b.Counters(t.Context())
	for _, a := range addrs {
		if c := counted[a]; c.SeenIn == 0 || c.SeenOut == 0 {
			t.Errorf("%v: %+v (error %v), want bytes seen at its interface", a, c, err)
		}
	}
	b.mustComeBack(t, addrs)
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	mustBeGone(t, b.engine, b.id)
}

// The same of more nodes, of which each probes a few: PEERBED_NODES=1100 is more
// than one bridge takes.
func TestManyShards(t *testing.T) {
	long(t)
	n := numberFrom(t, sizeVariable, 40)
	perBridge := shardNodes
	if n <= shardNodes {
		perBridge = n / 4
	}
	b := openShards(t, perBridge, harness.Options{Run: "many-shards", Nodes: n}, nodePackage)
	addrs := quietNodes(t, b, n)
	mustSpread(t, b, n)
	pairs := somePairs(addrs, 4)
	if err := eachPair(pairs, func(from, to p2p.Addr) error {
		_, err := b.Probe(t.Context(), from, to, harness.Probing{Count: 3, Patience: 2 * time.Second})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		net  fault.Net
	}{
		{"whole", fault.Net{}},
		{"groups", fault.Net{Cuts: fault.Split(addrs[:n/3], addrs[n/3:])}},
		{"one way", fault.Net{Cuts: []fault.Cut{{From: addrs[:n/3], To: addrs[n/3:]}}}},
		{"healed", fault.Net{}},
	} {
		if err := b.Apply(t.Context(), c.net); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: set in %v", c.name, b.wanted.took)
		b.compare(t, c.name, pairs, 10*time.Second, c.net)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	mustBeGone(t, b.engine, b.id)
}

// somePairs has each node probe k others, spread over all: its neighbour, which
// is on its own bridge mostly, and some far away.
func somePairs(addrs []p2p.Addr, k int) (list [][2]p2p.Addr) {
	n := len(addrs)
	for i, from := range addrs {
		for j := range k {
			list = append(list, [2]p2p.Addr{from, addrs[(i+1+j*(n/k))%n]})
		}
	}
	return list
}

// mustSpread waits until all nodes are on shards.
func mustSpread(t *testing.T, b *Backend, n int) {
	t.Helper()
	within(t, patience, func() error {
		on, err := ports(b.id)
		total := 0
		for name, there := range on {
			if name == agent.BridgeName(b.id) && there != b.shards() {
				err = fmt.Errorf("on the run's bridge there are %d, want the %d trunks and no node", there, b.shards())
			} else if name != agent.BridgeName(b.id) && there > b.perBridge+1 {
				err = fmt.Errorf("on %s there are %d, want a trunk and at most %d nodes", name, there, b.perBridge)
			}
			total += there
		}
		if err == nil && (len(on) != b.shards()+1 || total != n+2*b.shards()) {
			err = fmt.Errorf("bridges and their interfaces: %v, want %d nodes on %d", on, n, b.shards())
		}
		return err
	})
}

// ports counts the interfaces on each bridge of a run.
func ports(run string) (map[string]int, error) {
	links, err := netlink.LinkList()
	on, names := map[string]int{}, map[int]string{}
	for _, l := range links {
		if l.Type() == "bridge" && strings.HasPrefix(l.Attrs().Name, agent.BridgeName(run)) {
			names[l.Attrs().Index] = l.Attrs().Name
		}
	}
	for _, l := range links {
		if name := names[l.Attrs().MasterIndex]; name != "" {
			on[name]++
		}
	}
	return on, err
}

// mustLoseOnce demands that a loss of a half is one, within five standard
// deviations, though packets pass three bridges. Where too few arrive it looks
// again: a busy machine loses some of its own or counts them late, now and then,
// but a loss that is met twice halves them every time.
func (b *Backend) mustLoseOnce(t *testing.T, addrs []p2p.Addr) {
	t.Helper()
	const sent, looks = 400, 4
	slack := 5 * math.Sqrt(sent) / 2
	for _, to := range addrs[1 : 1+b.shards()] { // one of each shard
		if err := b.Apply(t.Context(), fault.Net{Drops: []linkmodel.Drop{{From: addrs[:1], To: []p2p.Addr{to}, Share: 0.5}}}); err != nil {
			t.Fatal(err)
		}
		var got []int
		for few := true; few && len(got) < looks; {
			e, err := b.Probe(t.Context(), addrs[0], to, harness.Probing{Count: sent, Patience: 2 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.There)
			few = float64(e.There) < sent/2-slack
		}
		if last := float64(got[len(got)-1]); math.Abs(last-sent/2) > slack {
			t.Errorf("of %d datagrams to %v %v arrived at a loss of a half", sent, to, got)
		}
	}
	if err := b.Apply(t.Context(), fault.Net{}); err != nil {
		t.Fatal(err)
	}
}

// mustComeBack demands that a node that is started again is heard and found by
// all, on the bridge that it had.
func (b *Backend) mustComeBack(t *testing.T, addrs []p2p.Addr) {
	t.Helper()
	if err := b.Kill(t.Context(), addrs[1], harness.Crash); err != nil {
		t.Fatal(err)
	}
	if err := b.Restart(t.Context(), addrs[1]); err != nil {
		t.Fatal(err)
	}
	mustSpread(t, b, len(addrs))
	for i, from := range addrs {
		if i != 1 {
			echoes(t, b, from, addrs[1], true)
		}
	}
}
