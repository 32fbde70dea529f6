package harness

import (
	"fmt"
	"strconv"
	"time"

	"peerbed/harness/plan"
)

// A Turnover is how much a network's membership changed: what was asked of it
// and what really happened, whoever caused it.
type Turnover struct {
	// Asked is the sum of what the plans ask for, and Got what came of it, in
	// per cent an hour: of every hundred nodes that are up so many leave in an
	// hour, and as many join. Got is half of Joins and Leaves by Hours; with
	// exponential sessions of a mean of S hours it is 100/S.
	Asked, Got    float64
	Joins, Leaves int
	Hours         float64 // node-hours: the live nodes, summed up over the run
}

// A churning plan says what turnover it asks for.
type churning interface{ PerHour(plan.Facts) float64 }

// String says asked against got.
func (t Turnover) String() string {
	return fmt.Sprintf("asked %s %%/h, got %s %%/h (%d joins and %d leaves in %s node-hours)",
		digits(t.Asked), digits(t.Got), t.Joins, t.Leaves, digits(t.Hours))
}

// digits writes four digits of a number, without an exponent.
func digits(v float64) string {
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// A move is a node that joined or left.
type move struct {
	at time.Duration
	up bool
}

// mark notes that nodes are up, or down.
func (c *Cluster) mark(up bool, nodes ...int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var moved []int
	for _, i := range nodes {
		if c.nodes[i].up != up {
			c.nodes[i].up, c.nodes[i].paused = up, false
			c.moves = append(c.moves, move{c.Now(), up})
			moved = append(moved, i)
		}
	}
	c.rec.member(c.Now(), up, moved)
}

// Turnover works out what happened to the membership from one time up to
// another; nothing was asked.
func (c *Cluster) Turnover(from, to time.Duration) Turnover {
	c.mu.Lock()
	defer c.mu.Unlock()
	var t Turnover
	live, last := 0, from
	for _, m := range c.moves {
		if m.at > to {
			break
		}
		joins, leaves := 1, 0
		if !m.up {
			joins, leaves = 0, 1
		}
		if m.at > from {
			t.Hours += float64(live) * (m.at - last).Hours()
			last = m.at
			t.Joins += joins
			t.Leaves += leaves
		}
		live += joins - leaves
	}
	t.Hours += float64(live) * (to - last).Hours()
	if t.Hours > 0 {
		t.Got = 100 * float64(t.Joins+t.Leaves) / 2 / t.Hours
	}
	return t
}

// churn fills in the turnover of a run, and says it if somebody asked for one.
func (r *Results) churn(c *Cluster, began time.Duration, plans []plan.Plan, f plan.Facts) {
	r.Turnover = c.Turnover(began, began+r.Length)
	for _, p := range plans {
		if p, ok := p.(churning); ok {
			r.Turnover.Asked += p.PerHour(f)
		}
	}
	if r.Turnover.Asked > 0 {
		c.say("churn: %v", r.Turnover)
	}
}

// turnoverLine is what a failure says of churn; nothing where there was none.
func (r *Results) turnoverLine() string {
	if r.Turnover.Asked == 0 {
		return ""
	}
	return r.Turnover.String()
}
