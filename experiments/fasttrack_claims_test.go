package experiments

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/plan"
	"peerbed/harness/workload"
	"peerbed/protocols/fasttrack"
	"peerbed/protocols/gnutella"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// tiers is FastTrack with so many supernodes, which stay so, as all others stay
// ordinary.
func tiers(supernodes int) *p2p.Protocol {
	p := *fasttrack.Protocol
	p.Cast, p.Ideal = fasttrack.Tiers(supernodes), fasttrack.IdealTiers(supernodes)
	return &p
}

// details are the nodes' own words for how they are.
func details(c *harness.Cluster) []fasttrack.Detail {
	var list []fasttrack.Detail
	for _, s := range c.States() {
		list = append(list, s.Detail.(fasttrack.Detail))
	}
	return list
}

const supernode = "supernode"

// TestFastTrackF1Directory joins nodes that lie in a square (claim F1: "supernodes
// hold a Napster-like directory of a subset of nearby files"): the directories have
// just the files of the children, and children are nearer to their own supernode than
// to the others.
func TestFastTrackF1Directory(t *testing.T) {
	harness.Repeat(t, 5, func(t *harness.T) {
		nodes, supers := size(80, 400), size(16, 40)
		square := linkmodel.Model{Default: linkmodel.Link{Delay: time.Millisecond}, Plane: &linkmodel.Plane{Seed: t.Seed(), Side: 60 * time.Millisecond}}
		c := harness.New(t, tiers(supers), nodes, harness.World("sim"), harness.Nodes(nodes), harness.Quiet(), harness.Links(square))
		defer closeNow(t, c)
		c.Settle(fasttrack.Whole)
		c.Share(3*nodes, 100)
		entries, own, all := 0, 0.0, 0.0
		states := c.States()
		for _, s := range states {
			d := s.Detail.(fasttrack.Detail)
			entries += d.Files
			if d.Role == supernode {
				continue
			}
			own += square.Link(s.Self, d.Parent).Delay.Seconds()
			for _, k := range states {
				if k.Detail.(fasttrack.Detail).Role == supernode {
					all += square.Link(s.Self, k.Self).Delay.Seconds() / float64(supers)
				}
			}
		}
		t.Want("files in all directories, of those that are shared", float64(entries)/float64(3*nodes), harness.Exactly(1))
		if err := fasttrack.Listed(states); err != nil {
			t.Error(err)
		}
		t.Want("delay to one's own supernode, as a share of that to any", own/all, harness.AtMost(0.75))
	})
}

// TestFastTrackF2Flood counts what a search costs (claim F2: "a peer searches via a
// nearby supernode; supernodes forward as Gnutella"): one message to the parent, and
// among N supernodes with E links 2E-N+1 queries if no TTL ends them. In flat Gnutella
// of equal degree all nodes pass the query on: the ratio is the share of supernodes.
func TestFastTrackF2Flood(t *testing.T) {
	harness.Repeat(t, 3, func(t *harness.T) {
		nodes, supers := size(400, 4000), size(40, 400)
		c := quietly(t, tiers(supers), nodes, "ttl=255", "ping=10m", "collect=1s")
		defer closeNow(t, c)
		c.Settle(fasttrack.Whole)
		links := 0
		for _, d := range details(c) {
			links += len(d.Links)
		}
		want := float64(links - supers + 1)
		var queries float64
		for k := range 5 {
			traffic := c.Measure(func() { vain(t, c, nodes-1-k) })
			t.Want("messages of an ordinary node for a search", float64(traffic.Kind("search").Sent), harness.Exactly(1))
			t.Want("queries of a search, more than 2E-N+1", float64(traffic.Kind("query").Sent)-want, harness.Exactly(0))
			queries = float64(traffic.Kind("query").Sent + traffic.Kind("search").Sent)
		}
		flat := quietly(t, gnutella.Protocol, nodes, "ttl=255", "ping=10m", "patience=1s", "max-links=64")
		defer closeNow(t, flat)
		flat.Settle(gnutella.Connected)
		floods := float64(flat.Measure(func() { vain(t, flat, 7) }).Kind("query").Sent)
		share := float64(supers) / float64(nodes)
		t.Want("messages of a search, as a share of flat Gnutella's, by the share of supernodes", queries/floods/share, harness.Near(1, 0.1))
	})
}

// quietly starts a network that begins perfect, whose links all have one delay.
func quietly(t *harness.T, p *p2p.Protocol, n int, changes ...string) *harness.Cluster {
	t.Helper()
	return harness.New(t, p, n, harness.World("sim"), harness.Nodes(n), harness.Ideal(), harness.Quiet(),
		harness.Links(linkmodel.Model{Default: linkmodel.Link{Delay: 10 * time.Millisecond}}), harness.Config(changes...))
}

// vain asks for what nobody has.
func vain(t *harness.T, c *harness.Cluster, asker int) {
	t.Helper()
	if out := c.Find(asker, "nobody has this"); !errors.Is(out.Err, p2p.ErrNotFound) {
		t.Fatalf("%s looked for what nobody has: %v, want %v", c.Name(asker), out.Err, p2p.ErrNotFound)
	}
}

// comings is a plan in which each node stays and is away for exponential times, whose
// means depend on the node; 0: it stays all the time.
type comings struct {
	stay func(i int) time.Duration
	away time.Duration
}

// Events draws them. The nodes are all there at first.
func (p comings) Events(f plan.Facts) ([]plan.Event, error) {
	r := f.Rand()
	var events []plan.Event
	for i := range f.Nodes {
		mean := p.stay(i)
		if mean == 0 {
			continue
		}
		for at := linkmodel.Exp(mean, r); at < f.For; at += linkmodel.Exp(mean, r) {
			events = append(events, plan.Event{At: at, Do: plan.Crash, Nodes: []int{i}})
			if at += linkmodel.Exp(p.away, r); at < f.For {
				events = append(events, plan.Event{At: at, Do: plan.Restart, Nodes: []int{i}})
			}
		}
	}
	slices.SortStableFunc(events, func(a, b plan.Event) int { return cmp.Compare(a.At, b.At) })
	return events, nil
}

// The nodes of an uneven network: every fourth stays and has a good line, the others
// come and go and have a bad one.
const (
	steadyEvery = 4
	flightyStay = 4 * time.Minute
	flightyAway = time.Minute
	goodLine    = "bandwidth=2000"
	badLine     = "bandwidth=128"
)

func steady(i int) bool { return i%steadyEvery == 0 }

// uneven is the cast of such a network; others get these changes too.
func uneven(t *harness.T, n int, changes []string, flighty ...string) p2p.Cast {
	t.Helper()
	cast := make(p2p.Cast, n)
	for i := range cast {
		mine := append(slices.Clone(changes), goodLine)
		if !steady(i) {
			mine = slices.Concat(changes, []string{badLine}, flighty)
		}
		cfg, err := p2p.With(fasttrack.Protocol.Config, mine...)
		if err != nil {
			t.Fatal(err)
		}
		cast[i] = p2p.Role{Name: "able", Config: cfg}
	}
	return cast
}

// coming runs an uneven network and calls look every minute after the first twelve.
func coming(t *harness.T, cast p2p.Cast, look func(c *harness.Cluster, r *harness.Results)) {
	t.Helper()
	n := len(cast)
	c := harness.New(t, fasttrack.Protocol, n, harness.World("sim"), harness.Nodes(n), harness.Quiet(), harness.Cast(cast),
		harness.Links(linkmodel.Model{Default: linkmodel.Link{Delay: 20 * time.Millisecond}}))
	defer closeNow(t, c)
	c.Settle(fasttrack.Whole)
	c.Share(n, 100)
	stays := comings{away: flightyAway, stay: func(i int) time.Duration {
		if steady(i) {
			return 0
		}
		return flightyStay
	}}
	c.Run(12*time.Minute, stays)
	for range size(4, 30) {
		r := c.Run(time.Minute, stays, workload.Lookups{Rate: 1})
		look(c, r)
		c.Restart(down(c)...) // the plan of the next minute begins with all there
	}
}

func down(c *harness.Cluster) (list []int) {
	for i := range c.Size() {
		if !c.Up(i) {
			list = append(list, i)
		}
	}
	return list
}

// supernodesOf lists which nodes are supernodes now.
func supernodesOf(c *harness.Cluster) (list []int) {
	for _, s := range c.States() {
		if s.Detail.(fasttrack.Detail).Role == supernode {
			list = append(list, c.Index(s.Self))
		}
	}
	return list
}

// merit settings under which two minutes in the network make a supernode, and time
// away unmakes it.
var merit = []string{"children=12", "online=600", "away=600", "promote=20", "demote=15", "tenure=10s", "orphan=20s"}

// TestFastTrackF3F5Rank lets nodes come and go in a network of steady and of flighty
// ones (claims F3: "any peer may become and stay a supernode if its reputation
// suffices", and F5: "uses healthier participants"): the share of supernodes stays
// within what the places for children ask for, those whose reputation is too low are
// few, the same ones stay supernodes, and they are steadier and have better lines than
// the others.
func TestFastTrackF3F5Rank(t *testing.T) {
	harness.Repeat(t, 5, func(t *harness.T) {
		const nodes = 60
		var share, unfit, stayed, supers, healthy, looks, found float64
		var before []int
		coming(t, uneven(t, nodes, merit), func(c *harness.Cluster, r *harness.Results) {
			looks++
			now := supernodesOf(c)
			share += float64(len(now)) / float64(len(c.Live()))
			for _, s := range c.States() {
				if d := s.Detail.(fasttrack.Detail); d.Role == supernode && d.Reputation < 15 {
					unfit++
				}
			}
			for _, i := range now {
				supers++
				if steady(i) {
					healthy++
				}
				if slices.Contains(before, i) {
					stayed++
				}
			}
			before = now
			found += r.Of(plan.Find).Found
		})
		// One node in seven is away on average, with its files.
		t.Want("lookups that succeed meanwhile", found/looks, harness.AtLeast(0.75))
		t.Want("share of supernodes", share/looks, harness.Within(1.0/13, 0.35))
		t.Want("supernodes whose reputation does not suffice", unfit/supers, harness.AtMost(0.1))
		t.Want("supernodes that were one a minute ago", stayed/supers, harness.AtLeast(0.5))
		// A quarter of all nodes are steady; their sessions and lines are the good ones.
		t.Want("share of steady nodes among supernodes", healthy/supers, harness.AtLeast(0.5))
	})
}

// TestFastTrackF4Forged has the flighty nodes claim a reputation of 1000, as Kazaa Lite
// did (claim F4; "shows why self-reported reputation fails"): supernodes that believe
// them make them supernodes, and these die all the time. Those that count the hours
// that they have seen do not.
func TestFastTrackF4Forged(t *testing.T) {
	harness.Repeat(t, 5, func(t *harness.T) {
		const nodes = 60
		forged := map[string]float64{}
		for _, trust := range []string{"reported", "observed"} {
			var supers float64
			coming(t, uneven(t, nodes, append(slices.Clone(merit), "children=20", "trust="+trust), "forge=true"), func(c *harness.Cluster, _ *harness.Results) {
				for _, i := range supernodesOf(c) {
					if supers++; !steady(i) {
						forged[trust]++
					}
				}
			})
			forged[trust] /= supers
		}
		t.Want("believed: share of forgers among supernodes", forged["reported"], harness.AtLeast(0.45))
		t.Want("that share, less what it is where hours are observed", forged["reported"]-forged["observed"], harness.AtLeast(0.2))
	})
}

// TestFastTrackF5OrdinaryFail takes half of the ordinary nodes away at once (claim F5:
// "supernode lookups survive 50 % ordinary-node failure"): all that the others have is
// found, at the same price. With -paper there are 10 000 nodes with 300 supernodes. If
// instead half of the supernodes go, their children are back within seconds.
func TestFastTrackF5OrdinaryFail(t *testing.T) {
	harness.Repeat(t, 3, func(t *harness.T) {
		nodes, supers := size(1000, 10_000), size(30, 300)
		c := quietly(t, tiers(supers), nodes, "children=100", "ping=30s", "collect=1s")
		defer closeNow(t, c)
		c.Settle(fasttrack.Whole)
		r := rand.New(rand.NewPCG(t.Seed(), 5))
		ordinary := r.Perm(nodes - supers)
		for i := range ordinary {
			ordinary[i] += supers
		}
		dead, alive := ordinary[:len(ordinary)/2], ordinary[len(ordinary)/2:]
		for k := range 40 {
			mustPublish(t, c, alive[k], fmt.Sprintf("tune number%d", k))
		}
		cost := c.Measure(func() { t.Want("found before", foundBy(t, c, alive), harness.Exactly(1)) }).Class(p2p.Lookup)
		c.Crash(dead...)
		c.Advance(time.Second)
		after := c.Measure(func() {
			t.Want("found after half of the ordinary nodes died", foundBy(t, c, alive), harness.Exactly(1))
		}).Class(p2p.Lookup)
		t.Want("messages of a lookup after, by those before", float64(after.Sent)/float64(cost.Sent), harness.Near(1, 0.02))
		half := make([]int, 0, supers/2)
		for i := 0; i < supers; i += 2 {
			half = append(half, i)
		}
		c.Crash(half...)
		c.Advance(10 * time.Second)
		t.Want("found ten seconds after half of the supernodes died", foundBy(t, c, alive), harness.AtLeast(0.95))
	})
}

// foundBy is the share of the tunes that are found.
func foundBy(t *harness.T, c *harness.Cluster, alive []int) float64 {
	t.Helper()
	found := 0
	for k := range 40 {
		out := c.Find(alive[len(alive)-1-k], fmt.Sprintf("tune number%d", k))
		if out.Err == nil && slices.Contains(out.Found, c.Addr(alive[k])) {
			found++
		}
	}
	return float64(found) / 40
}
