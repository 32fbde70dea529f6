package gnutella_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
)

// ultrapeers is a network of ultrapeers, each the first of so many nodes, and
// of leaves.
func ultrapeers(t testing.TB, n, every int, changes ...string) *world {
	t.Helper()
	all := make([][]string, n)
	for i := range all {
		role := "role=leaf"
		if i%every == 0 {
			role = "role=ultrapeer"
		}
		all[i] = append([]string{role}, changes...)
	}
	return mixed(t, 1, all...)
}

// links are those of a node, as Inspect tells them.
func (w *world) links(a p2p.Addr) []gnutella.LinkState {
	s, err := w.Inspect(a)
	if err != nil {
		w.t.Fatal(err)
	}
	return s.Detail.(gnutella.Detail).Links
}

// Leaves link to ultrapeers only, and hear by QRP only what they may have; with
// every variant, every file is found and fetched, from leaf to leaf.
func TestUltrapeers(t *testing.T) {
	for _, variant := range [][]string{nil, {"deflate=true"}, {"pings=cache"}, {"pings=multiplex"}, {"search=dynamic"}} {
		t.Run(fmt.Sprint(variant), func(t *testing.T) {
			w := ultrapeers(t, 20, 5, variant...)
			for i, a := range w.nodes {
				for _, l := range w.links(a) {
					if up := slices.Index(w.nodes, l.Addr)%5 == 0; i%5 != 0 && !up {
						t.Errorf("leaf %v has a link to %v, which is a leaf", a, l.Addr)
					}
				}
			}
			w.must(w.nodes[3], p2p.Publish{Name: "Some Song.ogg", Size: 3 << 20, Seed: 5})
			w.Run(5 * time.Second)
			heard := func() (n uint64) {
				for i, a := range w.nodes {
					if i%5 != 0 {
						n += w.received(a, "query")
					}
				}
				return n
			}
			if out := w.do(w.nodes[11], p2p.Find{Name: "nothing like it"}); out.Err == nil || heard() != 0 {
				t.Errorf("%v; leaves heard %d queries for words that nobody has", out.Err, heard())
			}
			for _, a := range []p2p.Addr{w.nodes[11], w.nodes[5]} {
				if out := w.must(a, p2p.Find{Name: "song"}); !slices.Equal(out.Found, w.nodes[3:4]) {
					t.Errorf("%v finds %v", a, out.Found)
				}
			}
			if n := heard(); n == 0 || n > 6 {
				t.Errorf("leaves heard %d queries; want one from each ultrapeer of the owner, and nobody else", n)
			}
			w.must(w.nodes[12], p2p.Fetch{Name: "Some Song.ogg"})
			if !w.Holds(w.nodes[12], "Some Song.ogg", 3<<20, 5) {
				t.Error("what was fetched is not what was published")
			}
			w.must(w.nodes[3], p2p.Remove{Name: "Some Song.ogg"})
			w.Run(5 * time.Second)
			before := heard()
			w.do(w.nodes[11], p2p.Find{Name: "song"})
			if n := heard() - before; n != 0 {
				t.Errorf("leaves hear %d queries for what is no longer there", n)
			}
		})
	}
}

// Servents that are able become leaves while there is room, and an ultrapeer
// again when theirs have gone.
func TestAble(t *testing.T) {
	able := slices.Repeat([][]string{{"role=able", "leaves=4"}}, 24)
	w := mixed(t, 1, able...)
	w.Run(time.Minute)
	count := func() (upper int) {
		for _, s := range w.states() {
			if s.Detail.(gnutella.Detail).Role == "ultrapeer" {
				upper++
			}
		}
		return upper
	}
	n := count()
	if n < 3 || n > 15 {
		t.Errorf("%d of 24 are ultrapeers", n)
	}
	for _, s := range w.states() {
		if s.Detail.(gnutella.Detail).Role == "ultrapeer" {
			if err := w.Crash(s.Self); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.Run(2 * time.Minute)
	if count() == 0 {
		t.Error("all ultrapeers have crashed, and nobody takes their place")
	}
	w.settle()
}
