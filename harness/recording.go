package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"peerbed/harness/links"
	"peerbed/harness/plan"
	"peerbed/harness/record/journal"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
	"peerbed/protocols/vocabulary"
)

// journals are those that this process writes, by their folder.
var journals = struct {
	sync.Mutex
	in map[string]*journal.Writer
}{in: map[string]*journal.Writer{}}

// journalFor returns the journal of a test, or of the seed of it that p is.
func journalFor(test string, p *play, r journal.Run, complain func(error)) (*journal.Writer, error) {
	name, _, _ := strings.Cut(test, "/")
	if p != nil && p.series != nil {
		name = p.test
	}
	dir, err := OutDir(name)
	if err != nil {
		return nil, err
	}
	journals.Lock()
	defer journals.Unlock()
	if w := journals.in[dir]; w != nil {
		return w, nil
	}
	r.Name, r.Test = filepath.Base(claimed(name)), name
	r.Started, r.Go, r.System, r.Processors = time.Now(), runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH, runtime.NumCPU()
	w, err := newJournal(dir, r, complain)
	if err == nil {
		journals.in[dir] = w
	}
	return w, err
}

// A recorder writes what happens to one cluster into the run's journal, while it
// happens. A nil recorder writes nothing.
type recorder struct {
	w      *journal.ClusterWriter
	c      *Cluster
	pulse  pulse
	shown  int // pictures of the overlay
	failed func() bool
}

// record begins to write the cluster's journal. Without one the run goes on: what
// is in the way is said. Of several seeds in the simulator the first is recorded:
// the others say the same of a claim, and each, played alone (-seeds 1), can be had
// again.
func (c *Cluster) record() {
	if p := c.play; c.about.Virtual && p != nil && p.series != nil && p.seed != p.series.first {
		return
	}
	if !c.set.Record || os.Getenv("PEERBED_RECORD") == "0" {
		return
	}
	c.rec = c.newRecorder(func(err error) { c.say("%v", err) })
	if c.rec != nil && !c.about.Virtual {
		c.rec.beat()
	}
}

func (c *Cluster) newRecorder(complain func(error)) *recorder {
	repeat, simulate := c.commands(c.set.Name)
	test, _, _ := strings.Cut(c.set.Name, "/")
	w, err := journalFor(c.set.Name, c.play, journal.Run{Seed: c.set.Seed, Repeat: c.command(test, c.about.World)}, complain)
	if err != nil {
		complain(fmt.Errorf("this run leaves no records: %w", err))
		return nil
	}
	r := &recorder{c: c, failed: func() bool { return c.t != nil && c.t.Failed() }}
	r.w = w.Begin(journal.Cluster{
		Cluster: c.label(), Test: c.set.Name, Protocol: c.set.Protocol.Name,
		World: c.about.World, Detail: c.about.Detail, Cuts: c.about.Cuts, Clock: c.clock(), Started: time.Now().Add(-c.realNow()),
		Nodes: c.set.Nodes, Seed: c.set.Seed, Config: c.set.Config, Links: linksText(c.set.Links), Repeat: repeat, Simulate: simulate})
	r.pulse.begin()
	return r
}

// label is what the journal calls the cluster: what of the test's name is not
// that of the journal's folder, or else the protocol.
func (c *Cluster) label() string {
	_, sub, _ := strings.Cut(c.set.Name, "/")
	if p := c.play; p != nil && p.series != nil {
		sub = strings.TrimPrefix(strings.TrimPrefix(c.set.Name, p.test), "/")
	}
	if sub == "" {
		return c.set.Protocol.Name
	}
	return sub
}

func (c *Cluster) clock() journal.Clock {
	if c.about.Virtual {
		return journal.Virtual
	}
	return journal.Wall
}

// realNow is how long ago the cluster's time was 0, on this machine's clock.
func (c *Cluster) realNow() time.Duration {
	if c.about.Virtual {
		return 0
	}
	return c.Now()
}

// linksText says what links are like; "" where they are perfect.
func linksText(from linkmodel.Source) string {
	switch l := from.(type) {
	case linkmodel.Model:
		if l.Perfect() {
			return ""
		}
		return fmt.Sprintf("%+v", l.Default)
	case *links.Table:
		return l.String()
	}
	return ""
}

func (r *recorder) write(l journal.Line) {
	if r != nil {
		r.w.Write(l)
	}
}

// nodes tells of nodes that are new.
func (r *recorder) nodes(first int, specs []Spec) {
	if r == nil {
		return
	}
	n := journal.Nodes{First: first}
	for _, s := range specs {
		n.Names, n.Addrs, n.Roles = append(n.Names, s.Name), append(n.Addrs, s.Addr), append(n.Roles, s.Role)
	}
	r.w.Tell(n)
}

// member tells that nodes joined or went.
func (r *recorder) member(at time.Duration, up bool, nodes []int) {
	if r == nil || len(nodes) == 0 {
		return
	}
	r.pulse.moved(up, len(nodes))
	r.write(journal.Line{Member: &journal.Member{Cluster: r.w.Name, At: at, Up: up, Nodes: nodes}})
}

// fault tells how the n-th fault, from 0, is now.
func (r *recorder) fault(n int, f Fault) {
	if r == nil {
		return
	}
	x := journal.Fault{Cluster: r.w.Name, N: n + 1, Name: f.Name, Kind: f.kind, Text: f.Text, Handle: f.Handle,
		Since: f.Since, Until: f.Until, Nodes: f.Nodes}
	for _, p := range f.Proofs {
		x.Proofs = append(x.Proofs, fmt.Sprintf("at %v asked %s, got %s", round(p.At), p.Asked, p.Got))
	}
	r.write(journal.Line{Fault: &x})
}

// event tells what a plan did; the run that it is of began at began.
func (r *recorder) event(began time.Duration, e plan.Event) {
	if r == nil {
		return
	}
	e.At += began
	r.write(journal.Line{Event: &journal.Event{Cluster: r.w.Name, Event: e}})
}

// operation tells what came of a wish, of a run that began at began.
func (r *recorder) operation(phase int, began time.Duration, o *Operation) {
	if r == nil {
		return
	}
	r.write(journal.Line{Operation: &journal.Operation{Cluster: r.w.Name, Phase: phase, N: o.N, Op: o.Op, Name: o.Name,
		Asker: o.Asker, At: began + o.Start, Took: o.Took, Hops: o.Hops, Path: o.Path, Found: o.Found, ID: o.ID,
		Result: p2p.Label(o.Err), Error: o.Error}})
}

// wish tells what came of a wish of node i outside of runs, made at a time.
func (r *recorder) wish(i int, at time.Duration, op p2p.Op, out Outcome) {
	o := &Operation{Asker: i}
	switch op := op.(type) {
	case p2p.Publish:
		o.Op, o.Name = plan.Publish, op.Name
	case p2p.Find:
		o.Op, o.Name = plan.Find, op.Name
	case p2p.Fetch:
		o.Op, o.Name = plan.Fetch, op.Name
	case p2p.Remove:
		o.Op, o.Name = "remove", op.Name
	case p2p.Leave:
		o.Op = plan.Leave
	}
	o.end(out)
	r.operation(0, at, o)
}

// begin tells that a run begins.
func (r *recorder) begin(u *run, plans []plan.Plan) {
	if r == nil {
		return
	}
	p := journal.Phase{Cluster: r.w.Name, Phase: u.number, At: r.c.Now(), Length: u.length, Title: r.c.caption}
	for _, x := range plans {
		p.Plans = append(p.Plans, plan.Text(x))
	}
	r.pulse.enter(strings.TrimSpace(fmt.Sprintf("%d %s", p.Phase, p.Title)))
	r.write(journal.Line{Phase: &p})
	r.sample(true)
}

// end tells what a run came to.
func (r *recorder) end(res *Results) {
	if r == nil {
		return
	}
	r.pulse.enter("")
	r.sample(true)
	r.picture(r.c.caption)
	r.sums(res)
}

// sums writes the lines that close a phase.
func (r *recorder) sums(res *Results) {
	if m := res.Machine; m != nil {
		x := journal.Machine{Cluster: r.w.Name, Phase: res.Number, Nodes: m.Nodes, Processors: m.Processors, Busy: m.Busy, Full: m.Full,
			Ours: m.Ours, Lag: m.Lag, LagWorst: m.LagWorst, LagOf: m.LagOf, Throttled: m.Throttled, Asked: m.Asked, Got: m.Got, Late: res.Late}
		if err := m.Verdict(); err != nil {
			x.Verdict = err.Error()
		}
		r.write(journal.Line{Machine: &x})
	}
	t := res.Turnover
	r.write(journal.Line{Summary: &journal.Summary{Cluster: r.w.Name, Phase: res.Number, N: res.N, OK: res.OK, Found: res.Found,
		Hops: res.Hops, P50: res.P50, P95: res.P95, Messages: res.Messages, Bytes: res.Bytes,
		ChurnAsked: t.Asked, ChurnGot: t.Got, Joins: t.Joins, Leaves: t.Leaves, Hours: t.Hours,
		Traffic: res.Traffic.Kinds, SeenIn: res.Traffic.SeenIn, SeenOut: res.Traffic.SeenOut}})
}

// maxPictures is how many pictures of one cluster's overlay are kept, each of
// all its nodes.
const maxPictures = 50

// picture writes the states of all live nodes down, of a cluster that people can
// look at.
func (r *recorder) picture(title string) {
	if r == nil || r.c.Size() > vocabulary.NodesInFull || r.shown == maxPictures {
		return
	}
	r.shown++
	at := r.c.Now()
	for _, s := range r.c.inspected(r.c.census()) {
		o := journal.Overlay{Cluster: r.w.Name, At: at, Title: title, Node: s.node, State: s.State}
		if f := r.c.set.Protocol.Angle; f != nil {
			angle := f(s.State)
			o.Angle = &angle
		}
		r.write(journal.Line{Overlay: &o})
	}
}

// close ends the cluster's part of the journal.
func (r *recorder) close() {
	if r == nil {
		return
	}
	r.pulse.end()
	r.sample(true)
	r.w.End(journal.End{At: r.c.Now(), Failed: r.failed()})
}
