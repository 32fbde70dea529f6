package pastry_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/harness/sim"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
	"peerbed/protocols/pastry"
)

// Nodes that all join at once through one introducer get exact leaf sets, and
// get them again when a quarter of them dies.
func TestLeafSetsBecomeExact(t *testing.T) {
	var joined, healed time.Duration
	for seed := range uint64(12) {
		w := joining(t, sim.Config{Seed: seed, Strict: seed%2 == 0, Poison: seed%2 == 0}, 24, "leaves=8")
		joined = max(joined, w.settles(30*time.Second))
		r := rand.New(rand.NewPCG(seed, 1))
		for _, i := range r.Perm(24)[:6] {
			w.must(w.Crash(w.nodes[i]))
		}
		healed = max(healed, w.settles(30*time.Second))
	}
	t.Logf("the slowest of 12 networks was whole after %v, and after a quarter had died after %v", joined, healed)
}

// The leaf sets that joining arrives at are the ideal ones, and no slot of a table
// is empty for which there is a node.
func TestTablesBecomeFull(t *testing.T) {
	w := joining(t, sim.Config{Seed: 2, Strict: true}, 40, "leaves=4", "b=2")
	w.settles(30 * time.Second)
	w.Run(time.Minute)
	cfg, err := p2p.With(pastry.Protocol.Config, "leaves=4", "b=2")
	w.must(err)
	for i, want := range pastry.Protocol.Ideal(cfg, w.nodes) {
		got, want := w.states()[i].Detail.(pastry.Detail), want.Detail.(pastry.Detail)
		if !slices.Equal(got.Smaller, want.Smaller) || !slices.Equal(got.Larger, want.Larger) {
			t.Errorf("node %d has leaves %v, %v; want %v, %v", i, got.Smaller, got.Larger, want.Smaller, want.Larger)
		}
		same := func(a, b pastry.Slot) bool { return a.Row == b.Row && a.Digit == b.Digit }
		if !slices.EqualFunc(got.Table, want.Table, same) {
			t.Errorf("node %d has the slots %v, want those of %v", i, got.Table, want.Table)
		}
	}
}

// With copies, what a quarter of the nodes takes along when it dies is found all
// the same; without, it is lost with its root, and only then.
func TestCopies(t *testing.T) {
	for _, copies := range []string{"copies=1", "copies=3"} {
		w := joining(t, sim.Config{Seed: 5, Strict: true}, 24, copies, "leaves=8")
		w.settles(30 * time.Second)
		root := map[string]p2p.Addr{}
		for i := range 60 {
			name := fmt.Sprint("song ", i)
			r := w.do(w.nodes[i%24], p2p.Publish{Name: name, Size: 1000, Seed: 5})
			w.must(r.Err)
			root[name] = r.Found[0]
		}
		for _, i := range []int{3, 10, 16, 22} { // one after the other, with time to repair
			w.must(w.Crash(w.nodes[i]))
			w.settles(30 * time.Second)
			w.Run(5 * time.Second)
		}
		lost := 0
		for i := range 60 {
			name := fmt.Sprint("song ", i)
			_, dead := w.Inspect(root[name])
			r := w.do(w.nodes[4+i%6], p2p.Fetch{Name: name})
			switch {
			case r.Err == nil:
			case copies == "copies=1" && dead != nil && errors.Is(r.Err, p2p.ErrNotFound):
				lost++
			default:
				t.Errorf("%s: %s: %v; its first root %v: %v", copies, name, r.Err, root[name], dead)
			}
		}
		if copies == "copies=1" && lost == 0 {
			t.Error("no object was lost, though four roots died and there were no copies")
		}
	}
}

// Objects are handed over to who joins, and by who leaves. With one copy there is
// no other way for them to be where they belong.
func TestKeysFollowTheRoots(t *testing.T) {
	w := joining(t, sim.Config{Seed: 3, Strict: true, Poison: true}, 8, "copies=1")
	w.settles(30 * time.Second)
	for i := range 60 {
		w.must(w.do(w.nodes[i%8], p2p.Publish{Name: fmt.Sprint("song ", i), Size: 1000, Seed: 5}).Err)
	}
	cfg, err := p2p.With(pastry.Protocol.Config, "copies=1", "introducer=intro:7000")
	w.must(err)
	for i := 9; i < 17; i++ {
		w.nodes = append(w.nodes, sim.Addr(i))
		w.must(w.Spawn(harness.Spec{Index: i, Protocol: pastry.Protocol, Config: cfg, Hosts: map[string]p2p.Addr{"intro": sim.Addr(0)}}))
	}
	if pastry.KeysAtRoots(w.states()) != nil {
		t.Fatal("the keys are not at their roots before anybody has joined")
	}
	moved := false
	ready := func() bool {
		moved = moved || pastry.KeysAtRoots(w.states()) != nil
		return pastry.Exact(w.states()) == nil
	}
	if !w.Settle(ready, 50*time.Millisecond, 30*time.Second) {
		t.Fatal(pastry.Exact(w.states()))
	}
	if !moved {
		t.Error("eight newcomers never lacked a key: was there nothing to move?")
	}
	w.Run(10 * time.Second)
	w.must(pastry.KeysAtRoots(w.states()))
	for range 6 {
		w.must(w.do(w.nodes[2], p2p.Leave{}).Err)
		w.nodes = slices.Delete(w.nodes, 2, 3)
		w.Run(5 * time.Second)
	}
	w.must(pastry.KeysAtRoots(w.states()))
	for i := range 60 {
		w.must(w.do(w.nodes[i%10], p2p.Find{Name: fmt.Sprint("song ", i)}).Err)
	}
}

// What a node stored outlives its crash, and a node that is back before anybody
// has missed it joins as if it were new.
func TestRestart(t *testing.T) {
	for seed := range uint64(6) {
		w := joining(t, sim.Config{Seed: seed, Strict: true, Poison: true}, 8, "copies=1")
		w.settles(30 * time.Second)
		w.must(w.do(w.nodes[0], p2p.Publish{Name: "kept", Size: 1000, Seed: 1}).Err)
		root := w.do(w.nodes[0], p2p.Find{Name: "kept"}).Found[0]
		w.must(w.Crash(root))
		w.Run(time.Duration(seed) * 2 * time.Second / 3)
		w.must(w.Restart(root))
		w.settles(30 * time.Second)
		if r := w.do(w.nodes[1], p2p.Fetch{Name: "kept"}); r.Err != nil || r.Found[0] != root {
			t.Errorf("seed %d: after the root is back: %v at %v, want it at %v", seed, r.Err, r.Found, root)
		}
	}
}

// A removed object stays removed, also where a node that was away has a copy.
func TestRemoved(t *testing.T) {
	w := joining(t, sim.Config{Seed: 4, Strict: true}, 12)
	w.settles(30 * time.Second)
	stored := w.do(w.nodes[0], p2p.Publish{Name: "song", Size: 1000, Seed: 1})
	w.must(stored.Err)
	away := stored.Found[1]
	w.must(w.Crash(away))
	w.Run(10 * time.Second)
	asker := w.nodes[slices.IndexFunc(w.nodes, func(a p2p.Addr) bool { return a != away })]
	if r := w.do(asker, p2p.Remove{Name: "song"}); r.Err != nil || len(r.Found) < 2 {
		t.Errorf("removed at %v, %v; want the two that are left, and whom they had it copied to", r.Found, r.Err)
	}
	w.must(w.Restart(away))
	w.settles(30 * time.Second)
	w.Run(10 * time.Second)
	for _, a := range w.nodes {
		if r := w.do(a, p2p.Find{Name: "song"}); !errors.Is(r.Err, p2p.ErrNotFound) {
			t.Errorf("%v finds what was removed: %v, %v", a, r.Found, r.Err)
		}
	}
}

// Two halves that had time to forget each other become one network again; without
// merging, which the paper leaves to others, they do not.
func TestHalves(t *testing.T) {
	for _, merge := range []string{"merge=2s", "merge=0s"} {
		w := joining(t, sim.Config{Seed: 8, Strict: true}, 16, merge)
		w.settles(30 * time.Second)
		a, b := w.nodes[:8], w.nodes[8:]
		w.must(w.Apply(fault.Net{Cuts: fault.Split(a, b)}))
		w.Run(time.Minute)
		w.must(w.Apply(fault.Net{}))
		if merge != "merge=0s" {
			w.settles(time.Minute)
			continue
		}
		w.Run(time.Minute)
		for _, half := range [][]p2p.Addr{a, b} {
			w.nodes = half
			if err := pastry.Exact(w.states()); err != nil {
				t.Errorf("half: %v", err)
			}
		}
	}
}

// A node that is cut off from all others answers alone, and joins them again once
// it hears from the introducer, even if it merges with nobody.
func TestCutOff(t *testing.T) {
	w := joining(t, sim.Config{Seed: 7, Strict: true}, 12, "merge=0s")
	w.settles(30 * time.Second)
	loner := w.nodes[5]
	others := slices.DeleteFunc(slices.Clone(w.nodes), func(a p2p.Addr) bool { return a == loner })
	w.must(w.Apply(fault.Net{Cuts: fault.Split([]p2p.Addr{loner}, append(others, sim.Addr(0)))}))
	w.Run(time.Minute)
	s, err := w.Inspect(loner)
	w.must(err)
	if d := s.Detail.(pastry.Detail); len(d.Smaller)+len(d.Larger) > 0 || !d.Ready {
		t.Errorf("cut off, its leaves are %v, %v, want none", d.Smaller, d.Larger)
	}
	w.must(w.Apply(fault.Net{}))
	w.settles(30 * time.Second)
}

// Lost datagrams do not tear the network: it keeps answering.
func TestLoss(t *testing.T) {
	found := 0
	for seed := range uint64(4) {
		w := joining(t, sim.Config{Seed: seed, Strict: true, Model: linkmodel.Model{Default: linkmodel.Link{
			Delay: 20 * time.Millisecond, Loss: 0.05}}}, 16, "leaves=8")
		w.Run(time.Minute)
		w.must(w.do(w.nodes[0], p2p.Publish{Name: "song", Size: 1000, Seed: 1}).Err)
		for i := range 100 {
			if w.do(w.nodes[i%16], p2p.Find{Name: "song"}).Err == nil {
				found++
			}
			w.Run(300 * time.Millisecond)
		}
	}
	if found < 392 {
		t.Errorf("at 5 %% loss %d of 400 lookups found the file", found)
	}
}

// Two nodes cannot have one id: the second says so instead of joining.
func TestTakenID(t *testing.T) {
	w := joining(t, sim.Config{Seed: 10, Strict: true}, 6, "m=2", "b=1")
	w.Run(time.Minute)
	out := 0
	for _, a := range w.nodes {
		if r := w.do(a, p2p.Find{Name: "song"}); errors.Is(r.Err, p2p.ErrNotJoined) {
			out++
		}
	}
	if out < 2 || out > 5 {
		t.Errorf("%d of 6 nodes stay outside a circle of 4 points", out)
	}
}

// A wish before a node has joined is refused, not kept waiting.
func TestNotJoined(t *testing.T) {
	w := &world{World: sim.New(sim.Config{}), t: t}
	cfg, err := p2p.With(pastry.Protocol.Config, "introducer=nobody:7000")
	w.must(err)
	w.must(w.Spawn(harness.Spec{Index: 0, Protocol: pastry.Protocol, Config: cfg}))
	if r := w.do(sim.Addr(0), p2p.Find{Name: "song"}); !errors.Is(r.Err, p2p.ErrNotJoined) {
		t.Errorf("error %v, want %v", r.Err, p2p.ErrNotJoined)
	}
}

// A state survives JSON, and a node that takes it up goes on from there.
func TestStateIsPlain(t *testing.T) {
	w := lecture(t)
	for _, want := range w.states() {
		b, err := json.Marshal(want)
		w.must(err)
		var got p2p.State
		var detail pastry.Detail
		got.Detail = &detail
		w.must(json.Unmarshal(b, &got))
		if got.Detail = detail; !reflect.DeepEqual(got, want) {
			t.Errorf("through JSON\n got %+v\nwant %+v", got, want)
		}
	}
	w.Run(10 * time.Second)
	w.must(pastry.Exact(w.states()))
}

// One seed, one run: on any machine this is the trace. A change of the
// simulator or of a message moves it; then the new number belongs here.
func TestGoldenHash(t *testing.T) {
	const want = 0x3e1732f3f357e75b
	hash := func(seed uint64) uint64 {
		w := joining(t, sim.Config{Seed: seed}, 16)
		w.settles(30 * time.Second)
		w.must(w.do(w.nodes[3], p2p.Publish{Name: "song", Size: 1 << 20, Seed: 5}).Err)
		w.must(w.Crash(w.nodes[7]))
		w.must(w.do(w.nodes[9], p2p.Fetch{Name: "song"}).Err)
		w.Run(10 * time.Second)
		return w.Hash()
	}
	if got := hash(1); got != want {
		t.Errorf("trace of seed 1 is %#x, want %#x", got, uint64(want))
	}
	if hash(2) == want {
		t.Error("another seed gives the same trace")
	}
}
