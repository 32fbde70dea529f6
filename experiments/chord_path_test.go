package experiments

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"peerbed/harness"
	"peerbed/harness/record/journal"
	"peerbed/harness/stat"
	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
)

// expectedHops is the mean number of hops to the predecessor of a random key
// from a random node, with ideal tables and successor lists of one, in rings of
// 2^3 to 2^14 nodes: about log2(N)/2. It was worked out apart from this code, on
// a few rings each.
var expectedHops = []float64{1.40, 1.84, 2.45, 2.88, 3.37, 3.87, 4.36, 4.87, 5.36, 5.85, 6.36, 6.86}

// expectedPDF is how these hops are distributed at 2^12 nodes, from 0 on.
var expectedPDF = []float64{.000, .003, .017, .058, .130, .208, .234, .189, .109, .041, .010, .001, .000}

// TestChordC5PathLength measures that curve by real lookups (claim C5: "lookup
// is O(log N), the distance halves"). The ring is the unit of the statistics:
// the mean differs from ring to ring by about 0.12 at 2^3 nodes and 0.03 at 2^9,
// so that small rings are many and large ones few. The slope against log2 N must
// be 0.497±0.01, the histogram at 2^12 nodes that of the 2001 paper's figure
// 10 (b), and every single hop at least halves the way that is left.
func TestChordC5PathLength(t *testing.T) {
	top := size(12, 14)
	verdicts := harness.Repeat(t, 10, func(t *harness.T) {
		var x, y []float64
		for k := 3; k <= top; k++ {
			rings := max(1, 256>>k)
			var all []float64 // the histogram
			for i := range rings {
				addUp(&all, hopsIn(t, 1<<k, i, max(64, 1600/rings)))
			}
			hops := meanOf(all)
			t.Want(fmt.Sprintf("hops at N=2^%d", k), hops, harness.Near(expectedHops[k-3], 0.1))
			x, y = append(x, float64(k)), append(y, hops)
		}
		t.Want("slope against log2 N", stat.Slope(x, y), harness.Near(0.497, 0.01))
		t.Want("distance to the histogram at N=2^12", stat.Variation(hopsIn(t, 1<<12, 99, 6000), expectedPDF), harness.AtMost(0.03))
	})
	if len(verdicts) > 0 {
		harness.Figure(t, hopsFigure(verdicts[:top-2]))
	}
}

// pathProtocol is Chord whose nodes do not know their predecessors: as in the
// paper's find_predecessor, a node that owns a key does not notice, and the
// lookup goes all the way round. Otherwise one lookup in N would be free.
var pathProtocol = withStates(chord.Protocol, func(_ any, states []p2p.State) {
	for i := range states {
		d := states[i].Detail.(chord.Detail)
		d.Predecessor = 0
		states[i].Detail = d
	}
})

// withStates is a protocol whose ideal states are changed.
func withStates(p *p2p.Protocol, change func(cfg any, states []p2p.State)) *p2p.Protocol {
	q := *p
	q.Ideal = func(cfg any, addrs []p2p.Addr) []p2p.State {
		states := p.Ideal(cfg, addrs)
		change(cfg, states)
		return states
	}
	return &q
}

// hopsIn counts how many lookups in one ring took 0, 1, 2 ... hops to the
// predecessor of their key.
func hopsIn(t *harness.T, nodes, number, lookups int) []float64 {
	t.Helper()
	c := stillRing(t, pathProtocol, nodes, number, "successors=1", "copies=1")
	defer closeNow(t, c)
	r := rand.New(rand.NewPCG(t.Seed(), uint64(number)))
	var hist []float64
	for i := range lookups {
		// Nobody has the file: the way to where it would be is the same.
		out := c.Find(r.IntN(nodes), fmt.Sprintf("file-%d-%d", number, i))
		if !errors.Is(out.Err, p2p.ErrNotFound) || out.Hops < 1 {
			t.Fatalf("lookup %d ended after %d hops with %v, want %v", i, out.Hops, out.Err, p2p.ErrNotFound)
		}
		count(&hist, out.Hops-1) // the last one goes from the predecessor to the owner
		mustHalve(t, out.Path[:len(out.Path)-1])
	}
	return hist
}

// count adds one to a bar of a histogram.
func count(hist *[]float64, bar int) {
	for len(*hist) <= bar {
		*hist = append(*hist, 0)
	}
	(*hist)[bar]++
}

// addUp adds another histogram to one.
func addUp(hist *[]float64, other []float64) {
	for bar, n := range other {
		count(hist, bar)
		(*hist)[bar] += n - 1
	}
}

// meanOf is the mean of what a histogram counts.
func meanOf(hist []float64) float64 {
	var sum, n float64
	for bar, c := range hist {
		sum += float64(bar) * c
		n += c
	}
	return sum / n
}

// mustHalve checks that every hop at least halves what is left of the way to
// the predecessor, the last on the path.
func mustHalve(t testing.TB, path []p2p.Hop) {
	t.Helper()
	end := m64.Addr(path[len(path)-1].Addr)
	for i := 1; i < len(path); i++ {
		before := m64.Distance(m64.Addr(path[i-1].Addr), end)
		after := m64.Distance(m64.Addr(path[i].Addr), end)
		if after > before/2 {
			t.Fatalf("hop %d leaves %#x of %#x, more than half; the way was %v", i, after, before, path)
		}
	}
}

func hopsFigure(curve []harness.Verdict) journal.Figure {
	half := journal.Curve{Name: "half of log2 N", Theory: "SIGCOMM 2001, section 5.3"}
	expected, measured := journal.Curve{Name: "expected", Theory: "with ideal tables, worked out apart from the bed"}, journal.Curve{Name: "measured"}
	for i, v := range curve {
		x := float64(3 + i)
		half.Marks = append(half.Marks, journal.Mark{X: x, Y: x / 2})
		expected.Marks = append(expected.Marks, journal.Mark{X: x, Y: expectedHops[i]})
		measured.Marks = append(measured.Marks, journal.Mark{X: x, Y: v.Mean, Low: v.Mean - v.Half, High: v.Mean + v.Half})
	}
	return journal.Figure{Title: "Hops to the predecessor of a key", X: "log2 N", Y: "hops, mean over keys and nodes", Curves: []journal.Curve{half, expected, measured}}
}

// tableII is what the ToN paper's table II says of 1000 nodes with successor
// lists of 20, each of which fails with chance p before anything is repaired:
// the mean path length and the mean number of time-outs of a lookup; and what an
// ideal table gives, worked out apart from this code.
var tableII = []struct{ p, path, timeouts, idealPath, idealTimeouts float64 }{
	{0, 3.84, 0, 3.77, 0}, {.1, 4.03, .60, 3.92, .45}, {.2, 4.22, 1.17, 4.11, 1.02},
	{.3, 4.44, 2.02, 4.35, 1.87}, {.4, 4.69, 3.23, 4.66, 3.12}, {.5, 5.09, 5.10, 5.06, 5.17},
}

// TestChordTableII measures table II of the ToN paper. Its means hold; its
// percentiles are narrower than any greedy routing, and are not looked at. A
// time-out is a question to a dead node before the predecessor is reached. No
// lookup may miss the live successor of its key; with one successor in the list
// most do (the negative control). The quick size leaves rows out, and cannot tell
// the means of p=0.5 from others: these lookups differ too much.
func TestChordTableII(t *testing.T) {
	harness.Repeat(t, size(6, 10), func(t *harness.T) {
		for i, row := range tableII {
			if !*paper && (row.p == .1 || row.p == .2 || row.p == .4) {
				continue
			}
			at := fmt.Sprintf("p=%.1f: ", row.p)
			rings := size(5+int(40*row.p), 40) // lookups differ the more, the more are dead
			if row.p > 0.3 {
				rings = size(2, 40)
			}
			lookups := 25
			if row.p == 0 { // nobody is dead that one could learn of
				lookups = 100
			}
			if *paper && row.p >= .2 { // as many in all, and fewer that learn from one another
				lookups, rings = 5, 200
			}
			m := lookupsAmongDead(t, i, rings, lookups, row.p, "successors=20")
			t.Want(at+"lookups that fail", m.failed, harness.Exactly(0))
			if row.p <= 0.3 || *paper {
				t.Want(at+"path length", m.path, harness.Near(row.idealPath, 0.15))
				t.Want(at+"time-outs", m.timeouts, harness.Near(row.idealTimeouts, 0.2))
			}
			if *paper {
				t.Want(at+"path length, as printed", m.path, harness.Near(row.path, 0.15))
				t.Want(at+"time-outs, as printed", m.timeouts, harness.Near(row.timeouts, 0.2))
			}
		}
		m := lookupsAmongDead(t, 9, 1, 25, 0.5, "successors=1")
		t.Want("p=0.5 and one successor: lookups that fail", m.failed, harness.AtLeast(0.2))
	})
}

// among are means over all lookups in rings with dead nodes.
type among struct{ path, timeouts, failed float64 }

// lookupsAmongDead asks in some rings in which each node has just died with
// chance p. Lookups are few in each, and all at once, for what one of them makes
// nodes learn of the dead spares others a time-out.
func lookupsAmongDead(t *harness.T, number, rings, lookups int, p float64, changes ...string) (m among) {
	const nodes = 1000
	share := 1 / float64(lookups*rings)
	for i := range rings {
		c := stillRing(t, pathProtocol, nodes, number*100+i, append(changes, "copies=1")...)
		c.Crash(some(t, c, p, number*100+i)...)
		live := inOrder(c, c.Live())
		r := c.Run(0, asked{lookups: lookups})
		next := r.Traffic.Kind("next")
		m.timeouts += float64(next.Sent-next.Received) * share
		for _, o := range r.Operations {
			if end := o.Path[len(o.Path)-1].Addr; c.Index(end) != owner(c, live, m64.Hash(o.Name)) {
				m.failed += share
			}
			m.path += float64(len(o.Path)-2) * share // to the predecessor
		}
		closeNow(t, c)
	}
	return m
}
