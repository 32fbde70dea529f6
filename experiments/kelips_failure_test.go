package experiments

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/plan"
	"peerbed/harness/record"
	"peerbed/harness/workload"
	"peerbed/protocols/kelips"
	"peerbed/protocols/p2p"
)

// kelipsNodes starts simulated nodes in k groups that know all they should.
func kelipsNodes(t *harness.T, p *p2p.Protocol, nodes, groups, number int, changes ...string) *harness.Cluster {
	t.Helper()
	return harness.New(t, p, nodes, harness.World("sim"), harness.Cast(ports(nodes, t.Seed(), number)), harness.Ideal(), harness.Quiet(),
		harness.Config(append([]string{fmt.Sprint("groups=", groups)}, changes...)...))
}

func soft(s p2p.State) kelips.Detail { return s.Detail.(kelips.Detail) }

// A watcher looks at all views from time to time.
type watcher struct {
	c       *harness.Cluster
	before  map[p2p.Addr]map[p2p.Addr]bool // who knew whom of its group
	removed int                            // live members that a node forgot
	curve   []record.XY                    // the mean view, after so many seconds
}

// look takes the mean number of members that a node knows, and counts the live
// ones that have been removed since the last look.
func (w *watcher) look(after float64) float64 {
	states := w.c.States()
	live := map[p2p.Addr]bool{}
	for _, s := range states {
		live[s.Self] = true
	}
	now, entries := map[p2p.Addr]map[p2p.Addr]bool{}, 0
	for _, s := range states {
		knows := map[p2p.Addr]bool{}
		for _, a := range soft(s).Members {
			knows[a] = true
		}
		for a := range w.before[s.Self] { // any order: a count
			if live[a] && !knows[a] {
				w.removed++
			}
		}
		now[s.Self], entries = knows, entries+len(knows)
	}
	w.before = now
	mean := float64(entries) / float64(len(states))
	w.curve = append(w.curve, record.XY{X: after, Y: mean})
	return mean
}

// watch looks every step for a while, and calls each with the mean view.
func (w *watcher) watch(d, step time.Duration, each func(after time.Duration, mean float64)) {
	for at := step; at <= d; at += step {
		w.c.Advance(step)
		each(at, w.look(at.Seconds()))
	}
}

// TestKelipsFig6Failure kills every second node of 1000 in 30 groups, as in figure
// 6 of the paper (quick: 165 in 5, groups as large): the mean view falls from 33
// to half of it and is there within 80±20 s. The paper does not say how long a
// node waits for a heartbeat; with 60 s it comes out so, and next to no live
// member is forgotten. With 25 s (the negative control) the dead are gone sooner,
// and so are many of the living.
func TestKelipsFig6Failure(t *testing.T) {
	harness.Repeat(t, 3, func(t *harness.T) {
		removed, settled := failure(t, "timeout=60s")
		t.Want("seconds until the mean view is that of the living, give or take 5 %", settled, harness.Within(60, 100))
		t.Want("live members removed, a node and minute", removed, harness.AtMost(0.1))
		removed, settled = failure(t, "timeout=25s")
		t.Want("with a time-out of 25 s: seconds", settled, harness.AtMost(60))
		t.Want("with a time-out of 25 s: live members removed, a node and minute", removed, harness.AtLeast(0.2))
	})
}

// failure tells how many live members nodes remove in peace, a node and minute, and
// how long after the death of every second node the mean view stays within 5 % of
// what it should be.
func failure(t *harness.T, changes ...string) (removed, settled float64) {
	nodes, groups := size(165, 1000), size(5, 30)
	c := kelipsNodes(t, kelips.Protocol, nodes, groups, 0, changes...)
	defer closeNow(t, c)
	w := &watcher{c: c}
	c.Advance(30 * time.Second) // until heartbeats are as old as they get
	w.look(0)
	w.watch(time.Minute, 5*time.Second, func(time.Duration, float64) {})
	removed = float64(w.removed) / float64(nodes)

	c.Crash(some(t, c, 0.5, 1)...)
	group := map[int]int{}
	pairs := 0
	for _, s := range c.States() {
		pairs += 2 * group[soft(s).Group]
		group[soft(s).Group]++
	}
	want := float64(pairs) / float64(len(c.Live()))
	w.watch(110*time.Second, 5*time.Second, func(after time.Duration, mean float64) {
		if mean > 1.05*want || mean < 0.95*want {
			settled = after.Seconds() + 5
		}
	})
	return removed, settled
}

// TestKelipsFig5Failure looks files up while every second node dies, as in figure
// 5 of the paper: those lookups fail whose file lay at a node that has died, and no
// other, from the first moment on.
func TestKelipsFig5Failure(t *testing.T) {
	harness.Repeat(t, 1, func(t *harness.T) {
		nodes, groups := size(300, 1000), size(9, 30)
		c := kelipsNodes(t, kelips.Protocol, nodes, groups, 0)
		c.Share(nodes, 100)
		c.Advance(30 * time.Second)
		c.Crash(some(t, c, 0.5, 2)...)
		r := c.Run(2*time.Minute, workload.Lookups{Rate: 20})
		alive, lost, failed := 0, 0, 0
		for _, o := range r.Operations {
			home, err := strconv.Atoi(strings.TrimPrefix(o.Name, "file-"))
			if err != nil {
				t.Fatal(err)
			}
			switch up := c.Up(home); {
			case o.Op != plan.Find:
			case up && o.Err != nil:
				failed++
			case up:
				alive++
			case o.Err == nil:
				t.Errorf("%s is found, though %s is dead", o.Name, c.Name(home))
			default:
				lost++
			}
		}
		fmt.Printf("  %d lookups of files whose home lives, %d of others; half of them took %v or less, 19 of 20 %v\n", alive+failed, lost, r.P50, r.P95)
		r.Want(t, "lookups of files whose home lives", float64(alive+failed), harness.AtLeast(1000))
		r.Want(t, "of them failed", float64(failed), harness.Exactly(0))
	})
}
