package chord_test

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// perfect starts n nodes with complete tables. A ring's addresses, and so its
// ids, depend on base.
func perfect(t testing.TB, c sim.Config, n, base int, changes ...string) *world {
	t.Helper()
	w := &world{World: sim.New(c), t: t}
	cfg, err := p2p.With(chord.Protocol.Config, changes...)
	w.must(err)
	for i := range n {
		w.nodes = append(w.nodes, sim.Addr(base+i))
	}
	for i, s := range chord.Protocol.Ideal(cfg, w.nodes) {
		w.must(w.Spawn(harness.Spec{Index: base + i, Protocol: chord.Protocol, Config: cfg, State: &s}))
	}
	return w
}

// byID puts nodes of a ring of 2^64 points in order.
func byID(nodes []p2p.Addr) []p2p.Addr {
	return slices.SortedFunc(slices.Values(nodes), func(a, b p2p.Addr) int {
		return cmp.Compare(ring.Bits(64).Addr(a), ring.Bits(64).Addr(b))
	})
}

// still is a configuration in which nothing happens but what a test asks for.
var still = []string{"stabilize=10m", "fix-fingers=10m", "check-predecessor=10m", "repair=10m"}

// lookups asks for n names, from one node after the other, all at once, and
// returns the results.
func (w *world) lookups(n int) []p2p.Result {
	w.t.Helper()
	var all []p2p.Result
	for i := range n {
		w.Do(w.nodes[i%len(w.nodes)], p2p.Find{Name: fmt.Sprintf("%v %d", w.nodes[0], i)}, func(o harness.Outcome) {
			all = append(all, o.Result)
		})
	}
	if !w.RunUntil(func() bool { return len(all) == n }, time.Minute) {
		w.t.Fatalf("%d of %d lookups ended within a minute", len(all), n)
	}
	return all
}

// ToN, section IV-D, the argument for O(log N): every hop at least halves the
// distance to the predecessor of the key. It holds where fingers alone decide,
// and with more successors too.
func TestHopsHalveTheDistance(t *testing.T) {
	const m = ring.Bits(64)
	for _, style := range []string{"lookup=iterative", "lookup=recursive", "lookup=unacknowledged"} {
		for _, r := range []string{"successors=1", "successors=8"} {
			w := perfect(t, sim.Config{Seed: 3}, 256, 0, append(still, style, r)...)
			checked := 0
			for _, l := range w.lookups(1000) {
				if len(l.Path) < 3 {
					continue
				}
				p := m.Addr(l.Path[len(l.Path)-2].Addr)
				for i := range len(l.Path) - 2 {
					was, is := m.Distance(m.Addr(l.Path[i].Addr), p), m.Distance(m.Addr(l.Path[i+1].Addr), p)
					if checked++; is > was/2 {
						t.Fatalf("%s, %s: hop %d of %v leaves %x of %x", style, r, i+1, l.Path, is, was)
					}
				}
			}
			if checked < 1000 {
				t.Errorf("%s, %s: only %d hops were checked", style, r, checked)
			}
		}
	}
}

// ToN, section IV-B: a key belongs to the first node at or after it on the
// circle; section IV-E.3: copies go to the nodes that follow.
func TestOwnership(t *testing.T) {
	const m = ring.Bits(64)
	w := perfect(t, sim.Config{Seed: 4, Strict: true, Poison: true}, 20, 0, append(still, "copies=3")...)
	byID := byID(w.nodes)
	for i := range 40 {
		name := fmt.Sprint("file ", i)
		r := w.do(w.nodes[i%20], p2p.Publish{Name: name, Size: 10, Seed: 1})
		at := slices.IndexFunc(byID, func(a p2p.Addr) bool { return m.Addr(a) >= m.Hash(name) })
		var want, got []p2p.Addr
		for j := range 3 {
			want = append(want, byID[(max(at, 0)+j)%20])
		}
		for _, s := range w.states() {
			if slices.Contains(s.Stored, name) {
				got = append(got, s.Self)
			}
		}
		if r.Err != nil || !slices.Equal(r.Found, want) || len(got) != 3 || !slices.Contains(got, want[0]) {
			t.Errorf("%s (%x): stored at %v, lies at %v, %v; want %v", name, m.Hash(name), r.Found, got, r.Err, want)
		}
	}
}

// 2001, figure 10: the mean path length is about 1/2 log2 N. With complete tables and one successor it is 1/2 log2 N - 0.14
// up to the predecessor, the papers' count: one less than Hops.
func TestPathLength(t *testing.T) {
	for n := 64; n <= 256; n *= 2 {
		var hops, count int
		for i := range 20 { // rings differ more than lookups
			w := perfect(t, sim.Config{Seed: 5}, n, 1000*i, append(still, "successors=1")...)
			for _, l := range w.lookups(4 * n) {
				if l.Hops > 0 { // else the asker owns the key: there is no way
					hops += l.Hops - 1
					count++
				}
			}
		}
		got, want := float64(hops)/float64(count), math.Log2(float64(n))/2-0.14
		if math.Abs(got-want) > 0.12 {
			t.Errorf("N = %d: %.3f hops to the predecessor on average, want %.2f", n, got, want)
		}
	}
}

// ToN, section IV-E.3: with a successor list of length r of the order of log N,
// lookups find the closest living successor with high probability even if every
// second node has failed. One successor is not enough.
func TestHalfDead(t *testing.T) {
	for _, c := range []struct {
		r       string
		atLeast int
		atMost  int
	}{{"successors=20", 1000, 1000}, {"successors=0", 1000, 1000}, {"successors=1", 0, 800}} {
		const n, m = 200, ring.Bits(64)
		w := perfect(t, sim.Config{Seed: 6}, n, 0, append(still, c.r, "copies=1")...)
		r := rand.New(rand.NewPCG(6, 6))
		for _, i := range r.Perm(n)[:n/2] {
			w.must(w.Crash(w.nodes[i]))
		}
		w.nodes = w.Addrs()
		byID := byID(w.nodes)
		good := 0
		for i := range 1000 {
			name := fmt.Sprint(i)
			at := slices.IndexFunc(byID, func(a p2p.Addr) bool { return m.Addr(a) >= m.Hash(name) })
			l := w.do(w.nodes[i%len(w.nodes)], p2p.Find{Name: name})
			if errors.Is(l.Err, p2p.ErrNotFound) && l.Path[len(l.Path)-1].Addr == byID[max(at, 0)] {
				good++
			}
		}
		if good < c.atLeast || good > c.atMost {
			t.Errorf("%s: %d of 1000 lookups reach the closest living successor, want %d to %d", c.r, good, c.atLeast, c.atMost)
		}
	}
}

// ToN, section IV-E.3, asks for lists of 2 log2 N. A node that estimates N from
// the ids it sees comes near enough: never below log2 N.
func TestListsOfTwiceLogN(t *testing.T) {
	for _, n := range []int{16, 64, 256} {
		w := joining(t, sim.Config{Seed: 7}, n, "successors=0")
		w.closes(time.Minute)
		w.Run(20 * time.Second)
		var sum int
		least, most := maxList, 0
		for _, s := range w.states() {
			l := len(s.Detail.(chord.Detail).Successors)
			sum, least, most = sum+l, min(least, l), max(most, l)
		}
		log := math.Log2(float64(n))
		mean := float64(sum) / float64(n)
		t.Logf("%d nodes: lists of %d to %d, %.1f on average; 2 log2 N is %.0f", n, least, most, mean, 2*log)
		if math.Abs(mean-2*log) > 2 || float64(least) < log {
			t.Errorf("%d nodes have lists of %d to %d, %.1f on average; want about %.0f", n, least, most, mean, 2*log)
		}
	}
}

// maxList is the longest list that a node may have.
const maxList = 32
