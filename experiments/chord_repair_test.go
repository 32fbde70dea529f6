package experiments

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/harness/stat"
	"peerbed/protocols/chord"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// TestChordC9KeysMove lets nodes join a ring that stores files (claim C9: "N40
// joins and copies the keys in (32, 40] from N45"): each newcomer gets exactly the
// keys between its predecessor and itself, which are K/N of them on average.
func TestChordC9KeysMove(t *testing.T) {
	harness.Repeat(t, 10, func(t *harness.T) {
		joins := size(5, 100)
		ratio := 0.0
		for i := range joins {
			ratio += keysMoved(t, i) / float64(joins)
		}
		t.Want("keys moved by a join, by K/N", ratio, harness.Near(1, map[bool]float64{false: 0.5, true: 0.1}[*paper]))
	})
}

// keysMoved lets one node join, and returns how many keys it got, by K/N.
func keysMoved(t *harness.T, number int) float64 {
	const nodes, files = 24, 200
	c := harness.New(t, chord.Protocol, nodes, harness.World("sim"), harness.Cast(ports(nodes, t.Seed(), number)), harness.Ideal(), harness.Quiet(),
		harness.Config("copies=1"))
	defer closeNow(t, c)
	c.Share(files, 100)
	c.Advance(10 * time.Second)
	c.Grow(ports(1, t.Seed(), number))
	c.Settle(chord.Closed)
	want := keysOf(c, nodes)
	c.SettleWithin(time.Minute, func(states []p2p.State) error {
		if got := states[nodes].Stored; !slices.Equal(got, want) {
			return fmt.Errorf("the newcomer stores %q, want %q", got, want)
		}
		return nil
	})
	c.Advance(10 * time.Second)
	if got := c.States()[nodes].Stored; !slices.Equal(got, want) {
		t.Errorf("later the newcomer stores %q, want %q", got, want)
	}
	return float64(len(want)) * (nodes + 1) / files
}

// keysOf returns the files that belong to a node, sorted.
func keysOf(c *harness.Cluster, node int) (names []string) {
	sorted := inOrder(c, c.Live())
	for _, name := range c.Files() {
		if owner(c, sorted, m64.Hash(name)) == node {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// loopyProtocol is Chord that begins in a ring which goes round the circle twice:
// every second node first, then the others. It has an even number of nodes.
var loopyProtocol = withStates(chord.Protocol, func(_ any, states []p2p.State) {
	n := len(states)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	id := func(i int) ring.ID { return states[i].Detail.(chord.Detail).ID }
	slices.SortFunc(order, func(a, b int) int {
		if id(a) < id(b) {
			return -1
		}
		return 1
	})
	at := func(k int) p2p.Addr { return states[order[(2*k+2*k/n)%n]].Self }
	for k := range n {
		s := &states[order[(2*k+2*k/n)%n]]
		d := s.Detail.(chord.Detail)
		d.Fingers, d.Successors, d.Predecessor = nil, []p2p.Addr{at((k + 1) % n)}, at((k+n-1)%n)
		s.Detail = d
	}
})

// TestChordC13StrongStability begins in a loopy ring (claim C13: "strong stability
// takes O(N^2) rounds"). The published stabiliser never leaves it, for every node
// is the predecessor of its successor; the strong one does, in at most about N^2
// rounds, and here in far fewer.
func TestChordC13StrongStability(t *testing.T) {
	harness.Repeat(t, 5, func(t *harness.T) {
		var x, y []float64
		for k := 4; k <= size(6, 8); k++ {
			weak, _ := unwind(t, 1<<k, "weak", 2*time.Minute)
			t.Want(fmt.Sprintf("N=%d: unwound by the weak stabiliser", 1<<k), weak, harness.Exactly(0))
			strong, rounds := unwind(t, 1<<k, "strong", 10*time.Minute)
			t.Want(fmt.Sprintf("N=%d: unwound by the strong one", 1<<k), strong, harness.Exactly(1))
			t.Want(fmt.Sprintf("N=%d: in so many rounds", 1<<k), rounds, harness.AtMost(math.Pow(4, float64(k))))
			x, y = append(x, float64(k)), append(y, math.Log2(rounds))
		}
		t.Want("power of N by which rounds grow", stat.Slope(x, y), harness.AtMost(2))
	})
}

// unwind tells whether a loopy ring became an ordered one (1 or 0), and how many
// rounds of stabilisation that took.
func unwind(t *harness.T, nodes int, stabilizer string, limit time.Duration) (ordered, rounds float64) {
	const round = 500 * time.Millisecond
	c := harness.New(t, loopyProtocol, nodes, harness.World("sim"), harness.Cast(ports(nodes, t.Seed(), nodes)), harness.Ideal(), harness.Quiet(),
		harness.Config("stabilizer="+stabilizer, fmt.Sprintf("stabilize=%v", round), "fix-fingers=10m"))
	defer closeNow(t, c)
	if chord.OrderedRing(c.States()) == nil {
		t.Fatalf("the ring of %d nodes is not loopy to begin with", nodes)
	}
	for began := c.Now(); c.Now()-began < limit; {
		c.Advance(round / 2)
		if chord.Closed(c.States()) == nil {
			return 1, float64(c.Now()-began) / float64(round)
		}
	}
	return 0, float64(limit) / float64(round)
}

// TestChordC14Churn moves files as nodes come and go (claim C14: "churn: excess
// key copying, bandwidth rises"): four times the churn moves some three times the
// bytes (who comes back has its disk, and needs less), and where pointers are stored in place of objects they are fewer by the ratio of
// the sizes, nearly.
func TestChordC14Churn(t *testing.T) {
	rates := []float64{100, 400} // per cent an hour
	harness.Repeat(t, size(4, 6), func(t *harness.T) {
		var x, y []float64
		for i, rate := range rates {
			moved := keyTraffic(t, i, rate, "store=objects")
			x, y = append(x, math.Log2(rate)), append(y, math.Log2(moved))
			if i > 0 {
				t.Want(fmt.Sprintf("kB moved at %v %%/h more than at %v", rate, rates[i-1]), (math.Exp2(y[i])-math.Exp2(y[i-1]))/1000, harness.AtLeast(0))
			}
		}
		t.Want("power of the churn by which bytes grow", stat.Slope(x, y), harness.Within(0.4, 1.6))
		pointers := keyTraffic(t, len(rates)-1, rates[len(rates)-1], "store=pointers")
		t.Want("bytes that pointers move, by those of objects", pointers/math.Exp2(y[len(y)-1]), harness.AtMost(0.05))
	})
}

// keyTraffic is how many bytes of objects a churning ring moves in eight minutes.
func keyTraffic(t *harness.T, number int, percent float64, changes ...string) float64 {
	const nodes, files, bytes = 66, 130, 20_000
	c := harness.New(t, chord.Protocol, nodes, harness.World("sim"), harness.Cast(ports(nodes, t.Seed(), number)), harness.Ideal(), harness.Quiet(),
		harness.Config(changes...))
	defer closeNow(t, c)
	c.Share(files, bytes)
	c.Advance(30 * time.Second)
	r := c.Run(10*time.Minute, fault.Turnover(percent)) // most nodes stay: those who come back have their disks, and need less
	after := r.Samples[len(r.Samples)/5]                // by then the loss of those who were away at the beginning is repaired
	return float64(r.Samples[len(r.Samples)-1].Traffic.Sub(after.Traffic).Class(p2p.Transfer).SentBytes)
}

// tableIII is what the ToN paper's table III says of about 1000 nodes of which so
// many join and leave a second.
var tableIII = []struct{ rate, path, timeouts, failures float64 }{
	{.05, 3.90, .05, 0}, {.10, 3.83, .11, 0}, {.15, 3.84, .16, 2}, {.20, 3.81, .23, 5},
	{.25, 3.83, .30, 6}, {.30, 3.91, .34, 8}, {.35, 3.94, .42, 16}, {.40, 4.06, .46, 15},
}

// TestChordTableIII measures table III of the ToN paper: 1000 nodes with successor
// lists of 20 stabilise every 15 to 45 s, a successor and a finger each time;
// messages take an exponential time of 50 ms, and a node is dead after 500 ms; one
// node looks a file up each second, while others join and leave (voluntarily). The
// paper's own run is of 10^4 lookups a row, and the quick size of a tenth, of the row with
// the most churn.
//
// There a node refreshes one of its 3 log2 N entries (the list and the fingers) at
// each step, so each every 90 s times log2 N (which is the 90 of the paper's own
// predictor); here the list comes whole with the successor's answer, and a finger
// is refreshed every 90 s. (Paths are somewhat longer than the paper's where many
// leave: a finger that was found dead is missed here until its turn comes.)
//
// Time-outs must lie between what the paper predicts and what its table says: at
// R=0.40 these are 0.31 and 0.46, and a long run here measures 0.34±0.03.
//
// A failure is a lookup that finds nobody who has the file. In the paper keys move
// at the moment of a join; here within the time of Repair, so the owner's next
// successor is asked too (copies=2), which still has it.
func TestChordTableIII(t *testing.T) {
	harness.Repeat(t, size(4, 10), func(t *harness.T) {
		for i, row := range tableIII {
			if !*paper && i != 7 {
				continue
			}
			at := fmt.Sprintf("R=%.2f: ", row.rate)
			m := joinsAndLeaves(t, i, row.rate)
			t.Want(at+"path length", m.path, harness.Near(row.path, 0.5))
			t.Want(at+"time-outs", m.timeouts, harness.Within(predicted(row.rate, row.path)-0.05, row.timeouts+0.08))
			t.Want(at+"failures in 10^4", 1e4*m.failed, harness.AtMost(upperPoisson(row.failures)))
		}
	})
}

// predicted is the paper's own estimate of the time-outs of a lookup: how often
// nodes leave, by how often an entry that names them is found out.
func predicted(rate, path float64) float64 {
	const nodes, logN = 1000, 9.966
	return rate / (rate/path + nodes/(90*logN) + 1/logN)
}

// upperPoisson is the upper end of the 99 % interval of a count, by the normal law
// of its square root (Anscombe's), good to one for small counts.
func upperPoisson(count float64) float64 {
	return math.Pow(math.Sqrt(count+0.375)+2.576/2, 2) + 1
}

// joinsAndLeaves plays one row: nodes leave, others that never were there join,
// and somebody looks something up, each at random times. What has happened until
// tables are as stale as they become is left out.
func joinsAndLeaves(t *harness.T, number int, rate float64) (m among) {
	const nodes, files, warm = 1000, 100, 700 * time.Second
	lookups := size(1000, 10000)
	c := harness.New(t, chord.Protocol, nodes, harness.World("sim"), harness.Cast(ports(nodes, t.Seed(), number)), harness.Ideal(), harness.Quiet(),
		harness.Links(linkmodel.Model{Default: linkmodel.Link{Delay: 50 * time.Millisecond, Law: linkmodel.Exponential}}),
		harness.Config("successors=20", "copies=2", "stabilize=30s", "fix-fingers=90s", "check-predecessor=30s", "repair=30s", "patience=500ms"))
	defer closeNow(t, c)
	c.Share(files, 100)
	r := rand.New(rand.NewPCG(t.Seed(), uint64(number)))
	pause := func(rate float64) time.Duration { return time.Duration(r.ExpFloat64() / rate * float64(time.Second)) }
	settled := c.Live() // those who have joined long ago
	var young []int
	began := c.Now()
	join, leave, ask := began+pause(rate), began+pause(rate), began+warm
	var before harness.Totals
	for asked := 0; asked < lookups; {
		c.Advance(max(min(join, leave, ask)-c.Now(), 0))
		switch min(join, leave, ask) {
		case join:
			c.Grow(ports(1, t.Seed(), number))
			if young = append(young, c.Size()-1); len(young) > 50 {
				settled, young = append(settled, young[0]), young[1:]
			}
			join += pause(rate)
		case leave:
			k := r.IntN(len(settled))
			c.Leave(settled[k])
			settled = slices.Delete(settled, k, k+1)
			leave += pause(rate)
		default:
			if asked++; asked == 1 {
				before = c.Totals()
			}
			out := c.Find(settled[r.IntN(len(settled))], c.Files()[r.IntN(files)])
			if out.Err != nil {
				m.failed += 1 / float64(lookups)
			}
			m.path += float64(max(out.Hops-1, 0)) / float64(lookups)
			ask += pause(1)
		}
	}
	next := c.Totals().Sub(before).Kind("next")
	m.timeouts = float64(next.Sent-next.Received) / float64(lookups)
	return m
}
