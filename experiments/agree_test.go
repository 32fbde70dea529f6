package experiments

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/check"
	"peerbed/harness/plan"
	"peerbed/harness/record"
	"peerbed/harness/stat"
	"peerbed/harness/workload"
	"peerbed/protocols/chord"
	"peerbed/protocols/fasttrack"
	"peerbed/protocols/gnutella"
	"peerbed/protocols/kelips"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/napster"
	"peerbed/protocols/p2p"
	"peerbed/protocols/pastry"
	"peerbed/protocols/ring"
)

// TestWorldsAgree plays one experiment in real nodes and in the simulator, and
// compares what happened: hops and messages of a lookup, bytes by type of message,
// success. The overlays are the same in both (Chord's nodes take ports that give
// them the same ids, Gnutella's graph follows from the order of the nodes), perfect
// from the beginning and left in peace, and so are the lookups. The links of the
// simulator have the delay that probes measured on the real ones.
//
// What differs is chance: when timers fall due, how long a message takes. The
// real run is cut into batches; the same batch was simulated a few times, each
// begun a little later, so that timers stand otherwise. The mean difference of the
// batches, with its 95 % interval, must be small.
//
// A timer of a busy machine is late, and so upkeep is less a second than it should
// be. That is a time, and times are not compared: bytes of upkeep are compared at
// the pace at which there was upkeep at all in that batch.
//
// It takes a machine to itself, and so is played where it is asked for by name.
func TestWorldsAgree(t *testing.T) {
	if flag.Lookup("test.run").Value.String() == "" {
		t.Skip("packages tested beside it make timers late: go test ./experiments -run TestWorldsAgree -v -count=1")
	}
	harness.Repeat(t, 1, func(t *harness.T) {
		var playing sync.WaitGroup
		for _, a := range agreements {
			if *protocols == "" && a.asked || *protocols != "" && !slices.Contains(strings.Split(*protocols, ","), a.protocol.Name) {
				continue
			}
			playing.Go(func() { t.Run(a.protocol.Name, a.compare) })
		}
		playing.Wait()
	})
}

const (
	agreeing   = 20               // nodes
	agreeFor   = 40 * time.Second // the run: long enough for intervals of half the bound
	agreeBatch = 2                // samples, one a second, in a batch
	agreeRate  = 15               // lookups a second
	agreeSims  = 8
)

// An agreement is one protocol in both worlds.
type agreement struct {
	protocol *p2p.Protocol
	cast     p2p.Cast
	config   []string
	asked    bool // only if -protocols names it
}

var agreements = []agreement{
	{chord.Protocol, sameIDs(agreeing), []string{"m=12", "stabilize=200ms", "fix-fingers=200ms", "check-predecessor=200ms"}, false},
	{gnutella.Protocol, p2p.Same(agreeing, p2p.Role{Name: "peer"}), []string{"ping=500ms", "patience=1500ms"}, false},
	{fasttrack.Protocol, fasttrack.Tiers(3)(agreeing), []string{"ping=500ms", "collect=500ms", "patience=3s", "gossip=1s", "degree=1"}, true},
	{napster.Protocol, napster.Servers(1)(agreeing), []string{"patience=2s", "stats=1s"}, true},
	{kelips.Protocol, sameGroups(agreeing, 4), []string{"groups=4", "gossip=200ms", "timeout=20s", "contact-timeout=20s", "tuple-timeout=20s", "refresh=2s"}, true},
	// The nearest nodes of links that are all alike are a matter of chance.
	{pastry.Protocol, sameIDs(agreeing), []string{"m=12", "b=2", "leaves=8", "near=0", "proximity=first", "keep-alive=400ms", "maintain=400ms"}, true},
}

// sameGroups is a cast of Kelips whose nodes are in the same groups wherever they
// run: in all groups in turn.
func sameGroups(n, k int) p2p.Cast {
	cast := make(p2p.Cast, n)
	for i := range cast {
		cast[i] = p2p.Role{Name: "peer", Port: func(ip uint32) uint16 {
			port := uint16(7000)
			for kelipsGroup(p2p.MakeAddr(ip, port).String(), k) != i%k {
				port++
			}
			return port
		}}
	}
	return cast
}

// sameIDs is a cast of Chord whose nodes have the same ids wherever they run, on
// a circle of 12 bits.
func sameIDs(n int) p2p.Cast {
	const m ring.Bits = 12
	points := rand.New(rand.NewPCG(20, 12)).Perm(int(m.Max()) + 1)
	cast := make(p2p.Cast, n)
	for i := range cast {
		cast[i] = p2p.Role{Name: "peer", Port: func(ip uint32) uint16 {
			port, _ := m.Port(ip, ring.ID(points[i]))
			return port
		}}
	}
	return cast
}

// agreeLinks are the real links, so long that what a busy machine adds does not
// decide which way of a flood is the shorter one. Those of the simulator are
// slower by what real ones add.
var agreeLinks = linkmodel.Link{Delay: 40 * time.Millisecond}

// compare plays again what differed on a machine that was too slow to say so.
func (a *agreement) compare(t *harness.T) {
	for range agreeTries - 1 {
		c := a.measure(t)
		if c.agree() || c.slow == nil {
			c.report(t)
			return
		}
		fmt.Printf("%s: once more, for real nodes and simulated ones differ where %v\n", a.protocol.Name, c.slow)
	}
	a.measure(t).report(t)
}

// agreeTries is how often it is played at most.
const agreeTries = 3

// outcomes is what one play found.
type outcomes struct {
	a    *agreement
	rows []difference
	pace float64
	got  time.Duration // what a link took, there and back
	ask  time.Duration
	slow error // the machine's verdict
}

func (a *agreement) measure(t *harness.T) *outcomes {
	real, r := a.play(t, start, agreeLinks, 0)
	if r.Machine == nil {
		t.Fatal("there is nothing to compare the simulator with: ask for another world with -backend")
	}
	links := agreeLinks
	links.Delay += max(r.Machine.Got-r.Machine.Asked, 0) / 2
	var sims []batches
	for i := range agreeSims {
		sim, _ := a.play(t, simulated, links, time.Duration(i)*137*time.Millisecond)
		sims = append(sims, sim)
	}
	flat := slices.Concat(sims...)
	for i := range sims {
		sims[i] = pool(sims[i], flat)
	}
	real = pool(real, flat)
	return &outcomes{a: a, rows: differences(real, sims), pace: paceOf(real, flat),
		got: r.Machine.Got, ask: r.Machine.Asked, slow: r.Machine.Verdict()}
}

func (c *outcomes) agree() bool {
	return !slices.ContainsFunc(c.rows, func(d difference) bool { return !d.holds() })
}

// report prints the table, and fails the test where worlds differ.
func (c *outcomes) report(t *harness.T) {
	table := record.Table{Title: fmt.Sprintf("%s: %d nodes really and simulated", c.a.protocol.Name, agreeing),
		Head: []string{"what", "simulated", "real", "difference", "±95 %", "bound", "verdict"}}
	for _, d := range c.rows {
		table.Add(d.cells()...)
		if !d.holds() {
			t.Errorf("%s: %s: the simulator has %.4g, real nodes %.4g: the difference is %v, want it within %.2g",
				c.a.protocol.Name, d.what, d.sim, d.real, d.Interval, d.bound)
		}
	}
	if t.Failed() && c.slow != nil {
		t.Error(c.slow)
	}
	table.Notes = []string{
		fmt.Sprintf("Means of batches of %d s. Bytes are of one lookup or, of upkeep, of a second.", agreeBatch),
		fmt.Sprintf("Differences are relative, but that of lookups that succeed. Types below %.0f %% of the bytes are one row, held against all.", 100*rare),
		fmt.Sprintf("Upkeep is compared at its own pace, %.1f %% of the simulated: late timers are a time, and times are not compared.", 100*c.pace),
		fmt.Sprintf("A link took %v there and back; asked for were %v.", c.got.Round(100*time.Microsecond), c.ask),
	}
	fmt.Print("\n", table.String())
}

// An opener is start, or simulated.
type opener = func(t testing.TB, p *p2p.Protocol, n int, opts ...harness.Option) *harness.Cluster

// simulated is start, in the simulator and without its lines of progress.
func simulated(t testing.TB, p *p2p.Protocol, n int, opts ...harness.Option) *harness.Cluster {
	t.Helper()
	return harness.New(t, p, n, append(opts, harness.World("sim"), harness.Quiet())...)
}

// play runs the experiment once in a world that open opens, wait after its
// beginning.
func (a *agreement) play(t *harness.T, open opener, links linkmodel.Link, wait time.Duration) (batches, *harness.Results) {
	t.Helper()
	c := open(t, a.protocol, agreeing, harness.Cast(a.cast), harness.Ideal(), harness.Config(a.config...),
		harness.Links(linkmodel.Model{Default: links}))
	defer closeNow(t, c)
	c.Settle(check.Whole(a.protocol))
	c.Share(agreeing, 1000)
	c.Advance(wait)
	r := c.Run(agreeFor, workload.Lookups{Rate: agreeRate, Steady: true})
	return inBatches(r), r
}

// A batch is what a part of a run measured, by name.
type batch map[string]float64

type batches []batch

// The names that are not of a type of message.
const (
	hopsOf     = "hops"
	messagesOf = "messages of a lookup"
	foundOf    = "lookups that succeed"
)

// The beginnings of those that are.
const (
	ofLookup = "lookup bytes: "
	ofUpkeep = "upkeep bytes: "
)

// rare is the share of the bytes, of lookups or of upkeep, below which a type of
// message is too rare to be compared alone.
const rare = 0.05

// inBatches cuts a run at its samples.
func inBatches(r *harness.Results) (all batches) {
	for k := agreeBatch; k < len(r.Samples); k += agreeBatch {
		from, to := r.Samples[k-agreeBatch], r.Samples[k]
		s := harness.Summarise(r.Operations, func(o *harness.Operation) bool {
			return o.Op == plan.Find && from.At <= o.Start && o.Start < to.At
		})
		sent := to.Traffic.Sub(from.Traffic)
		b := batch{hopsOf: s.Hops, foundOf: s.Found, messagesOf: float64(sent.Class(p2p.Lookup).Sent) / float64(s.N)}
		for _, kind := range sent.Kinds {
			switch kind.Class {
			case p2p.Lookup:
				b[ofLookup+kind.Kind] = float64(kind.SentBytes) / float64(s.N)
			case p2p.Membership:
				b[ofUpkeep+kind.Kind] = float64(kind.SentBytes) / (to.At - from.At).Seconds()
			}
		}
		all = append(all, b)
	}
	return all
}

// mean is that of one value over all batches.
func (all batches) mean(what string) float64 {
	sum := 0.0
	for _, b := range all {
		sum += b[what]
	}
	return sum / float64(len(all))
}

// bytes is the mean of all types whose names begin so.
func (all batches) bytes(begin string) (sum float64) {
	for _, b := range all {
		for what := range b { // any order: a sum
			if strings.HasPrefix(what, begin) {
				sum += b[what] / float64(len(all))
			}
		}
	}
	return sum
}

// paceOf is how much upkeep there was in a second, by what was simulated.
func paceOf(real, sims batches) float64 { return real.bytes(ofUpkeep) / sims.bytes(ofUpkeep) }

// others ends the name of the row for all rare types.
const others = "all others"

// pool makes one row of the types that are rare in the simulator.
func pool(all, sims batches) batches {
	var pooled batches
	for _, b := range all {
		few := batch{}
		for what, v := range b { // any order: sums
			begin, _, ofType := strings.Cut(what, ": ")
			if begin += ": "; ofType && sims.mean(what) < rare*sims.bytes(begin) {
				what = begin + others
			}
			few[what] += v
		}
		pooled = append(pooled, few)
	}
	return pooled
}

// A difference is what is compared, batch by batch.
type difference struct {
	what      string
	sim, real float64 // means
	bound     float64
	stat.Interval
}

// differences compares a real run with simulated ones.
func differences(real batches, sims []batches) (rows []difference) {
	bounds := map[string]float64{hopsOf: 0.10, messagesOf: 0.10, foundOf: 0.02}
	names := []string{hopsOf, messagesOf, foundOf}
	for _, what := range slices.Sorted(maps.Keys(sims[0][0])) {
		if bounds[what] == 0 {
			bounds[what] = 0.05
			names = append(names, what)
		}
	}
	for _, what := range names {
		d := difference{what: what, bound: bounds[what], sim: slices.Concat(sims...).mean(what), real: real.mean(what)}
		scale := d.sim
		if what == foundOf {
			scale = 1
		}
		if begin, ok := strings.CutSuffix(what, others); ok { // small beside the rest, not beside itself
			scale = slices.Concat(sims...).bytes(begin)
		}
		var each []float64
		for k := range real {
			same, pace := batches{}, 1.0
			for _, sim := range sims {
				same = append(same, sim[k])
			}
			if strings.HasPrefix(what, ofUpkeep) {
				pace = paceOf(real[k:k+1], same)
			}
			each = append(each, (real[k][what]/pace-same.mean(what))/scale)
		}
		d.Interval = stat.Mean(each)
		rows = append(rows, d)
	}
	return rows
}

func (d *difference) holds() bool { return -d.bound <= d.Low() && d.High() <= d.bound }

func (d *difference) cells() []string {
	verdict := "agrees"
	if !d.holds() {
		verdict = "DIFFERS"
	}
	percent := func(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }
	return []string{d.what, fmt.Sprintf("%.4g", d.sim), fmt.Sprintf("%.4g", d.real), percent(d.Mean), percent(d.Half), percent(d.bound), verdict}
}

// Worlds that differ are found out: nodes with half the successor list send less
// of it, and know fewer short ways.
func TestWorldsCanDiffer(t *testing.T) {
	harness.Repeat(t, 1, func(t *harness.T) {
		a := agreements[0]
		same, _ := a.play(t, simulated, agreeLinks, 0)
		a.config = append(slices.Clone(a.config), "successors=4")
		other, _ := a.play(t, simulated, agreeLinks, time.Second)
		var differ []string
		for _, d := range differences(other, []batches{same}) {
			if !d.holds() {
				differ = append(differ, d.what)
			}
		}
		if !slices.Contains(differ, hopsOf) || !slices.Contains(differ, ofLookup+"step") {
			t.Errorf("what is found to differ is only %q", differ)
		}
	})
}
