package harness_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/backendtest"
	"peerbed/harness/docker"
	"peerbed/harness/links"
	_ "peerbed/harness/worlds"
	"peerbed/protocols/chord"
)

// Messages take as long as a file of links says, in each direction, in every
// world: of 20 nodes in four regions, the median within 1 ms or 3 %.
func TestLinkFiles(t *testing.T) {
	for _, world := range []string{"sim", "proc", "docker"} {
		t.Run(world, func(t *testing.T) {
			if _, err := docker.Available(t.Context()); world == "docker" && err != nil {
				backendtest.Lacks(t, err)
			}
			table, err := links.Read("testdata/links/nodes.csv,testdata/links/edges.csv")
			if err != nil {
				t.Fatal(err)
			}
			c := harness.New(t, chord.Protocol, 20, harness.World(world), harness.Nodes(20), harness.Quiet())
			c.Shape(table) // while it runs
			keepsTo(t, c, table)
		})
	}
}

// rounds is how often delays are measured anew, with a pause between that doubles:
// other work on the machine comes and goes.
const rounds = 7

// keepsTo demands the delays of the table. Other work makes some longer and none
// shorter, so that of several rounds each direction's quickest counts.
func keepsTo(t *testing.T, c *harness.Cluster, table *links.Table) {
	t.Helper()
	best := map[string]*direction{}
	for round, pause := 1, 500*time.Millisecond; ; round, pause = round+1, 2*pause {
		all, silent := measure(t, c, table)
		if len(all) != 16 {
			t.Fatalf("%d directions were measured, want those between four regions", len(all))
		}
		for i, d := range all {
			if b := best[d.name]; b != nil && b.median() < d.median() {
				all[i] = b
			}
			best[d.name] = all[i]
		}
		short, long := compare(all)
		switch {
		case short != "":
			t.Fatalf("shorter than the file says:\n%s", short)
		case long == "" && silent == "":
			t.Logf("all %d directions as the file says, by round %d:\n%s", len(all), round, lines(all))
			return
		case round == rounds || c.About().Virtual:
			t.Fatalf("longer than the file says, in each of %d rounds:\n%s\n%s%v", round, long, silent, c.Run(2*time.Second).Machine.Verdict())
		}
		c.Advance(pause)
	}
}

// A direction is what was measured from one region to another.
type direction struct {
	name string
	want time.Duration
	got  []time.Duration
}

func (d *direction) median() time.Duration {
	slices.Sort(d.got)
	return d.got[len(d.got)/2]
}

func (d *direction) String() string {
	return fmt.Sprintf("  %-16s asked %8v, got %8v (median of %d)", d.name, d.want, d.median().Round(10*time.Microsecond), len(d.got))
}

// measure probes all pairs of nodes, twelve at a time, and tells which were not
// answered: on a machine that is busy for seconds some get lost.
func measure(t *testing.T, c *harness.Cluster, table *links.Table) (all []*direction, silent string) {
	byName := map[string]*direction{}
	m := table.Between(c.Addrs())
	var mu sync.Mutex
	note := func(i, j int, times []time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		name := table.Region(i) + " to " + table.Region(j)
		d := byName[name]
		if d == nil {
			l := m.Link(c.Addr(i), c.Addr(j))
			d = &direction{name: name, want: l.Delay + l.Jitter/2}
			byName[name] = d
		}
		d.got = append(d.got, times...)
	}
	var w sync.WaitGroup
	gate := make(chan struct{}, 12)
	for i := range c.Size() {
		for j := range i {
			gate <- struct{}{}
			w.Go(func() {
				defer func() { <-gate }()
				e, err := c.Probe(i, j, harness.Probing{Count: 10, Patience: 5 * time.Second})
				if err != nil {
					t.Error(err)
				}
				if e.Back != 10 {
					mu.Lock()
					silent += fmt.Sprintf("of 10 probes from %s to %s %d were answered\n", c.Name(i), c.Name(j), e.Back)
					mu.Unlock()
				}
				back := slices.Clone(e.RTTs)
				for k := range back {
					back[k] -= e.Outs[k]
				}
				note(i, j, e.Outs)
				note(j, i, back)
			})
		}
	}
	w.Wait()
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		all = append(all, byName[name])
	}
	return all, silent
}

// compare tells which directions are too short, and which too long.
func compare(all []*direction) (short, long string) {
	var under, over []*direction
	for _, d := range all {
		off := max(time.Millisecond, 3*d.want/100)
		if d.median() < d.want-off {
			under = append(under, d)
		}
		if d.median() > d.want+off {
			over = append(over, d)
		}
	}
	return lines(under), lines(over)
}

func lines(all []*direction) string {
	var b strings.Builder
	for _, d := range all {
		fmt.Fprintln(&b, d)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
