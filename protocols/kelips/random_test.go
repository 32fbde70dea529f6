package kelips_test

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"peerbed/harness/hunt"
	"peerbed/harness/plan"
	"peerbed/protocols/kelips"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

func init() { hunt.Flags(flag.CommandLine) }

// A node says cheaply whether its state has changed, or random plans are slow.
func TestMarked(t *testing.T) {
	var _ hunt.Marked = kelips.New(p2p.Default[kelips.Config](), nil)
}

// The plans are of 10 nodes in 3 groups that gossip every second.
const (
	randomNodes   = 10
	randomTimeout = 10 * time.Second
)

func sweep(changes ...string) hunt.Sweep {
	return hunt.Sweep{
		Protocol: kelips.Protocol, Nodes: randomNodes, Seeds: 500, Ideal: true, Least: 4, Lead: 2 * time.Second,
		Config: append([]string{"gossip=1s", fmt.Sprint("timeout=", randomTimeout), fmt.Sprint("contact-timeout=", randomTimeout),
			fmt.Sprint("tuple-timeout=", randomTimeout), "refresh=3s", "group-targets=2", "contact-targets=2", "revive=3"}, changes...),
		For: 20 * time.Second, Rest: 30 * time.Second,
		Draw: busy{hunt.Mix{Every: 2 * time.Second, Least: 6, Crash: 2, Vanish: 2, Leave: 2, Restart: 6, Pause: 1, Cut: 1, Drop: 1, Shape: 1,
			While: 5 * time.Second, Loss: 0.3, Slowest: linkmodel.Link{Delay: 100 * time.Millisecond, Jitter: 140 * time.Millisecond}}},
		Always: []hunt.Invariant{{Name: "Bounded", Holds: kelips.Bounded(2)}},
		Finally: []hunt.Invariant{{Name: "Whole", Holds: kelips.Whole}, {Name: "NoZombies", Holds: kelips.NoZombies},
			{Name: "Replicated", Holds: kelips.Replicated}},
		May: may,
	}
}

// may lets nodes fail only while the network is whole, and never all that a
// newcomer could know: else the last who remembers the other side of a cut may
// fail behind it, and nobody can tell the halves of each other.
func may(e plan.Event, now hunt.Now) bool {
	switch e.Do {
	case plan.Crash, plan.Vanish, plan.Leave:
		return len(now.Rest) >= 4 && kelips.Views(now.Live) == nil && kelips.Covered(now.Live) == nil
	}
	return true
}

// busy is a Mix in which nodes publish, look up and remove files as well.
type busy struct{ hunt.Mix }

func (b busy) Events(f plan.Facts) ([]plan.Event, error) {
	events, err := b.Mix.Events(f)
	r := f.Rand()
	for i := range 6 {
		at := time.Duration(r.Int64N(int64(f.For))).Round(time.Millisecond)
		events = append(events,
			plan.Event{At: at, Do: plan.Publish, Nodes: []int{r.IntN(f.Nodes)}, Name: fmt.Sprint("file ", i), Size: 100},
			plan.Event{At: min(f.For, at+time.Second), Do: plan.Find, Nodes: []int{r.IntN(f.Nodes)}, Name: fmt.Sprint("file ", i)})
	}
	slices.SortStableFunc(events, func(a, b plan.Event) int { return int(a.At - b.At) })
	return events, err
}

// Whatever nodes and the network do, a node keeps no more than S(k, n) at any
// time; and half a minute after the last fault all know their groups, nobody knows
// the dead, every tuple points at a node that has the file, and every file that
// lies somewhere has its tuples in its whole group.
func TestRandomPlans(t *testing.T) { hunt.Run(t, sweep()) }

// Without the memory of the forgotten halves that were cut apart stay apart, so
// that the sweep above can fail.
func TestRandomCutsWithoutRevival(t *testing.T) {
	s := sweep("revive=0")
	s.Raw = true
	if hunt.Find(t, s) == nil {
		t.Error("every network is one again, though nobody looks for the forgotten: do the plans still cut?")
	}
}

// The invariants notice what they are for.
func TestInvariantsCanFail(t *testing.T) {
	var addrs []p2p.Addr
	for i := range 20 {
		addrs = append(addrs, p2p.MakeAddr(10<<24+uint32(i)+1, 7000))
	}
	cfg := p2p.Default[kelips.Config]()
	cfg.Groups = 3
	break1 := func(change func(d *kelips.Detail, all []p2p.State)) []p2p.State {
		states := kelips.Protocol.Ideal(cfg, addrs)
		d := detail(states[0])
		change(&d, states)
		states[0].Detail, states[0].Neighbours = d, slices.Concat(d.Members, d.Contacts)
		return states
	}
	stranger := p2p.MakeAddr(10<<24+99, 7000)
	for _, c := range []struct {
		what   string
		holds  func([]p2p.State) error
		change func(d *kelips.Detail, all []p2p.State)
	}{
		{"Views", kelips.Views, func(d *kelips.Detail, _ []p2p.State) { d.Members = d.Members[:2] }},
		{"Covered", kelips.Covered, func(d *kelips.Detail, _ []p2p.State) { d.Contacts = d.Contacts[:2] }},
		{"Fresh", kelips.Fresh, func(d *kelips.Detail, _ []p2p.State) { d.Contacts[0] = stranger }},
		{"Bounded", kelips.Bounded(2), func(d *kelips.Detail, all []p2p.State) { d.Contacts = append(d.Contacts, d.Contacts...) }},
		{"Bounded", kelips.Bounded(2), func(d *kelips.Detail, all []p2p.State) { d.Members = append(d.Members, d.Contacts[0]) }},
		{"NoZombies", kelips.NoZombies, func(d *kelips.Detail, _ []p2p.State) { d.Tuples = []kelips.Tuple{{Name: "x", Home: addrs[1]}} }},
		{"Replicated", kelips.Replicated, func(d *kelips.Detail, all []p2p.State) { all[1].Stored = []string{"x"} }},
	} {
		if err := c.holds(break1(func(*kelips.Detail, []p2p.State) {})); err != nil {
			t.Errorf("%s: an ideal network violates it: %v", c.what, err)
		}
		if c.holds(break1(c.change)) == nil {
			t.Errorf("%s holds where it should not", c.what)
		}
	}
}
