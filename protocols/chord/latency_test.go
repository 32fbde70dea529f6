package chord_test

import (
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/chord"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// timed makes n lookups, one after the other, and returns their mean time and
// hops.
func (w *world) timed(n int) (took time.Duration, hops float64) {
	w.t.Helper()
	for i := range n {
		began := w.Now()
		r := w.do(w.nodes[i%len(w.nodes)], p2p.Find{Name: w.nodes[i%7].String() + string(rune('a'+i%26))})
		took += w.Now() - began
		hops += float64(r.Hops)
	}
	return took / time.Duration(n), hops / float64(n)
}

// ToN, Table IV, which has the figures for 2^16 nodes: with fingers chosen by
// proximity lookups are quicker, and not longer.
func TestProximity(t *testing.T) {
	plane := linkmodel.Model{Plane: &linkmodel.Plane{Side: 100 * time.Millisecond, Seed: 1}}
	var took [2]time.Duration
	var hops [2]float64
	for i, s := range []string{"proximity=1", "proximity=8"} {
		w := perfect(t, sim.Config{Seed: 1, Model: plane, Strict: true, Poison: true}, 100, 0, "stabilize=10s", "fix-fingers=500ms", "patience=2s", s)
		w.Run(time.Minute)
		if err := chord.Closed(w.states()); err != nil {
			t.Fatal(err)
		}
		took[i], hops[i] = w.timed(300)
	}
	t.Logf("mean time and hops: %v and %.2f without, %v and %.2f with", took[0], hops[0], took[1], hops[1])
	if took[1] > took[0]*9/10 || hops[1] > hops[0]+0.5 {
		t.Errorf("lookups take %v and %.2f hops with proximity choice, %v and %.2f without", took[1], hops[1], took[0], hops[0])
	}
}

// With every third node dead most of a lookup is waiting: by adaptive timeouts
// it waits less, and takes nobody for dead who lives.
func TestAdaptiveTimeouts(t *testing.T) {
	var took [2]time.Duration
	for i, s := range []string{"timeouts=fixed", "timeouts=adaptive"} {
		w := perfect(t, sim.Config{Seed: 1, Strict: true}, 60, 0, "successors=16", "fix-fingers=500ms", "patience=2s", s)
		w.Run(30 * time.Second)
		if err := chord.Closed(w.states()); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		for k := 0; k < 60; k += 3 {
			w.must(w.Crash(w.nodes[k]))
		}
		w.nodes = w.Addrs()
		for k := range 100 {
			w.Do(w.nodes[k%40], p2p.Find{Name: w.nodes[k%40].String()}, func(o harness.Outcome) { took[i] += o.Took })
		}
		w.Run(time.Minute)
	}
	t.Logf("100 lookups waited %v with fixed timeouts, %v with adaptive ones", took[0], took[1])
	if took[0] == 0 || took[1] > took[0]/2 {
		t.Errorf("lookups take %v by adaptive timeouts and %v by fixed ones", took[1], took[0])
	}
}
