package experiments

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
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

// TestChordC6OneHopLaw inserts, looks up and deletes the same files from the same
// nodes (claim C6: "insert, lookup, delete all by routing"): each takes as many
// hops.
func TestChordC6OneHopLaw(t *testing.T) {
	harness.Repeat(t, 10, func(t *harness.T) {
		const nodes, files = 128, 60
		c := stillRing(t, chord.Protocol, nodes, 6, "copies=1")
		var hops [3]float64
		for k := range files {
			name, asker := fmt.Sprintf("file-%d-%d", t.Seed(), k), k*7%nodes
			for i, op := range []p2p.Op{p2p.Publish{Name: name, Size: 10, Seed: 1}, p2p.Find{Name: name}, p2p.Remove{Name: name}} {
				out := c.Do(asker, op)
				if out.Err != nil {
					t.Fatalf("%T of %s by %s: %v", op, name, c.Name(asker), out.Err)
				}
				hops[i] += float64(out.Hops) / files
			}
		}
		t.Want("hops of an insert more than of a lookup", hops[0]-hops[1], harness.Near(0, 0.1))
		t.Want("hops of a delete more than of a lookup", hops[2]-hops[1], harness.Near(0, 0.1))
		t.Want("hops of a lookup to the predecessor", hops[1]-1, harness.Within(1.5, 3.4))
	})
}

// TestChordC7Failures kills nodes of the lecture's ring (claim C7: "wrong when
// fingers or successors are; a single successor fails"). K42 lies at N45, and the
// way there from N80 goes by N16 and N32.
func TestChordC7Failures(t *testing.T) {
	for _, c := range []struct {
		what, config string
		dead         []ring.ID
		want         error
	}{
		{"one successor", "successors=1 copies=1", []ring.ID{32}, p2p.ErrTimeout},
		{"two successors", "successors=2 copies=1", []ring.ID{32}, nil},
		{"no copy", "successors=2 copies=1", []ring.ID{45}, p2p.ErrNotFound},
		{"a copy at N80", "successors=2 copies=2", []ring.ID{45}, nil},
		{"a copy at N32 too", "successors=3 copies=2 place=both", []ring.ID{45}, nil},
	} {
		cl := harness.New(t, chord.Protocol, 0, harness.World("sim"), harness.Cast(chord.Lecture()), harness.Ideal(), harness.Quiet(),
			harness.Config(slices.Concat([]string{"m=7"}, still, strings.Fields(c.config))...))
		k42 := lectureBits.Name("song", 42)
		if out := cl.Publish(lectureNode(t, cl, 112), k42, 4096); out.Err != nil {
			t.Fatal(out.Err)
		}
		for _, id := range c.dead {
			cl.Crash(lectureNode(t, cl, id))
		}
		var holders []string
		for _, s := range cl.States() {
			if slices.Contains(s.Stored, k42) {
				holders = append(holders, "N"+s.ID)
			}
		}
		out := cl.Find(lectureNode(t, cl, 80), k42)
		way, _ := lectureWay(out.Path)
		fmt.Printf("  %s, %v dead, held by %v: K42 from N80 goes %v, %v\n", c.what, c.dead, holders, way, out.Err)
		if !errors.Is(out.Err, c.want) {
			t.Errorf("%s, %v dead: %v, want %v", c.what, c.dead, out.Err, c.want)
		}
		if strings.Contains(c.config, "both") && !slices.Equal(holders, []string{"N32", "N80"}) {
			t.Errorf("with copies on both sides N45 leaves %v, want N32 and N80", holders)
		}
	}
}

// joinCost is how many messages it takes until one node that joins a still ring
// of so many has the finger table that it should have.
func joinCost(t *harness.T, nodes, number int) float64 {
	quiet, err := p2p.With(chord.Protocol.Config, still...)
	if err != nil {
		t.Fatal(err)
	}
	eager, err := p2p.With(quiet, "fix-fingers=50ms")
	if err != nil {
		t.Fatal(err)
	}
	cast, newcomer := ports(nodes, t.Seed(), number), ports(1, t.Seed(), number)
	newcomer[0].Config = eager
	for i := range cast {
		cast[i].Config = quiet
	}
	c := harness.New(t, chord.Protocol, nodes, harness.World("sim"), harness.Cast(cast), harness.Ideal(), harness.Quiet(),
		harness.Links(linkmodel.Model{Default: linkmodel.Link{Delay: time.Millisecond}}))
	defer closeNow(t, c)
	c.Advance(time.Second) // the introducer hears of all
	sent := c.Measure(func() {
		c.Grow(newcomer)
		want := fingersOf(chord.Protocol.Ideal(quiet, c.Addrs())[nodes])
		for !slices.Equal(fingersOf(c.States()[nodes]), want) {
			if c.Advance(50 * time.Millisecond); c.Now() > time.Minute {
				t.Fatalf("the newcomer's fingers are %v after a minute, want %v", fingersOf(c.States()[nodes]), want)
			}
		}
	})
	return float64(sent.Class(p2p.Membership).Sent)
}

// tablesChanged counts the nodes whose fingers are others when one more has
// joined, in perfect rings.
func tablesChanged(t *harness.T, nodes, joins int) float64 {
	addrs := make([]p2p.Addr, nodes+joins)
	port := ports(1, t.Seed(), nodes%997)[0].Port(0)
	for i := range addrs {
		addrs[i] = p2p.MakeAddr(10<<24+uint32(i), port)
	}
	before, changed := chord.Protocol.Ideal(chord.Protocol.Config, addrs[:nodes]), 0.0
	for k := range joins {
		after := chord.Protocol.Ideal(chord.Protocol.Config, append(slices.Clone(addrs[:nodes]), addrs[nodes+k]))
		for i, s := range before {
			if !slices.Equal(fingersOf(s), fingersOf(after[i])) {
				changed++
			}
		}
	}
	return changed / float64(joins)
}

func fingersOf(s p2p.State) []chord.Finger { return s.Detail.(chord.Detail).Fingers }

// TestChordC10JoinCost lets nodes join rings of 2^6 nodes and more (claim C10: "a
// join affects O(log N) fingers on average; O(log^2 N) messages"): of the growths
// 1, log N, log^2 N and N that is which fits, by Akaike's criterion.
func TestChordC10JoinCost(t *testing.T) {
	top := size(10, 14)
	verdicts := harness.Repeat(t, 10, func(t *harness.T) {
		for k := 6; k <= top; k++ {
			joins := max(1, 512>>k)
			messages := 0.0
			for i := range joins {
				messages += joinCost(t, 1<<k, 20*k+i) / float64(joins)
			}
			logN := float64(k)
			t.Want(fmt.Sprintf("messages of a join at N=2^%d", k), messages, harness.Within(logN, 2*logN*logN))
			t.Want(fmt.Sprintf("nodes whose fingers it changes at N=2^%d", k), tablesChanged(t, 1<<k, 8), harness.Within(logN/2, 2*logN))
		}
	})
	var n, messages, changed []float64
	for k, v := range verdicts {
		if k%2 == 0 {
			n, messages = append(n, math.Pow(2, float64(6+k/2))), append(messages, v.Mean)
		} else {
			changed = append(changed, v.Mean)
		}
	}
	if len(n) > 0 {
		fits(t, "messages of a join", n, messages, "log^2 N")
		fits(t, "nodes whose fingers it changes", n, changed, "log N")
	}
}

// growths are those that the lectures compare.
var growths = map[string]func(float64) float64{
	"1": func(float64) float64 { return 1 }, "log N": math.Log2, "N": func(n float64) float64 { return n },
	"log^2 N": func(n float64) float64 { return math.Log2(n) * math.Log2(n) },
}

// fits checks which growth fits a curve best, and prints by how much.
func fits(t *testing.T, what string, n, y []float64, want string) {
	t.Helper()
	best := stat.Misfit(n, y, growths[want])
	for _, name := range []string{"1", "log N", "log^2 N", "N"} {
		off := stat.Misfit(n, y, growths[name]) - best
		fmt.Printf("  %s: a growth of %s has an AIC %+.1f beside %s\n", what, name, off, want)
		if off < 0 {
			t.Errorf("%s grow by %s rather than by %s: %v at N = %v", what, name, want, y, n)
		}
	}
}

// TestChordC11Detection crashes a node (claim C11: "failure detectors are
// required"): the longer a node waits for an answer, the later it notices, by two
// waits for each failure, and the fewer it takes for dead that live.
func TestChordC11Detection(t *testing.T) {
	waits := []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond}
	harness.Repeat(t, size(5, 10), func(t *harness.T) {
		var took, wrong []float64
		for i, wait := range waits {
			a, b := detection(t, wait, i)
			took, wrong = append(took, a), append(wrong, b)
			t.Want(fmt.Sprintf("waiting %v: seconds until a crash is repaired", wait), a, harness.AtMost(3))
			t.Want(fmt.Sprintf("waiting %v: share of wrong successors while all live", wait), b, harness.AtMost(0.5))
		}
		t.Want("seconds that it takes longer for a second's longer wait", (took[2]-took[0])/0.4, harness.Within(1, 6))
		t.Want("share of wrong successors, waiting 500ms", wrong[2], harness.AtMost(0.001))
		t.Want("share of wrong successors, waiting 100ms, more than waiting 200ms", wrong[0]-wrong[1], harness.AtLeast(0.001))
	})
}

// detection is the mean time until the ring has closed behind a crashed node,
// where no message is late, and the share of nodes with a wrong successor in a
// ring without failures, where messages take an exponential time of 50 ms.
func detection(t *harness.T, wait time.Duration, number int) (seconds, wrong float64) {
	const nodes, crashes, looks = 32, 8, 100
	config := harness.Config(fmt.Sprintf("patience=%v", wait), "fix-fingers=10m", "repair=10m")
	for _, law := range []linkmodel.Link{{Delay: 5 * time.Millisecond}, {Delay: 50 * time.Millisecond, Law: linkmodel.Exponential}} {
		c := harness.New(t, chord.Protocol, nodes, harness.World("sim"), harness.Cast(ports(nodes, t.Seed(), number)), harness.Ideal(), harness.Quiet(),
			harness.Links(linkmodel.Model{Default: law}), config)
		c.Advance(5 * time.Second)
		if law.Law == linkmodel.Constant {
			for i := range crashes {
				began := c.Now()
				c.Crash(i * 3)
				for chord.Closed(c.States()) != nil && c.Now()-began < time.Minute {
					c.Advance(10 * time.Millisecond)
				}
				seconds += (c.Now() - began).Seconds() / crashes
			}
			closeNow(t, c)
			continue
		}
		sorted := inOrder(c, c.Live())
		for range looks {
			c.Advance(100 * time.Millisecond)
			states := c.States()
			for k, i := range sorted {
				if d := states[i].Detail.(chord.Detail); d.Successors[0] != c.Addr(sorted[(k+1)%nodes]) {
					wrong += 1.0 / nodes / looks
				}
			}
		}
		closeNow(t, c)
	}
	return seconds, wrong
}

// TestChordC12Stabilisation measures the upkeep of rings, and what it achieves
// (claim C12: "a constant number of messages a round and peer; eventual
// success"): a round costs a node as much in any ring, and after churn has
// ended the ring is the ideal one, and no lookup ends elsewhere than at the owner.
func TestChordC12Stabilisation(t *testing.T) {
	harness.Repeat(t, 10, func(t *harness.T) {
		var x, y []float64
		for k := 4; k <= 8; k++ {
			c := harness.New(t, chord.Protocol, 1<<k, harness.World("sim"), harness.Cast(ports(1<<k, t.Seed(), k)), harness.Ideal(), harness.Quiet(),
				harness.Config("stabilize=1s", "check-predecessor=1s", "fix-fingers=10m", "repair=10m"))
			c.Advance(2 * time.Second)
			sent := c.Measure(func() { c.Advance(30 * time.Second) })
			x, y = append(x, float64(k)), append(y, float64(sent.Class(p2p.Membership).Sent)/30/math.Pow(2, float64(k)))
			closeNow(t, c)
		}
		t.Want("messages of a round of one node", stat.Mean(y).Mean, harness.Near(5, 0.1))
		t.Want("more of them for each doubling of N", stat.Slope(x, y), harness.Near(0, 0.02))

		const nodes = 44
		c := harness.New(t, chord.Protocol, nodes, harness.World("sim"), harness.Cast(ports(nodes, t.Seed(), 0)), harness.Quiet(),
			harness.Config("copies=1"))
		c.Settle(chord.Closed)
		c.Run(2*time.Minute, fault.Churn{Session: fault.Exponential(time.Minute), Exit: fault.Exit{Vanish: 0.3, Leave: 0.3}})
		c.Settle(chord.Closed)
		c.Advance(20 * time.Second)
		lookups, wrong := size(200, 1000), 0.0
		live := inOrder(c, c.Live())
		for _, o := range c.Run(30*time.Second, asked{lookups, 20 * time.Second}).Operations {
			if end := o.Path[len(o.Path)-1].Addr; c.Index(end) != owner(c, live, m64.Hash(o.Name)) || !errors.Is(o.Err, p2p.ErrNotFound) {
				wrong++
			}
		}
		t.Want("lookups after churn that end elsewhere than at the owner", wrong, harness.Exactly(0))
	})
}
