package experiments

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/check"
	"peerbed/harness/plan"
	"peerbed/harness/stat"
	"peerbed/protocols/bittorrent"
	"peerbed/protocols/linkmodel"
)

// TestSwarmsAgree has 24 leechers, each with an upload of 128 KiB/s, fetch a file
// from one seed at once, really and simulated, and compares how long they took.
// The means differ by at most 10 %, and with -paper, which plays twenty swarms a
// side in place of three, the distance of Kolmogorov and Smirnov is at most 0.15.
// (Those of one swarm depend on one another: of three swarms the distance is chance,
// and only told.)
//
// Like TestWorldsAgree it takes a machine to itself, and so is played where it is
// asked for by name; and what differed on a machine that was too slow to say so is
// played again.
func TestSwarmsAgree(t *testing.T) {
	namedAlone(t)
	harness.Repeat(t, 1, func(t *harness.T) {
		for try := 1; ; try++ {
			c := compareSwarms(t, size(3, 20))
			if c.agree() || c.slow == nil || try == agreeTries {
				c.report(t)
				return
			}
			fmt.Printf("bittorrent: once more, for real swarms and simulated ones differ where %v\n", c.slow)
		}
	})
}

// namedAlone skips a test that nobody asked for by name.
func namedAlone(t *testing.T) {
	t.Helper()
	if flag.Lookup("test.run").Value.String() == "" {
		t.Skip("packages tested beside it make transfers slow: go test ./experiments -run TestSwarms -v -count=1")
	}
}

const (
	swarmLeechers = 24
	swarmFile     = 2 * mebi
	swarmFor      = 90 * time.Second // all end long before
)

// swarmDistance is the most that is allowed; only with -paper.
const swarmDistance = 0.15

// A swarmTimes is how long the leechers of some swarms took, in seconds, real ones
// and simulated ones.
type swarmTimes struct {
	real, sim []float64
	slow      error // the machine's verdict
}

func compareSwarms(t *harness.T, swarms int) (c swarmTimes) {
	t.Helper()
	for i := range swarms {
		seed := harness.Seed(t.Seed() + uint64(i))
		real, r := rushed(t, start, seed)
		if r.Machine == nil {
			t.Fatal("there is nothing to compare the simulator with: ask for another world with -backend")
		}
		if slow := r.Machine.Verdict(); slow != nil {
			c.slow = slow
		}
		sim, _ := rushed(t, simulated, seed)
		c.real, c.sim = append(c.real, real...), append(c.sim, sim...)
	}
	return c
}

// rushed plays a swarm in a world that open opens, with changes to its nodes.
func rushed(t *harness.T, open opener, seed harness.Option, changes ...string) (seconds []float64, r *harness.Results) {
	t.Helper()
	c := open(t, bittorrent.Protocol, 2+swarmLeechers, seed, harness.Links(linkmodel.Model{Default: agreeLinks}),
		harness.Config(append([]string{"up-rate=131072", "piece=32768", "rechoke=2s"}, changes...)...))
	defer closeNow(t, c)
	c.Settle(check.Whole(bittorrent.Protocol))
	if o := c.Publish(1, theFile, swarmFile); o.Err != nil {
		t.Fatal(o.Err)
	}
	r = c.Run(swarmFor, rush{from: 2})
	for _, o := range r.Operations {
		if o.Err != nil {
			t.Errorf("node %d: %v", o.Asker, o.Err)
		}
		seconds = append(seconds, o.Took.Seconds())
	}
	if len(seconds) != swarmLeechers {
		t.Errorf("%d leechers have ended, want %d", len(seconds), swarmLeechers)
	}
	return seconds, r
}

// A rush is all nodes from one on, that fetch the file at once.
type rush struct{ from int }

// Events implements [plan.Plan].
func (r rush) Events(f plan.Facts) (all []plan.Event, err error) {
	for i := r.from; i < f.Nodes; i++ {
		all = append(all, plan.Event{Do: plan.Fetch, Nodes: []int{i}, Name: theFile})
	}
	return all, nil
}

func (c *swarmTimes) difference() float64 { return mean(c.real)/mean(c.sim) - 1 }

func (c *swarmTimes) agree() bool {
	d := c.difference()
	return -0.1 <= d && d <= 0.1 && (!*paper || stat.Distance(c.real, c.sim) <= swarmDistance)
}

func (c *swarmTimes) report(t *harness.T) {
	t.Helper()
	distance := stat.Distance(c.real, c.sim)
	t.Logf("%d leechers a side took %.2f s really and %.2f s simulated, %.2f and %.2f at the most; the distance is %.3f",
		len(c.sim), mean(c.real), mean(c.sim), last(c.real), last(c.sim), distance)
	t.Want("mean time of a leecher, real, of simulated", 1+c.difference(), harness.Within(0.9, 1.1))
	if *paper {
		t.Want("distance of Kolmogorov and Smirnov", distance, harness.AtMost(swarmDistance))
	}
	if t.Failed() && c.slow != nil {
		t.Error(c.slow)
	}
}

// Swarms that differ are found out, and swarms that differ by chance alone are not.
func TestSwarmsCanDiffer(t *testing.T) {
	namedAlone(t)
	harness.Repeat(t, 1, func(t *harness.T) {
		one, _ := rushed(t, simulated, harness.Seed(1))
		alike, _ := rushed(t, simulated, harness.Seed(2))
		slower, _ := rushed(t, simulated, harness.Seed(2), "up-rate=98304")
		if c := (swarmTimes{real: alike, sim: one}); !c.agree() {
			t.Errorf("another seed makes a difference of %.3f", c.difference())
		}
		if c := (swarmTimes{real: slower, sim: one}); c.agree() || stat.Distance(slower, one) <= swarmDistance {
			t.Errorf("three quarters of the upload make a difference of %.3f and a distance of %.3f", c.difference(), stat.Distance(slower, one))
		}
	})
}
