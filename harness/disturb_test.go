package harness

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/harness/workload"
	"peerbed/protocols/linkmodel"
)

// "The end of one leaves the others as they are": of two overlapping cuts, a
// firewall, a drop, two throttles and a pause, each is healed alone.
func TestHealingOneDoesNotHealAnother(t *testing.T) {
	c, f := start(t, 6)
	blocked := func(i, j int) bool { return f.net.Blocked(c.Addr(i), c.Addr(j)) }
	one := c.Cut([]int{0}, []int{1, 2})
	two := c.Cut([]int{0, 3}, []int{1})
	wall := c.Firewall(4)
	c.Drop(0.25, []int{5}, nil)
	wide := c.Throttle([]int{4, 5}, 2000, 0)
	c.Throttle([]int{5}, 1000, 3000)
	c.Pause(2)
	if want := []linkmodel.Access{{Node: c.Addr(4), Up: 2000}, {Node: c.Addr(5), Up: 1000, Down: 3000}}; !slices.Equal(f.net.Links.Access, want) {
		t.Errorf("lines %+v, want %+v", f.net.Links.Access, want)
	}
	c.Heal(one)
	if blocked(0, 2) || !blocked(0, 1) || !blocked(3, 1) {
		t.Error("healing one cut: want what both cut to stay cut, by the other")
	}
	c.Heal(wide)
	if want := []linkmodel.Access{{Node: c.Addr(5), Up: 1000, Down: 3000}}; !slices.Equal(f.net.Links.Access, want) {
		t.Errorf("healing one throttle leaves %+v, want %+v", f.net.Links.Access, want)
	}
	c.Heal(wall, "throttle")
	if f.net.Walled(c.Addr(4)) || len(f.net.Links.Access) > 0 || len(f.net.Drops) != 1 || !blocked(0, 1) || c.lives(2) {
		t.Errorf("after the firewall and the throttle the network is %+v, node 2 lives: %v", f.net, c.lives(2))
	}
	c.Heal("pause", two)
	if !c.lives(2) || blocked(0, 1) || len(f.net.Drops) != 1 {
		t.Errorf("after the pause and the cut the network is %+v, node 2 lives: %v", f.net, c.lives(2))
	}
	c.Heal()
	if !reflect.DeepEqual(f.net, fault.Net{}) {
		t.Errorf("after all of it the network is %+v", f.net)
	}
	for _, f := range c.Faults() {
		if f.Until == 0 || f.Handle == "" {
			t.Errorf("%+v: want it over, and a handle", f)
		}
	}
}

// A paused node is up but not live: it is asked for nothing and can be killed.
func TestPausedNodesAreNotAsked(t *testing.T) {
	c, f := start(t, 4)
	c.Pause(1, 2)
	c.Pause(2, 3)
	if got := c.Live(); !slices.Equal(got, []int{0}) || !c.Up(1) || len(c.States()) != 1 || c.nextUp(1) != 0 {
		t.Errorf("live %v, want node 0", got)
	}
	c.Crash(1)
	if first := c.Faults()[0]; first.Until != 0 {
		t.Error("a pause is over while a node of it still stands still")
	}
	c.Resume(2, 0)
	faults := c.Faults()
	if faults[0].Until == 0 || faults[1].Until != 0 || f.nodes[c.Addr(2)].paused || !f.nodes[c.Addr(3)].paused {
		t.Errorf("faults %+v: want the first pause over and the second not", faults)
	}
	c.Restart(1)
	if c.Faults()[1].Until != 0 || !slices.Equal(c.Live(), []int{0, 1, 2}) {
		t.Errorf("live %v, faults %+v", c.Live(), c.Faults())
	}
}

func TestDisturbancesThatMakeNoSense(t *testing.T) {
	for want, do := range map[string]func(c *Cluster){
		`there is nothing called "cut 9" to heal`: func(c *Cluster) { c.Heal("cut 9") },
		"there is no node 3":                      func(c *Cluster) { c.Firewall(3) },
		"pause: there is no node -1":              func(c *Cluster) { c.Pause(-1) },
		"drop of a share of 2: want 0 to 1":       func(c *Cluster) { c.Drop(2, nil, nil) },
		"up -1, down 0: want 0 or more":           func(c *Cluster) { c.Throttle([]int{0}, -1, 0) },
	} {
		f := new(fake).open(t)
		c, err := Open(t.Context(), Settings{Protocol: toy, Nodes: 3, World: "fake", Out: new(bytes.Buffer)})
		if err != nil {
			t.Fatal(err)
		}
		do(c)
		if c.Err() == nil || !strings.Contains(c.Err().Error(), want) {
			t.Errorf("error %v, want %q in it", c.Err(), want)
		}
		if !reflect.DeepEqual(f.net, fault.Net{}) || len(c.Faults()) > 0 {
			t.Errorf("%q: it changed something: %+v, %+v", want, f.net, c.Faults())
		}
		c.Close()
	}
}

// The plans of all kinds, overlapping on one timeline, each end alone.
func TestPlansOverlap(t *testing.T) {
	c, f := start(t, 8)
	c.Share(10, 100)
	slow := linkmodel.Model{Default: linkmodel.Link{Delay: time.Second}}
	var seen []string
	r := c.Run(time.Minute,
		fault.Partition{At: 5 * time.Second, For: 20 * time.Second},
		fault.Partition{At: 10 * time.Second, For: 30 * time.Second, Groups: [][]int{{0}, {1}}},
		fault.Firewalls{At: 10 * time.Second, For: 20 * time.Second, Fraction: 0.5},
		fault.Loss{At: 10 * time.Second, For: 30 * time.Second, Share: 0.1},
		fault.Throttle{At: 15 * time.Second, For: 30 * time.Second, Fraction: 0.25, Up: 1000, Down: 1000},
		fault.Shape{At: 20 * time.Second, For: 10 * time.Second, Links: slow},
		fault.Pauses{At: 10 * time.Second, For: 15 * time.Second, Fraction: 0.25},
		workload.Lookups{Rate: 1})
	if len(r.Faults) != 7 || !reflect.DeepEqual(f.net, fault.Net{}) || len(c.Live()) != 8 {
		t.Fatalf("faults %+v, live %v, network %+v: want seven, all healed", r.Faults, c.Live(), f.net)
	}
	for _, g := range r.Faults {
		seen = append(seen, (g.Until - g.Since).String())
	}
	slices.Sort(seen)
	if want := "10s 15s 20s 20s 30s 30s 30s"; strings.Join(seen, " ") != want {
		t.Errorf("they lasted %v, want %s", seen, want)
	}
	if r.Samples[20].Live != 6 || r.Samples[30].Live != 8 {
		t.Errorf("%d nodes live during the pause, %d after it", r.Samples[20].Live, r.Samples[30].Live)
	}
}
