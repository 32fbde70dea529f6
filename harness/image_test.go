package harness_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/backendtest"
	"peerbed/harness/docker"
	"peerbed/harness/fault"
	_ "peerbed/harness/worlds"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// serf is a program that is not ours: it keeps a list of members by gossip.
var serf = &p2p.Protocol{Name: "serf"}

// serfs makes nodes of serf as Debian has it, and of nothing else.
func serfs(t *testing.T) harness.Option {
	t.Helper()
	if _, err := docker.Available(t.Context()); err != nil {
		backendtest.Lacks(t, err)
	}
	program, err := exec.LookPath("serf")
	if err != nil {
		backendtest.Lacks(t, "serf; .ci/run says how it is had without its package's service")
	}
	ref, err := docker.Pack(t.Context(), program, nil)
	if err != nil {
		t.Fatal(err)
	}
	command := func(i int, nodes []p2p.Addr) []string {
		c := []string{program, "agent", "-node", nodes[i].String(), "-bind", nodes[i].String(), "-retry-interval", "1s"}
		for j, a := range nodes {
			if j != i {
				c = append(c, "-retry-join", a.String())
			}
		}
		return c
	}
	// Whoever hears a question of serf's acknowledges it.
	hearers := func(ctx context.Context, at harness.Inside) (s p2p.State, err error) {
		out, err := at.Exec(ctx, program, "query", "-format", "json", "-timeout", "1s", "anybody")
		if err != nil {
			return s, err
		}
		var heard struct{ Acks []p2p.Addr }
		err = json.Unmarshal(out, &heard)
		s.Neighbours = slices.DeleteFunc(heard.Acks, func(a p2p.Addr) bool { return a == at.Self() })
		slices.Sort(s.Neighbours)
		return s, err
	}
	return harness.Image(ref, command, harness.Ready{TCP: 7000, Log: "agent: Serf agent starting"}, harness.Ops{Inspect: hearers})
}

// knows is the Check that every node of a group is heard by all others of it and
// by nobody else.
func knows(c *harness.Cluster, groups ...[]int) harness.Check {
	want := map[p2p.Addr][]p2p.Addr{}
	for _, g := range groups {
		for _, i := range g {
			for _, j := range g {
				if i != j {
					want[c.Addr(i)] = append(want[c.Addr(i)], c.Addr(j))
				}
			}
		}
	}
	return func(states []p2p.State) error {
		for _, s := range states {
			if w, asked := want[s.Self]; asked && !slices.Equal(s.Neighbours, w) {
				return fmt.Errorf("%v is heard by %v, not by %v", s.Self, s.Neighbours, w)
			}
		}
		return nil
	}
}

// A program that is not ours under a cut, a pause and a crash: what it saw is
// what was asked.
func TestForeignImage(t *testing.T) {
	c := harness.New(t, serf, 5, harness.Nodes(5), serfs(t))
	step := func(what string, f func()) {
		began := time.Now()
		f()
		t.Logf("%s, after %v", what, time.Since(began).Round(10*time.Millisecond))
	}
	step("all know each other", func() { c.Settle(knows(c, []int{0, 1, 2, 3, 4})) })
	step("parted", func() {
		c.Cut([]int{0, 1}, []int{2, 3, 4})
		began := crossings(t, c)
		c.Settle(knows(c, []int{0, 1}, []int{2, 3, 4}))
		keptApart(t, c, began, func(i, j int) bool { return (i < 2) != (j < 2) })
	})
	step("healed", func() {
		c.Heal()
		c.Settle(knows(c, []int{0, 1, 2, 3, 4}))
	})
	step("one crashed and one paused", func() {
		c.Crash(3)
		c.Pause(4)
		began := crossings(t, c)
		c.Settle(knows(c, []int{0, 1, 2}))
		onlyAnswered(t, c, began, 3, 4)
	})
	step("both are back", func() {
		c.Restart(3)
		c.Resume(4)
		c.Settle(knows(c, []int{0, 1, 2, 3, 4}))
	})
	step("links", func() { linksOfOthers(t, c) })
	step("churn", func() {
		r := c.Run(3*time.Second, fault.Churn{Session: fault.Exponential(4 * time.Second), Exit: fault.Exit{Leave: 0.5}})
		if gone := len(r.Faults); gone == 0 || c.Err() != nil {
			t.Errorf("%d nodes came and went, error %v", gone, c.Err())
		}
	})
}

// keptApart holds what has passed since a cut began against it, by the kernel's
// count: nothing between those that are apart, though they tried, and all between
// the others.
func keptApart(t *testing.T, c *harness.Cluster, began map[[2]int]harness.Crossing, apart func(i, j int) bool) {
	t.Helper()
	var wrong string
	for try := 0; try == 0 || wrong != "" && try < 10; try++ { // some may be under way
		wrong = ""
		for w, now := range crossings(t, c) {
			passed, lost := now.Passed-began[w].Passed, now.Sent-now.Passed
			if apart(w[0], w[1]) && (passed > 0 || lost == 0) || !apart(w[0], w[1]) && lost > 0 {
				wrong += fmt.Sprintf("\n%d to %d: apart %v, %d passed, %d lost", w[0], w[1], apart(w[0], w[1]), passed, lost)
			}
		}
	}
	if wrong != "" {
		t.Errorf("since the cut:%s", wrong)
	}
}

// onlyAnswered holds what has passed since two nodes ended, or stood still,
// against that, by the kernel's count: neither speaks first. What does come from
// them is their kernels', which refuse and acknowledge what others send.
func onlyAnswered(t *testing.T, c *harness.Cluster, began map[[2]int]harness.Crossing, a, b int) {
	t.Helper()
	now := crossings(t, c)
	sent := func(i, j int) uint64 { return now[[2]int{i, j}].Sent - began[[2]int{i, j}].Sent }
	if n := sent(a, b) + sent(b, a); n > 0 {
		t.Errorf("%d packets between %d and %d, neither of which runs", n, a, b)
	}
	for _, still := range []int{a, b} {
		var tried uint64
		for i := range c.Size() {
			if i == a || i == b {
				continue
			}
			// Some answers may have come while the counters were read.
			asked, answered := sent(i, still), sent(still, i)
			if tried += asked; answered > asked+2 {
				t.Errorf("to %d, which does not run, %d sent %d packets, and %d came back", still, i, asked, answered)
			}
		}
		if tried == 0 {
			t.Errorf("nobody tried to reach %d, so nothing is known of it", still)
		}
	}
}

// linksOfOthers holds delay, loss and rate of programs that do nothing for it
// against what was asked.
func linksOfOthers(t *testing.T, c *harness.Cluster) {
	t.Helper()
	c.Shape(linkmodel.Model{Default: linkmodel.Link{Delay: 20 * time.Millisecond, Jitter: 10 * time.Millisecond}})
	takes(t, c, 40*time.Millisecond, 10*time.Millisecond)
	c.Shape(linkmodel.Model{})
	c.Drop(0.3, []int{0}, []int{1})
	way := [2]int{0, 1}
	before := crossings(t, c)[way]
	if _, err := c.Probe(0, 1, harness.Probing{Count: 500, Patience: 200 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	now := crossings(t, c)[way]
	sent, lost := float64(now.Sent-before.Sent), float64(now.Sent-now.Passed)-float64(before.Sent-before.Passed)
	if sent < 200 || math.Abs(lost-0.3*sent) > 5*math.Sqrt(0.3*0.7*sent) {
		t.Errorf("of %.0f packets over a way that loses 30 %% %.0f were lost", sent, lost)
	}
	c.Heal()
	const rate = 256 << 10
	c.Throttle([]int{2}, rate, 0)
	carries(t, c, "up", rate)
	c.Heal()
	c.Throttle([]int{0}, 0, rate)
	carries(t, c, "down", rate)
	c.Heal()
	got := 0.0
	for range 4 { // a machine that has other work may be slower than any line
		if got = max(got, pour(t, c, 2, 0)); got >= rate*3/2 {
			return
		}
	}
	t.Errorf("over lines of any rate %.0f bytes/s arrived of twice %d", got, rate)
}

// takes holds how long the way from node 0 to node 1 and back takes against what
// it takes at least, and on average more. Other work makes it no shorter; if it
// makes it longer, that is tried again.
func takes(t *testing.T, c *harness.Cluster, least, more time.Duration) {
	t.Helper()
	var got []time.Duration
	for range 4 {
		echo, err := c.Probe(0, 1, harness.Probing{Count: 100})
		if err != nil || echo.Back == 0 {
			t.Fatalf("no answers over ways that lose nothing: %+v, error %v", echo, err)
		}
		slices.Sort(echo.RTTs)
		median := echo.RTTs[len(echo.RTTs)/2]
		if echo.RTTs[0] < least || median < least+more*8/10 {
			t.Fatalf("there and back it took %v at least, and %v in the median: want %v, and about %v", echo.RTTs[0], median, least, least+more)
		}
		if got = append(got, median); median < least+2*more {
			return
		}
	}
	t.Errorf("there and back it took %v in the median, want about %v", got, least+more)
}

// carries holds what a line lets through against its rate. What a machine that is
// busy has held back for a moment comes all at once, and counts as too much, or
// too little; then it is tried again.
func carries(t *testing.T, c *harness.Cluster, which string, rate float64) {
	t.Helper()
	var got []float64
	for range 4 {
		is := pour(t, c, 2, 0)
		if is > 0.9*rate && is < 1.1*rate {
			return
		}
		got = append(got, is)
	}
	t.Errorf("over a line of %.0f bytes/s %s came %.0f, by the kernel's count", rate, which, got)
}

// pour sends datagrams at twice the rate of linksOfOthers from one node to
// another, and returns how many bytes a second came through, as the kernel
// counted them.
func pour(t *testing.T, c *harness.Cluster, from, to int) (rate float64) {
	t.Helper()
	w, err := c.At(from).Dial(t.Context(), "udp", strings.Replace(c.Addr(to).String(), ":7000", ":9", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	send := func(d time.Duration) {
		for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if _, err := w.Write(make([]byte, 2*256<<10/50)); err != nil {
				t.Fatal(err)
			}
		}
	}
	send(250 * time.Millisecond) // until what may wait does
	way := [2]int{from, to}
	before, began := crossings(t, c)[way], time.Now()
	send(800 * time.Millisecond)
	return float64(crossings(t, c)[way].PassedBytes-before.PassedBytes) / time.Since(began).Seconds()
}

func crossings(t *testing.T, c *harness.Cluster) map[[2]int]harness.Crossing {
	t.Helper()
	all, err := c.Crossings()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// "Only the world docker has containers."
func TestForeignImageElsewhere(t *testing.T) {
	for world, want := range map[string]string{
		"sim":  "the world sim (this experiment's own) cannot run the image some:image, only docker can: use -backend docker",
		"proc": "the world proc (this experiment's own) cannot run the image some:image, only docker can: use -backend docker",
	} {
		s := harness.Settings{Protocol: serf, Nodes: 2, World: world}
		harness.Image("some:image", nil, harness.Ready{}, harness.Ops{})(&s)
		if _, err := harness.Open(t.Context(), s); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %q", world, err, want)
		}
	}
}
