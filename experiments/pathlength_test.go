package experiments

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/record"
	"peerbed/protocols/chord"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

var largest = flag.String("largest", cmp.Or(os.Getenv("PEERBED_LARGEST"), "12"), "TestChordPathLength: log2 of the largest ring, 4 to 14")

// expectedHops is the mean number of hops to the predecessor of a random key
// from a random node, with ideal tables and successor lists of one, in rings of
// 2^3 to 2^14 nodes: about log2(N)/2 (claim C5). It was worked out apart from
// this code, on a few rings each.
var expectedHops = []float64{1.40, 1.84, 2.45, 2.88, 3.37, 3.87, 4.36, 4.87, 5.36, 5.85, 6.36, 6.86}

// TestChordPathLength measures that curve by real lookups in the simulator. The
// ring is the unit of the statistics: the mean differs from ring to ring by
// about 0.12 at 2^3 nodes and 0.03 at 2^9, so that small rings are many and
// large ones few. The slope against log2 N must lie within 0.497±0.01, its 95 %
// confidence interval included. And every single hop at least halves the way
// that is left.
func TestChordPathLength(t *testing.T) {
	top, err := strconv.Atoi(*largest)
	if err != nil || top < 4 || top > 14 {
		t.Fatalf("-largest %s: want 4 to 14", *largest)
	}
	table := record.Table{Title: "Hops to the predecessor of a key", Head: []string{"N", "rings", "lookups", "hops", "±95 %", "expected"}}
	var curve []mean
	for k := 3; k <= top; k++ {
		m := measureRings(t, k)
		want := expectedHops[k-3]
		table.Add(fmt.Sprint(1<<k), fmt.Sprint(m.n), fmt.Sprint(m.lookups), fmt.Sprintf("%.3f", m.value), fmt.Sprintf("%.3f", 2*m.err), fmt.Sprintf("%.2f", want))
		if off := math.Abs(m.value - want); off > 2*m.err+ringNoise(k) {
			t.Errorf("N=2^%d: %.3f±%.3f hops, want %.2f", k, m.value, 2*m.err, want)
		}
		curve = append(curve, m)
	}
	slope, dev := fit(curve)
	table.Notes = []string{fmt.Sprintf("slope against log2 N: %.4f±%.4f (95 %%), expected 0.497±0.01", slope, 2*dev)}
	fmt.Print("\n", table.String())
	if low, high := slope-2*dev, slope+2*dev; low < 0.487 || high > 0.507 {
		t.Errorf("the slope is %.4f±%.4f, want it within 0.497±0.01", slope, 2*dev)
	}
	savePage(t, &record.Page{Title: "The length of Chord's lookups", Lead: "Half of log2 N, less a little.",
		Tables: []record.Table{table}, Plots: []record.Plot{hopsPlot(curve)}})
}

// ringNoise is how far the expected values themselves may be off, having come
// from a few rings each.
func ringNoise(k int) float64 { return max(0.12*math.Pow(2, -float64(k-3)/3), 0.04) }

// A mean is a measured value with its standard error.
type mean struct {
	value, err float64
	n, lookups int
	k          int // log2 N
}

// pathProtocol is Chord whose nodes do not know their predecessors: as in the
// paper's find_predecessor, a node that owns a key does not notice, and the
// lookup goes all the way round. Otherwise one lookup in N would be free.
var pathProtocol = func() *p2p.Protocol {
	p := *chord.Protocol
	p.Ideal = func(cfg any, addrs []p2p.Addr) []p2p.State {
		states := chord.Protocol.Ideal(cfg, addrs)
		for i := range states {
			d := states[i].Detail.(chord.Detail)
			d.Predecessor = 0
			states[i].Detail = d
		}
		return states
	}
	return &p
}()

// measureRings measures rings of 2^k nodes.
func measureRings(t *testing.T, k int) mean {
	t.Helper()
	rings := max(4, 2048>>k)
	each := max(64, 16000/rings)
	var sum, squares float64
	for r := range rings {
		hops := measureRing(t, 1<<k, r, each)
		sum += hops
		squares += hops * hops
	}
	n := float64(rings)
	variance := (squares - sum*sum/n) / (n - 1)
	return mean{value: sum / n, err: math.Sqrt(variance / n), n: rings, lookups: rings * each, k: k}
}

// measureRing returns the mean hops of lookups in one ring. Rings differ by
// their nodes' ports, and so by their ids.
func measureRing(t *testing.T, nodes, number, lookups int) float64 {
	t.Helper()
	cast := p2p.Same(nodes, p2p.Role{Name: "peer", Port: func(uint32) uint16 { return uint16(7000 + number) }})
	c, err := harness.Open(context.Background(), harness.Settings{
		Protocol: pathProtocol, World: "sim", Cast: cast, Ideal: true, Name: t.Name(), Out: io.Discard,
		Links:  linkmodel.Model{Default: linkmodel.Link{Delay: time.Millisecond}}, // all is over before the first upkeep
		Config: []string{"successors=1", "copies=1", "stabilize=10m", "fix-fingers=10m", "check-predecessor=10m"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := rand.New(rand.NewPCG(c.Seed(), uint64(number)))
	hops := 0
	for i := range lookups {
		// Nobody has the file: the way to where it would be is the same.
		out := c.Find(r.IntN(nodes), fmt.Sprintf("file-%d-%d", number, i))
		if !errors.Is(out.Err, p2p.ErrNotFound) || out.Hops < 1 {
			t.Fatalf("lookup %d ended after %d hops with %v, want %v", i, out.Hops, out.Err, p2p.ErrNotFound)
		}
		hops += out.Hops - 1 // the last one goes from the predecessor to the owner
		mustHalve(t, out.Path[:len(out.Path)-1])
	}
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}
	return float64(hops) / float64(lookups)
}

// m64 is the circle of these rings.
const m64 ring.Bits = 64

// mustHalve checks that every hop at least halves what is left of the way to
// the predecessor, the last on the path.
func mustHalve(t *testing.T, path []p2p.Hop) {
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

// fit returns the slope of a least-squares line against k, and its standard
// error as it follows from those of the points.
func fit(points []mean) (slope, err float64) {
	var center, above, below, spread float64
	for _, p := range points {
		center += float64(p.k) / float64(len(points))
	}
	for _, p := range points {
		x := float64(p.k) - center
		above += x * p.value
		below += x * x
		spread += x * x * p.err * p.err
	}
	return above / below, math.Sqrt(spread) / below
}

func hopsPlot(curve []mean) record.Plot {
	expected, measured := record.Series{Name: "expected"}, record.Series{Name: "measured", Dots: true}
	for _, m := range curve {
		expected.Points = append(expected.Points, record.XY{X: float64(m.k), Y: expectedHops[m.k-3]})
		measured.Points = append(measured.Points, record.XY{X: float64(m.k), Y: m.value})
	}
	return record.Plot{Title: "Hops to the predecessor of a key", X: "log2 N", Y: "hops, mean over keys and nodes", Series: []record.Series{expected, measured}}
}
