package classroom

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"peerbed/harness/classroom/confine"
	"peerbed/harness/hunt"
)

// The verdicts on a test.
const (
	Pass           = "pass"
	Fail           = "fail"
	Blocked        = "blocked"        // a test that it needs did not pass: not played
	Unknown        = "unknown"        // not played: the time was over, or somebody broke it off
	Infrastructure = "infrastructure" // the machine or the grader failed, twice
)

// A Grade is all that is said of a submission.
type Grade struct {
	Title, Course, Submission string
	Program                   string // how the command that plays failures again is called

	Points, Most float64 // without the rubric
	Results      []Result
	Capped       []string // the gates that did
	Notes        []string // what an instructor ought to know
	Rubric       []Item
	Failures     []*Failure // the first of each test that may show one
	Took         time.Duration
}

// A Result is the verdict on one test.
type Result struct {
	Test    Test
	Part    string
	Verdict string
	Points  float64
	Seeds   int    // played
	Passed  int    // of them
	Why     string // in one sentence, or more for its author
	Failure int    // its number in Failures, from 1; 0: none
}

// A grading is a submission being graded.
type grading struct {
	m       *Manifest
	oracle  *oracle
	course  Course
	program *Program
	secret  string
	brief   bool
	ends    time.Time
	began   time.Time
	ctx     context.Context
}

// Options are how to grade.
type Options struct {
	Course Course
	// Secret hides the seeds that are not public.
	Secret string
	Time   time.Duration // for all of it; what is not played by then is Unknown
	Public bool          // the public seeds only
	// Program is how the command that plays failures again is called.
	Program string
	// Flags are for the program: the reference takes the course's ways by them.
	Flags []string
	Edits []Edit
	Brief bool // failures are not told
}

// DefaultTime is enough for a submission in Python on half a core.
const DefaultTime = 10 * time.Minute

// GradeFolder builds the submission in a folder and grades it. bed has the source
// of what programs in Go stand on.
func (m *Manifest) GradeFolder(ctx context.Context, bed, dir string, o Options) (*Grade, error) {
	w, err := NewWorkshop(bed, m.Limits)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	p, err := w.Build(ctx, dir, o.Edits, o.Flags)
	var g *Grade
	if err != nil {
		g = m.Refused(err, o)
	} else {
		g = m.Grade(ctx, p, o)
	}
	g.Submission, g.Program = filepath.ToSlash(filepath.Clean(dir)), o.Program
	return g, nil
}

// Grade plays all tests of the assignment with the program.
func (m *Manifest) Grade(ctx context.Context, p *Program, o Options) *Grade {
	g := &grading{m: m, oracle: oracles[m.Oracle], course: o.Course, program: p, secret: o.Secret, brief: o.Brief,
		began: time.Now(), ends: time.Now().Add(o.Time), ctx: ctx}
	grade := m.blank(o)
	verdicts := map[string]string{}
	for i := range grade.Results {
		r := &grade.Results[i]
		g.test(r, verdicts, grade, o.Public)
		verdicts[r.Test.ID] = r.Verdict
		grade.Points += r.Points
	}
	grade.gates(m, verdicts)
	for _, l := range confine.Lacks() {
		grade.Notes = append(grade.Notes, "Not enforced here: "+l+".")
	}
	grade.Took = time.Since(g.began)
	return grade
}

// blank is a grade before anything is played.
func (m *Manifest) blank(o Options) *Grade {
	grade := &Grade{Title: m.Title, Course: o.Course.Key, Rubric: m.Rubric}
	for _, p := range m.Parts {
		for _, t := range p.Tests {
			grade.Results = append(grade.Results, Result{Test: t, Part: p.Title, Verdict: Unknown})
			grade.Most += float64(t.Points)
		}
	}
	return grade
}

// Refused is the grade of a submission that does not become a program.
func (m *Manifest) Refused(why error, o Options) *Grade {
	grade := m.blank(o)
	for i := range grade.Results {
		grade.Results[i].Verdict, grade.Results[i].Why = Fail, why.Error()
		if !errors.As(why, new(buildFailure)) {
			grade.Results[i].Verdict = Infrastructure
		}
	}
	return grade
}

func (grade *Grade) gates(m *Manifest, verdicts map[string]string) {
	for _, g := range m.Gates {
		most := g.Cap * grade.Most
		if v := verdicts[g.Test]; (v == Fail || v == Blocked) && grade.Points > most {
			grade.Points = most
			grade.Capped = append(grade.Capped, fmt.Sprintf("%s: at most %g points", g.Why, most))
		}
	}
}

// test plays one test with all its seeds.
func (g *grading) test(r *Result, verdicts map[string]string, grade *Grade, public bool) {
	t := &r.Test
	for _, n := range t.Needs {
		if v := verdicts[n]; v != Pass {
			r.Verdict, r.Why = Blocked, fmt.Sprintf("it needs %q, whose verdict is %s", n, v)
			return
		}
	}
	all := seeds(g.m.Seeds.Public, "public", g.m.Title, t.ID)
	if !public {
		all = append(all, seeds(g.m.Seeds.Hidden, "hidden", g.secret, g.course.Key, g.m.Title, t.ID)...)
	}
	var first *run
	for k, seed := range all {
		if time.Now().After(g.ends) || g.ctx.Err() != nil {
			r.Verdict, r.Why = Unknown, fmt.Sprintf("%d of %d seeds were played when the time was over", k, len(all))
			return
		}
		split := k >= g.m.Seeds.Public && k < g.m.Seeds.Public+g.m.Seeds.Split
		run, err := g.seed(t, seed, split)
		if err != nil {
			r.Verdict, r.Why = Infrastructure, err.Error()
			return
		}
		r.Seeds++
		if run.broken == nil {
			r.Passed++
		} else if first == nil || run.broken.Invariant == outOfBand {
			first = run
		}
		if run.broken != nil && (run.broken.Invariant == outOfBand || run.broken.Invariant == "program") {
			break // more seeds would say the same
		}
	}
	g.verdict(r, first, len(all), grade)
}

// verdict gives the points and explains the first failure.
func (g *grading) verdict(r *Result, first *run, all int, grade *Grade) {
	t := &r.Test
	if first == nil {
		r.Verdict, r.Points = Pass, float64(t.Points)
		return
	}
	r.Verdict = Fail
	if n := first.broken.Invariant; n != outOfBand && n != "program" {
		r.Points = float64(t.Points) * g.m.credit(float64(r.Passed)/float64(all))
	}
	r.Why = first.broken.Invariant + ": " + first.broken.Why
	if g.brief {
		return
	}
	if t.Visibility != "visible" {
		r.Why = "in a scenario that is not shown, " + first.broken.Invariant + " does not hold"
		return
	}
	grade.Failures = append(grade.Failures, g.explain(t, first, len(grade.Failures) < shrinkMost))
	r.Failure = len(grade.Failures)
}

const outOfBand = "same trace"

// seed plays one seed, and once more if the harness failed; with a process for
// each node too, if asked.
func (g *grading) seed(t *Test, seed uint64, split bool) (*run, error) {
	c := t.draw(g.oracle, seed)
	r := g.play(t, clone(c), false, nil)
	if r.err != nil {
		r = g.play(t, clone(c), false, nil)
	}
	if r.err != nil || !split || r.broken != nil && r.broken.Invariant == "program" {
		return r, r.err
	}
	return g.twice(t, c, r)
}

// twice plays a case that came out as r once more with a process for each node:
// nothing may change.
func (g *grading) twice(t *Test, c *hunt.Case, r *run) (*run, error) {
	alone := g.play(t, clone(c), true, nil)
	if alone.err != nil {
		return r, alone.err
	}
	if alone.stage.hash == r.stage.hash && (alone.broken == nil) == (r.broken == nil) {
		return r, nil
	}
	again := g.play(t, clone(c), false, nil)
	why := errors.New("with a process of its own for each node the nodes do something else: they share what no message has carried")
	if again.stage.hash != r.stage.hash {
		why = errors.New("the same seed played twice goes otherwise: the program draws from a clock, an unseeded random source or the order of a map")
	}
	r.breaks(outOfBand, why)
	return r, again.err
}

func clone(c *hunt.Case) *hunt.Case {
	d := *c
	d.Up, d.Events = slices.Clone(c.Up), slices.Clone(c.Events)
	return &d
}
