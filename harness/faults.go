package harness

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// A Fault is one disturbance, as reports show it. Times are since the world
// began, or in Results since the run did.
type Fault struct {
	Name string // "crash", "vanish", "leave", a kind that heals (see Heal), or the plan's own
	Text string // "crash of chord-3, chord-5"
	// Handle is what Heal knows this fault by alone: its kind and number, "cut
	// 2". Empty if it does not heal.
	Handle string `json:",omitempty"`
	Since  time.Duration
	Until  time.Duration // 0: it still lasts
	Nodes  []int         `json:",omitempty"` // those that it took down, or paused

	// Proofs say what probes found once it had begun, and once it was over.
	Proofs []Proof `json:",omitempty"`

	kind string // of those that heal
	net  effect
}

// Faults returns all faults so far, in the order of their beginning.
func (c *Cluster) Faults() []Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.faults)
}

// during returns the faults that lasted at some time between from and to, in
// times since from.
func (c *Cluster) during(from, to time.Duration) []Fault {
	var some []Fault
	for _, f := range c.Faults() {
		if f.Since <= to && (f.Until == 0 || f.Until > from) {
			f.Since -= from
			f.Proofs = slices.Clone(f.Proofs)
			for i := range f.Proofs {
				f.Proofs[i].At -= from
			}
			if f.Until != 0 {
				f.Until -= from
			}
			some = append(some, f)
		}
	}
	return some
}

// Some draws k of the live nodes; which ones follows from the seed and from
// the faults before.
func (c *Cluster) Some(k int) []int {
	live := c.Live()
	r := rand.New(rand.NewPCG(c.set.Seed, uint64(len(c.Faults()))))
	r.Shuffle(len(live), func(i, j int) { live[i], live[j] = live[j], live[i] })
	some := live[:min(k, len(live))]
	slices.Sort(some)
	return some
}

// Halves parts all nodes into those with even and those with odd numbers.
func (c *Cluster) Halves() (even, odd []int) {
	for i := range c.nodes {
		if i%2 == 0 {
			even = append(even, i)
		} else {
			odd = append(odd, i)
		}
	}
	return even, odd
}

// Crash kills nodes: the streams of the others break at once.
func (c *Cluster) Crash(nodes ...int) { c.try(func() error { return c.kill(Crash, "", nodes) }) }

// Vanish takes nodes away without a sign: the others hear nothing.
func (c *Cluster) Vanish(nodes ...int) { c.try(func() error { return c.kill(Vanish, "", nodes) }) }

// Restart starts nodes again that are down: same address, same disk.
func (c *Cluster) Restart(nodes ...int) { c.try(func() error { return c.restart(nodes) }) }

// CrashIntroducer kills the introducer; a network that runs does not need it.
func (c *Cluster) CrashIntroducer() {
	c.try(func() error { return c.backend.Kill(c.ctx, c.introducer.spec.Addr, Crash) })
}

// RestartIntroducer brings the introducer back.
func (c *Cluster) RestartIntroducer() {
	c.try(func() error { return c.backend.Restart(c.ctx, c.introducer.spec.Addr) })
}

// try does f unless something failed before.
func (c *Cluster) try(f func() error) {
	if c.err == nil {
		c.fail(f())
	}
}

func (c *Cluster) kill(how How, label string, nodes []int) error {
	nodes = c.only(nodes, true)
	if len(nodes) == 0 {
		return nil
	}
	if err := c.readTraffic(time.Second); err != nil {
		return err
	}
	c.mark(false, nodes...)
	name := how.String()
	if label != "" {
		name = label
	}
	c.begin(Fault{Name: name, Text: how.String() + " of " + c.Names(nodes), Nodes: nodes})
	err := c.each(nodes, func(_, i int) error {
		if err := c.backend.Kill(c.ctx, c.Addr(i), how); err != nil {
			return fmt.Errorf("%v of %s: %w", how, c.Name(i), err)
		}
		return nil
	})
	c.settleAccounts(nodes)
	c.endPauses()
	return err
}

func (c *Cluster) restart(nodes []int) error {
	nodes = c.only(nodes, false)
	err := c.each(nodes, func(_, i int) error {
		if err := c.gone(i, 0); err != nil {
			return err
		}
		if err := c.backend.Restart(c.ctx, c.Addr(i)); err != nil {
			return fmt.Errorf("restart of %s: %w", c.Name(i), err)
		}
		c.mark(true, i)
		return nil
	})
	c.end(func(f *Fault) bool {
		return len(f.Nodes) > 0 && f.kind == "" && len(c.only(f.Nodes, false)) == 0
	})
	return err
}

// only returns those of the nodes that are up, or those that are down, each
// once.
func (c *Cluster) only(nodes []int, up bool) []int {
	var some []int
	for _, i := range nodes {
		if c.Up(i) == up && !slices.Contains(some, i) {
			some = append(some, i)
		}
	}
	return some
}

// begin notes that a fault begins now, and returns its handle.
func (c *Cluster) begin(f Fault) (handle string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.Since = c.Now()
	if f.kind != "" {
		f.Handle = fmt.Sprintf("%s %d", f.kind, len(c.faults)+1)
	}
	c.lasting = append(c.lasting, len(c.faults))
	c.faults = append(c.faults, f)
	c.rec.fault(len(c.faults)-1, f)
	return f.Handle
}

// end marks the faults that lasted until now and that which picks as over.
func (c *Cluster) end(which func(*Fault) bool) {
	var over []int
	for i, f := range c.active() {
		if which(&f) {
			over = append(over, i)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range over {
		c.faults[i].Until = max(c.Now(), 1)
		c.rec.fault(i, c.faults[i])
	}
	c.lasting = slices.DeleteFunc(c.lasting, func(i int) bool { return c.faults[i].Until != 0 })
}

// active yields the faults that are not over, in order, with their numbers.
// Under churn there may be a hundred thousand that are.
func (c *Cluster) active() iter.Seq2[int, Fault] {
	c.mu.Lock()
	defer c.mu.Unlock()
	numbers := slices.Clone(c.lasting)
	some := make([]Fault, len(numbers))
	for k, i := range numbers {
		some[k] = c.faults[i]
	}
	return func(yield func(int, Fault) bool) {
		for k, i := range numbers {
			if !yield(i, some[k]) {
				return
			}
		}
	}
}

// Names lists at most eight nodes, as reports do, and counts the others.
func (c *Cluster) Names(nodes []int) string {
	var list []string
	for _, i := range nodes[:min(8, len(nodes))] {
		list = append(list, c.Name(i))
	}
	if more := len(nodes) - len(list); more > 0 {
		list = append(list, fmt.Sprintf("%d more", more))
	}
	return strings.Join(list, ", ")
}
