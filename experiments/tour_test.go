package experiments

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/check"
	"peerbed/harness/fault"
	"peerbed/harness/plan"
	"peerbed/harness/record"
	"peerbed/harness/workload"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// TestTour is the main job of the bed. For each protocol it starts the nodes,
// publishes files, looks them up and fetches them; crashes a quarter of the
// nodes, cuts the network in two, heals it, lets nodes come and go; and
// compares before, during and after in one table and on one page. Protocols tour
// side by side, as many as the machine takes.
func TestTour(t *testing.T) {
	t.Parallel() // most of it is waiting
	harness.Repeat(t, 1, func(t *harness.T) {
		began := time.Now()
		b := &book{file: pageFile(t), tours: toursOf(chosen(t))}
		b.play(t)
		b.close(t, time.Since(began))
	})
}

// The size of things. Real time is dear, virtual time is not.
const (
	quickNodes = 8
	fileSize   = 16 << 10
	findRate   = 15 // a second, of all nodes together
	fetchRate  = 3
)

// A tour is one protocol's way through the disturbances.
type tour struct {
	*leg
	t     *harness.T
	c     *harness.Cluster
	whole harness.Check
	calm  time.Duration // how long each look at the network takes
	rows  [][]string
	camera
}

// tourLinks are the same in every world, so that times can be compared, and so
// that it is links and not the scheduler of a busy machine that decide which
// way is the shorter one.
var tourLinks = linkmodel.Model{Default: linkmodel.Link{Delay: 10 * time.Millisecond, Jitter: 20 * time.Millisecond}}

// run is the tour; what it saw up to a failure is kept.
func (v *tour) run(t *harness.T, page string) {
	v.t = t
	v.open()
	v.c.SetPage(page)
	v.settle("formed", v.c.Now())
	v.c.Share(min(2*v.c.Size(), 100), fileSize)
	v.c.Advance(time.Second) // a server is told, and does not say that it heard
	before := v.calmly("before", "Nothing is wrong yet.", func(r *harness.Results) bool {
		return r.Of(plan.Find).Found >= v.reach() && r.Of(plan.Fetch).Found >= v.reach()
	})
	before.Want(v.t, "found before any disturbance", before.Of(plan.Find).Found, harness.AtLeast(v.reach()))
	before.Want(v.t, "fetched before any disturbance", before.Of(plan.Fetch).Found, harness.AtLeast(v.reach()))
	if !v.cutOnly {
		v.crash()
		v.blind()
	}
	v.cut()
	if !v.cutOnly {
		v.churn()
	}
}

// open starts the nodes.
func (v *tour) open() {
	p := v.leg.protocol
	v.whole = check.Whole(p)
	v.c = start(v.t, p, quickNodes, harness.Config(v.config...), harness.Links(tourLinks))
	if v.c.Size() < 4 {
		v.t.Fatalf("-nodes %d: there must be some to crash and some to part; want 4 or more", v.c.Size())
	}
	switch {
	case v.c.About().Virtual:
		v.calm = 20 * time.Second
	case v.c.Size() <= quickNodes:
		v.calm = 2 * time.Second
	default:
		v.calm = 3 * time.Second
	}
	v.camera = newCamera(v.c)
}

// crash kills a quarter of the nodes and brings them back.
func (v *tour) crash() {
	n := v.c.Size()
	quarter := slices.DeleteFunc(v.c.Some((n+3)/4), v.central)
	crashed := v.c.Now()
	v.c.Crash(quarter...)
	v.look("at the crash", fmt.Sprintf("%d of %d nodes have just died without a word.", len(quarter), n))
	v.settle("repaired", crashed)
	have := v.c.States()
	after := v.calmly("after the crash", "Those who are left have closed ranks. What only the dead held is lost.", func(r *harness.Results) bool {
		held := v.held(r, have)
		return held.N == 0 || held.Found >= v.reach()-0.1
	})
	if held := v.held(after, have); held.N > 0 {
		after.Want(v.t, "found after a quarter crashed, of what is left", held.Found, harness.AtLeast(v.reach()-0.1))
	}
	v.bringBack(quarter)
}

func (v *tour) central(i int) bool { return v.centre != "" && v.c.Role(i) == v.centre }

// blind kills the centre of a protocol that has one: nothing can be found.
func (v *tour) blind() {
	var centre []int
	for i := range v.c.Size() {
		if v.central(i) {
			centre = append(centre, i)
		}
	}
	if len(centre) == 0 {
		return
	}
	v.c.Crash(centre...)
	r := v.look("without its centre", fmt.Sprintf("%s has a centre, the %s, which has just died. Everybody else lives.", v.c.Protocol().Name, v.centre))
	r.Want(v.t, "found without the centre", r.Of(plan.Find).Found, harness.Exactly(0))
	v.bringBack(centre)
}

// cut parts the network, heals it, and looks whether it grows together.
func (v *tour) cut() {
	even, odd := v.c.Halves()
	had := v.c.States()
	v.c.Cut(even, odd)
	v.parted = true
	v.forget()
	during := v.look("during the cut", "Every second node is on the other side of a cut: what is held only there cannot be found.")
	own := v.ownSide(during, had)
	during.Want(v.t, "found during the cut on the holder's side", own.Found, harness.AtLeast(0.5))
	during.Want(v.t, "lookups answered from beyond the cut", float64(v.crossed(during)), harness.Exactly(0))

	healed := v.c.Now()
	v.c.Heal()
	v.parted = false
	v.look("at the heal", "The cut is gone this moment.")
	if v.merged(healed) {
		v.look("after the heal", "The halves have grown together.")
		return
	}
	if v.merges {
		v.t.Errorf("%s did not grow together after the heal: %v", v.title, v.whole(v.c.States()))
		return
	}
	v.say("the halves stay apart: each has forgotten the other. Half of the nodes join anew")
	v.c.Crash(odd...)
	v.bringBack(odd)
	v.look("after rejoining", "The cut outlasted what each half remembered of the other, and this protocol has no way to merge two networks. One half was restarted and has joined the other.")
}

// forget lets the cut outlast every pointer across it, where a protocol drops
// those who do not answer: what comes together then does so by design.
func (v *tour) forget() {
	if !v.forgets {
		return
	}
	began := v.c.Now()
	for v.c.Err() == nil && v.across(v.c.States()) > 0 {
		if v.c.Now()-began > harness.Settling {
			v.t.Errorf("%s still has %d pointers across the cut %v after it fell", v.title, v.across(v.c.States()), harness.Settling)
			return
		}
		v.c.Advance(500 * time.Millisecond)
	}
	v.say("no pointer across the cut is left %v after it fell", (v.c.Now() - began).Round(100*time.Millisecond))
}

// across counts the neighbours that lie beyond the cut.
func (v *tour) across(states []p2p.State) int {
	n := 0
	for _, s := range states {
		for _, a := range s.Neighbours {
			if i := v.c.Index(a); i >= 0 && i%2 != v.c.Index(s.Self)%2 {
				n++
			}
		}
	}
	return n
}

// merged waits for the overlay to be whole after a heal. Chord as published need
// not get there (SIGCOMM 2001, section 7, leaves it to future work).
func (v *tour) merged(healed time.Duration) bool {
	patience := 2*v.calm + time.Second
	if v.merges {
		patience = harness.Settling
	}
	for v.c.Now()-healed < patience && v.c.Err() == nil {
		if v.whole(v.c.States()) == nil {
			v.say("whole again within %v of the heal", (v.c.Now() - healed).Round(100*time.Millisecond))
			return true
		}
		v.c.Advance(500 * time.Millisecond)
	}
	return false
}

// churn has nodes die and come back all the time, about one every two seconds
// in a small network, and at most half of them in a large one, unless -session
// says otherwise.
func (v *tour) churn() {
	session := max(2*time.Duration(v.c.Size())*time.Second, 4*v.calm)
	churn := fault.Churn{Session: fault.Exponential(session)}
	if stay.Law != nil {
		churn.Session = stay.Law
	}
	v.look("during churn", fmt.Sprintf("Nodes stay for %v, half of them for less than %v, and die; whenever one does, another that was away comes back.",
		churn.Session, churn.Session.Quantile(0.5).Round(time.Second)), churn)
	v.bringBack(v.down())
	end := v.calmly("after", "All nodes are back.", func(r *harness.Results) bool { return r.Of(plan.Find).Found >= 0.8 })
	end.Want(v.t, "found after all", end.Of(plan.Find).Found, harness.AtLeast(0.8))
}

// reach is the share of lookups that must succeed in peace. Only a simulator
// has no lost datagrams and no late messages; and a flood with a TTL is sure to
// reach all of a small graph only where the first copy comes the shortest way.
func (v *tour) reach() float64 {
	switch {
	case v.floods && (v.c.Size() > 100 || !v.c.About().Virtual):
		return 0.9
	case !v.c.About().Virtual:
		return 0.95
	}
	return 1
}

// calmly looks again, a few times, where less was found than there should be and
// the machine was too slow to say that this is the protocol's doing.
func (v *tour) calmly(when, text string, enough func(*harness.Results) bool) *harness.Results {
	v.t.Helper()
	for tries := 1; ; tries++ {
		r := v.look(when, text)
		if tries == 4 || r.Machine == nil || r.Machine.Verdict() == nil || enough(r) {
			return r
		}
		v.say("looks again, for %v", r.Machine.Verdict())
	}
}

// look watches the network for a while, adds a row to the table and takes a
// picture.
func (v *tour) look(when, text string, plans ...plan.Plan) *harness.Results {
	v.t.Helper()
	length := v.calm
	if len(plans) > 0 {
		length *= 2 // what comes and goes needs time
	}
	began := v.c.Now()
	v.c.Caption(when)
	r := v.c.Run(length, append([]plan.Plan{
		workload.Lookups{Rate: findRate}, workload.Lookups{Rate: fetchRate, Fetch: true}}, plans...)...)
	states := v.c.States()
	v.rows = append(v.rows, row(v.title, when, r, states, v.c.Now()-began))
	v.say("%-16s %3.0f %% of %d found, %3.0f %% of %d fetched", when,
		100*r.Of(plan.Find).Found, r.Of(plan.Find).N, 100*r.Of(plan.Fetch).Found, r.Of(plan.Fetch).N)
	v.shoot(when, text, began, r)
	return r
}

// settle waits until the overlay is whole, and says how long after the last
// change that was seen.
func (v *tour) settle(what string, changed time.Duration) {
	v.t.Helper()
	v.c.Settle(v.whole)
	v.say("%s within %v", what, (v.c.Now() - changed).Round(100*time.Millisecond))
}

// bringBack restarts nodes, with the disks that they had.
func (v *tour) bringBack(nodes []int) {
	v.t.Helper()
	began := v.c.Now()
	v.c.Restart(nodes...)
	v.settle(fmt.Sprintf("whole again, with %d restarted,", len(nodes)), began)
}

func (v *tour) down() []int {
	var down []int
	for i := range v.c.Size() {
		if !v.c.Up(i) {
			down = append(down, i)
		}
	}
	return down
}

// ownSide sums up the lookups of files that a node on the asker's own side of
// the cut had when it fell; of a protocol with a centre, on the centre's side.
func (v *tour) ownSide(r *harness.Results, had []p2p.State) harness.Summary {
	holders, centred := map[string][2]bool{}, [2]bool{v.centre == "", v.centre == ""}
	for _, s := range had {
		i := v.c.Index(s.Self)
		if v.central(i) {
			centred[i%2] = true
		}
		for _, name := range s.Stored {
			h := holders[name]
			h[i%2] = true
			holders[name] = h
		}
	}
	return harness.Summarise(r.Operations, func(o *harness.Operation) bool {
		return o.Op == plan.Find && holders[o.Name][o.Asker%2] && centred[o.Asker%2]
	})
}

// held sums up the lookups of files that somebody has.
func (v *tour) held(r *harness.Results, have []p2p.State) harness.Summary {
	there := map[string]bool{}
	for _, s := range have {
		for _, name := range s.Stored {
			there[name] = true
		}
	}
	return harness.Summarise(r.Operations, func(o *harness.Operation) bool { return o.Op == plan.Find && there[o.Name] })
}

// crossed counts the lookups whose first answer names a node beyond the cut; of
// a protocol that answers out of what it was once told, the fetches that name
// nobody else.
func (v *tour) crossed(r *harness.Results) int {
	n := 0
	for _, o := range r.Operations {
		beyond := func(a p2p.Addr) bool { return v.c.Index(a)%2 != o.Asker%2 }
		switch {
		case o.Err != nil || len(o.Found) == 0:
		case v.remembers && o.Op == plan.Fetch && !slices.ContainsFunc(o.Found, func(a p2p.Addr) bool { return !beyond(a) }),
			!v.remembers && o.Op == plan.Find && beyond(o.Found[0]):
			n++
		}
	}
	return n
}

func (v *tour) say(format string, args ...any) {
	fmt.Printf("  %s: %s\n", v.title, fmt.Sprintf(format, args...))
}

// comparison is the empty table.
func comparison() record.Table {
	return record.Table{
		Title: "Before, during and after each disturbance",
		Head: []string{"protocol", "when", "nodes", "found", "fetched", "hops", "msgs/lookup", "B/lookup",
			"p50 ms", "p95 ms", "neighbours", "upkeep msgs/node/s", "upkeep B/node/s"},
		Notes: []string{
			"found, fetched: of all that was asked for, whether or not anybody still had it.",
			"hops, p50, p95: of those lookups that succeeded; a fetch's time includes the transfer.",
			"A flood's hops are those of the copy that came first, which on a busy machine is not the one on the shortest way.",
			"msgs, B per lookup: every message of class lookup that any node sent, divided by all lookups, failed ones too;",
			"upkeep: messages of class membership (pings, stabilisation, joins), which flow whether or not anybody looks anything up.",
			"neighbours: mean number of other nodes that a node keeps, at the end of the phase.",
		},
	}
}

func row(protocol, when string, r *harness.Results, states []p2p.State, took time.Duration) []string {
	upkeep := r.Traffic.Class(p2p.Membership)
	perNode := float64(max(len(states), 1)) * took.Seconds()
	neighbours := 0
	for _, s := range states {
		neighbours += len(s.Neighbours)
	}
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()*1000) }
	return []string{protocol, when, fmt.Sprint(len(states)),
		fmt.Sprintf("%.1f %%", 100*r.Of(plan.Find).Found), fmt.Sprintf("%.1f %%", 100*r.Of(plan.Fetch).Found),
		fmt.Sprintf("%.2f", r.Hops), fmt.Sprintf("%.1f", r.Messages), fmt.Sprintf("%.0f", r.Bytes),
		ms(r.P50), ms(r.P95), fmt.Sprintf("%.1f", float64(neighbours)/float64(max(len(states), 1))),
		fmt.Sprintf("%.1f", float64(upkeep.Sent)/perNode), fmt.Sprintf("%.0f", float64(upkeep.SentBytes)/perNode)}
}
