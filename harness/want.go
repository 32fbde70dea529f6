package harness

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/harness/record/journal"
	"peerbed/protocols/p2p"
)

// A Bound is what a measured value should keep to.
type Bound struct {
	low, high float64
	text      string
	timed     bool // of a time, in seconds
}

// AtLeast wants v or more.
func AtLeast(v float64) Bound {
	return Bound{low: v, high: math.Inf(1), text: fmt.Sprintf("at least %.4g", v)}
}

// AtMost wants v or less.
func AtMost(v float64) Bound {
	return Bound{low: math.Inf(-1), high: v, text: fmt.Sprintf("at most %.4g", v)}
}

// Exactly wants v.
func Exactly(v float64) Bound { return Bound{low: v, high: v, text: fmt.Sprintf("exactly %.10g", v)} }

// Within wants from low to high.
func Within(low, high float64) Bound {
	return Bound{low: low, high: high, text: fmt.Sprintf("%.4g to %.4g", low, high)}
}

// Near wants v, give or take.
func Near(v, give float64) Bound {
	return Bound{low: v - give, high: v + give, text: fmt.Sprintf("%.4g ± %.2g", v, give)}
}

// NoLongerThan wants a time, given in seconds, of d or less. A machine that was
// too slow to time anything on makes it neither hold nor fail: see Want.
func NoLongerThan(d time.Duration) Bound {
	return Bound{low: 0, high: d.Seconds(), text: fmt.Sprintf("no longer than %v", d), timed: true}
}

// Holds reports whether got keeps to the bound; what is not a number does not.
func (b Bound) Holds(got float64) bool { return b.low <= got && got <= b.high }

// String says the bound in words.
func (b Bound) String() string { return b.text }

// bound is a Bound as it is written to a file: JSON has no infinity.
type bound struct {
	Low, High *float64 `json:",omitempty"` // nil: there is no end
	Text      string
}

// MarshalJSON implements [json.Marshaler].
func (b Bound) MarshalJSON() ([]byte, error) {
	x := bound{Text: b.text}
	if !math.IsInf(b.low, 0) {
		x.Low = &b.low
	}
	if !math.IsInf(b.high, 0) {
		x.High = &b.high
	}
	return json.Marshal(x)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (b *Bound) UnmarshalJSON(text []byte) error {
	var x bound
	err := json.Unmarshal(text, &x)
	*b = Bound{low: math.Inf(-1), high: math.Inf(1), text: x.Text}
	if x.Low != nil {
		b.low = *x.Low
	}
	if x.High != nil {
		b.high = *x.High
	}
	return err
}

// Want compares a value of these results with what it should be. If it is not,
// the test fails with all that is needed to find out why: the worst operations
// and where they stopped, the faults, where the records lie, and how to play
// the run again. It returns whether the bound held.
//
// In a test that is played with several seeds (Repeat) the bound is not for this
// value but for the mean of all.
//
// A time (NoLongerThan) is not compared if the machine was too slow to time
// anything on: the test fails with that, as Infrastructure, whatever the time
// was. What was counted, and what succeeded, is compared on any machine.
func (r *Results) Want(t testing.TB, what string, got float64, want Bound) bool {
	t.Helper()
	if err := r.Machine.Verdict(); want.timed && err != nil {
		t.Errorf("%s: not compared: %v", what, err)
		return false
	}
	holds := want.Holds(got)
	if c := r.cluster; c != nil {
		c.rec.write(journal.Line{Verdict: &journal.Verdict{Test: t.Name(), What: what, Want: want.text, Got: got, OK: holds}})
	}
	explained := ""
	if !holds {
		explained = r.explain(t, what, got, want)
	}
	if p := playOf(t); p != nil && p.series != nil { // the mean of all seeds is what is wanted
		p.see(t.Name(), sighting{What: what, Got: got, Want: want, Failure: explained})
	} else if !holds {
		t.Error(explained)
	}
	return holds
}

// explain writes all that is known of a value that is not as it should be.
func (r *Results) explain(t testing.TB, what string, got float64, want Bound) string {
	f := failure{what: what, got: got, want: want, r: r, records: r.Journal()}
	if r.cluster != nil {
		f.repeat, f.simulate = r.cluster.commands(t.Name())
	}
	return f.text()
}

// A failure is an expectation that did not hold.
type failure struct {
	what             string
	got              float64
	want             Bound
	r                *Results
	records          string
	repeat, simulate string
}

// worst is how many operations a failure shows.
const worst = 5

func (f *failure) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: got %.4g, wanted %v (%d lookups in this run, %d of them answered)\n", f.what, f.got, f.want, f.r.N, f.r.OK)
	if ops := f.r.worst(); len(ops) > 0 {
		f.r.follow(ops)
		b.WriteString("the worst operations:\n")
		for _, o := range ops {
			f.r.describe(&b, o)
		}
	}
	if len(f.r.Faults) > 0 {
		b.WriteString("faults:\n")
	}
	for _, x := range f.r.Faults {
		fmt.Fprintf(&b, "  %v to %s: %s\n", round(x.Since), x.until(), x.Text)
	}
	for _, line := range [][2]string{{"churn", f.r.turnoverLine()}, {"page", f.r.page()}, {"records", f.records}, {"again", f.repeat}, {"simulated", f.simulate}} {
		if line[1] != "" {
			fmt.Fprintf(&b, "%-10s %s\n", line[0]+":", line[1])
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// worst returns the first operations that failed or, if none did, those that
// took longest.
func (r *Results) worst() []Operation {
	var failed []Operation
	for _, o := range r.Operations {
		if o.Err != nil {
			failed = append(failed, o)
		}
	}
	if len(failed) == 0 {
		failed = slices.Clone(r.Operations)
		slices.SortStableFunc(failed, func(a, b Operation) int { return cmp.Compare(b.Took, a.Took) })
	}
	return failed[:min(worst, len(failed))]
}

// follow completes the ways of operations that only the nodes on them know, as
// far as these still do.
func (r *Results) follow(ops []Operation) {
	c := r.cluster
	if c == nil || c.err != nil || c.set.Protocol.Trail == nil {
		return
	}
	var states []p2p.State
	for _, i := range c.Live() {
		if s, err := c.backend.Inspect(c.ctx, c.Addr(i)); err == nil {
			states = append(states, s)
		}
	}
	for i, o := range ops {
		ops[i].Path = c.set.Protocol.Trail(p2p.Result{Err: o.Err, Found: o.Found, Hops: o.Hops, Path: o.Path, ID: o.ID}, states)
	}
}

// describe writes one operation: what was asked, what came of it, the way it
// took and where that ended.
func (r *Results) describe(b *strings.Builder, o Operation) {
	outcome := fmt.Sprintf("done, hops %d", o.Hops)
	if o.Error != "" {
		outcome = o.Error
	}
	fmt.Fprintf(b, "  #%d %s %s by %s at %v: %s, %v\n", o.N, o.Op, o.Name, r.asker(o), round(o.Start), outcome, round(o.Took))
	if len(o.Path) > 0 {
		fmt.Fprintf(b, "     way: %s", r.way(o))
		if o.Error != "" {
			b.WriteString(", and no further")
		}
		b.WriteByte('\n')
	}
	if len(o.During) > 0 {
		fmt.Fprintf(b, "     during: %s\n", strings.Join(o.During, "; "))
	}
}

func (r *Results) way(o Operation) string {
	stages := make([]string, len(o.Path))
	for i, h := range o.Path {
		stages[i] = h.Addr.String()
		if r.cluster != nil {
			if n := r.cluster.Index(h.Addr); n >= 0 {
				stages[i] = r.cluster.Name(n)
			}
		}
		if h.By != "" {
			stages[i] += " (" + h.By + ")"
		}
	}
	return strings.Join(stages, " > ")
}

func (r *Results) asker(o Operation) string {
	if r.cluster == nil || o.Asker < 0 {
		return "nobody"
	}
	return r.cluster.Name(o.Asker)
}

func (r *Results) page() string {
	if r.cluster == nil || r.cluster.page == "" {
		return ""
	}
	return filepath.ToSlash(r.cluster.page)
}

func (f *Fault) until() string {
	if f.Until == 0 {
		return "the end"
	}
	return round(f.Until).String()
}

// round drops digits that nobody reads.
func round(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}
