package experiments

import (
	"fmt"
	"os"
	"strings"
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
// compares before, during and after in one table and on one page.
func TestTour(t *testing.T) {
	harness.Repeat(t, 1, func(t *harness.T) {
		began := time.Now()
		b := &book{file: pageFile(t), page: record.Page{Title: "The tour"}, table: comparison()}
		for _, p := range chosen(t) {
			t.Run(p.Name, func(t *harness.T) { b.add(t, p) })
		}
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
	t     *harness.T
	c     *harness.Cluster
	whole harness.Check
	calm  time.Duration // how long each look at the network takes
	rows  *record.Table
	camera
}

// tourConfig changes settings where the default would make short runs blind: a
// search that fails must fail before the phase is over.
var tourConfig = map[string][]string{
	"gnutella": {"patience=1500ms"},
}

// tourLinks are the same in every world, so that times can be compared, and so
// that it is links and not the scheduler of a busy machine that decide which
// way is the shorter one.
var tourLinks = linkmodel.Model{Default: linkmodel.Link{Delay: 10 * time.Millisecond, Jitter: 20 * time.Millisecond}}

func newTour(t *harness.T, p *p2p.Protocol, rows *record.Table) *tour {
	v := &tour{t: t, whole: check.Whole(p), rows: rows}
	v.c = start(t, p, quickNodes, harness.Config(tourConfig[p.Name]...), harness.Links(tourLinks))
	if v.c.Size() < 4 {
		t.Fatalf("-nodes %d: there must be some to crash and some to part; want 4 or more", v.c.Size())
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
	return v
}

func (v *tour) run() {
	n := v.c.Size()
	v.settle("formed", v.c.Now())
	v.c.Share(min(2*n, 100), fileSize)
	before := v.look("before", "Nothing is wrong yet.")
	before.Want(v.t, "found before any disturbance", before.Of(plan.Find).Found, harness.AtLeast(v.reach()))
	before.Want(v.t, "fetched before any disturbance", before.Of(plan.Fetch).Found, harness.AtLeast(v.reach()))

	quarter := v.c.Some((n + 3) / 4)
	crashed := v.c.Now()
	v.c.Crash(quarter...)
	v.look("at the crash", fmt.Sprintf("%d of %d nodes have just died without a word.", len(quarter), n))
	v.settle("repaired", crashed)
	after := v.look("after the crash", "Those who are left have closed ranks. What only the dead held is lost.")
	after.Want(v.t, "found after a quarter crashed", after.Of(plan.Find).Found, harness.AtLeast(0.5))
	v.bringBack(quarter)

	v.cut()
	v.churn()
}

// cut parts the network, heals it, and looks whether it grows together.
func (v *tour) cut() {
	even, odd := v.c.Halves()
	had := v.c.States()
	v.c.Cut(even, odd)
	v.parted = true
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
	v.say("the halves stay apart: each has forgotten the other. Half of the nodes join anew")
	v.c.Crash(odd...)
	v.bringBack(odd)
	v.look("after rejoining", "The cut outlasted what each half remembered of the other, and this protocol has no way to merge two networks. One half was restarted and has joined the other.")
}

// merged waits for the overlay to be whole after a heal. A protocol that keeps
// addresses of old acquaintances must get there; Chord as published need not
// (SIGCOMM 2001, section 7, leaves it to future work).
func (v *tour) merged(healed time.Duration) bool {
	for v.c.Now()-healed < 2*v.calm+time.Second && v.c.Err() == nil {
		if v.whole(v.c.States()) == nil {
			v.say("whole again within %v of the heal", (v.c.Now() - healed).Round(100*time.Millisecond))
			return true
		}
		v.c.Advance(500 * time.Millisecond)
	}
	if v.c.Protocol().Angle == nil {
		v.t.Errorf("%s did not grow together after the heal: %v", v.c.Protocol().Name, v.whole(v.c.States()))
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
	end := v.look("after", "All nodes are back.")
	end.Want(v.t, "found after all", end.Of(plan.Find).Found, harness.AtLeast(0.8))
}

// reach is the share of lookups that must succeed in peace. Only a simulator
// has no lost datagrams and no late messages; and a flood with a TTL is sure to
// reach all of a small graph only where the first copy comes the shortest way.
func (v *tour) reach() float64 {
	switch flood := v.c.Protocol().Angle == nil; {
	case flood && (v.c.Size() > 100 || !v.c.About().Virtual):
		return 0.9
	case !v.c.About().Virtual:
		return 0.95
	}
	return 1
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
	r := v.c.Run(length, append([]plan.Plan{
		workload.Lookups{Rate: findRate}, workload.Lookups{Rate: fetchRate, Fetch: true}}, plans...)...)
	states := v.c.States()
	v.rows.Add(row(v.c.Protocol().Name, when, r, states, v.c.Now()-began)...)
	v.say("%-16s %3.0f %% of %d found, %3.0f %% of %d fetched", when,
		100*r.Of(plan.Find).Found, r.Of(plan.Find).N, 100*r.Of(plan.Fetch).Found, r.Of(plan.Fetch).N)
	v.shoot(when, text, began, r)
	r.Save(v.t)
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
// the cut had when it fell.
func (v *tour) ownSide(r *harness.Results, had []p2p.State) harness.Summary {
	holders := map[string][2]bool{}
	for _, s := range had {
		for _, name := range s.Stored {
			h := holders[name]
			h[v.c.Index(s.Self)%2] = true
			holders[name] = h
		}
	}
	return harness.Summarise(r.Operations, func(o *harness.Operation) bool {
		return o.Op == plan.Find && holders[o.Name][o.Asker%2]
	})
}

// crossed counts the lookups whose first answer names a node beyond the cut.
func (v *tour) crossed(r *harness.Results) int {
	n := 0
	for _, o := range r.Operations {
		if o.Err == nil && len(o.Found) > 0 && v.c.Index(o.Found[0])%2 != o.Asker%2 {
			n++
		}
	}
	return n
}

func (v *tour) say(format string, args ...any) {
	fmt.Printf("  %s: %s\n", v.c.Protocol().Name, fmt.Sprintf(format, args...))
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

// A book collects what the tours of all protocols bring home.
type book struct {
	file  string
	page  record.Page
	table record.Table
	names []string
	last  *harness.Cluster
}

// add tours one protocol. What it saw up to a failure is kept too.
func (b *book) add(t *harness.T, p *p2p.Protocol) {
	if len(b.table.Rows) > 0 {
		b.table.Rule()
	}
	v := newTour(t, p, &b.table)
	v.c.SetPage(b.file)
	b.names, b.last = append(b.names, p.Name), v.c
	t.Cleanup(func() { b.page.Parts = append(b.page.Parts, v.part()) })
	v.run()
}

// close prints the table and writes the page.
func (b *book) close(t *harness.T, took time.Duration) {
	if b.last == nil {
		return
	}
	c := b.last
	fmt.Printf("\n%s", b.table.String())
	b.page.Tables = []record.Table{b.table}
	b.page.Lead = fmt.Sprintf("%d nodes of %s: crashed by a quarter, cut in two, healed, and kept coming and going. What a lookup cost before, during and after.",
		c.Size(), strings.Join(b.names, " and of "))
	b.page.Facts = []record.Fact{
		{Name: "world", Value: c.About().World + ": " + c.About().Detail},
		{Name: "cuts by", Value: c.About().Cuts},
		{Name: "seed", Value: fmt.Sprint(c.Seed())},
		{Name: "load", Value: fmt.Sprintf("%d finds and %d fetches of %d-byte files a second, by random nodes, for random files", findRate, fetchRate, fileSize)},
		{Name: "took", Value: took.Round(time.Second).String()},
	}
	b.page.Command = fmt.Sprintf("go test ./experiments -run 'TestTour$' -v -count=1 -args -backend %s -nodes %d -seed %d -protocols %s",
		c.About().World, c.Size(), c.Seed(), strings.Join(b.names, ","))
	savePage(t, &b.page)
	if t.Failed() {
		fmt.Fprintln(os.Stdout, "The tour did not go as it should: see above.")
	}
}
