package classroom

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"peerbed/harness/hunt"
	"peerbed/harness/plan"
)

// A Failure is a violation as it can be kept and played again: all that it
// follows from, but for the submission.
type Failure struct {
	Assignment string
	Course     Course
	Test       string
	Case       *hunt.Case // with the violation, and the story of what happened around it
	// Trace is one number for every line that the program was told and answered.
	Trace string
	Drawn int // events before it was made smaller
}

// What one failure may cost to be made smaller.
const (
	shrinkTime = 15 * time.Second
	shrinkMost = 3 // failures of a grade that are
)

// explain makes a violation smaller, if small says so, and tells its story.
func (g *grading) explain(t *Test, r *run, small bool) *Failure {
	c := clone(r.c)
	c.Violation = *r.broken
	f := &Failure{Assignment: g.m.Name, Course: g.course, Test: t.ID, Drawn: len(c.Events)}
	if n := r.broken.Invariant; small && n != outOfBand && n != "program" {
		c = g.shrink(t, c)
	}
	g.tell(t, c, f)
	return f
}

func (g *grading) shrink(t *Test, c *hunt.Case) *hunt.Case {
	ends := time.Now().Add(shrinkTime)
	play := func(c *hunt.Case) hunt.Played {
		r := g.play(t, c, false, nil)
		return hunt.Played{Violation: r.broken, Done: r.played, Err: r.err}
	}
	return hunt.Shrink(c, 1, play, func() bool { return time.Now().After(ends) || g.ctx.Err() != nil })
}

// tell plays a case to know since when the violation lasts, and once more to tell
// what happened around that.
func (g *grading) tell(t *Test, c *hunt.Case, f *Failure) {
	kept := c.Violation
	r := g.play(t, clone(c), false, func(r *run) { r.tracked = true })
	at := kept.At
	if r.broken != nil {
		at = r.broken.At
	}
	told := g.play(t, clone(c), false, func(r *run) { r.tracked, r.story = true, &story{r: r, at: at} })
	if told.broken != nil {
		kept = *told.broken
	}
	c.Violation, c.Story = kept, told.story.lines(kept)
	f.Case, f.Trace = c, fmt.Sprintf("%016x", told.stage.hash)
}

// Save writes the failure to a file that Replay reads, and people.
func (f *Failure) Save(file string) error {
	b, err := f.text()
	if err != nil {
		return err
	}
	return write(file, string(b))
}

func (f *Failure) text() ([]byte, error) {
	b, err := json.MarshalIndent(f, "", "\t")
	return append(b, '\n'), err
}

// ReadFailure reads what Save wrote.
func ReadFailure(file string) (*Failure, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("classroom: %w", err)
	}
	f := &Failure{}
	if err := json.Unmarshal(b, f); err != nil || f.Case == nil {
		return nil, fmt.Errorf("classroom: %s is no failure that a grade has saved (%v)", file, err)
	}
	if err := f.Case.Check(); err != nil {
		return nil, fmt.Errorf("classroom: %s: %w", file, err)
	}
	for _, e := range f.Case.Events {
		if len(e.Nodes) == 0 || e.Do != plan.Restart && e.Do != plan.Crash && e.Do != plan.Leave {
			return nil, fmt.Errorf("classroom: %s: no assignment has the event %q", file, e.Do)
		}
	}
	return f, nil
}

// Replay plays a failure again with a program. It returns the failure as it comes
// out now, whose Case has no Invariant if nothing is violated any more, and
// whether that is what was kept, byte for byte.
func (m *Manifest) Replay(ctx context.Context, p *Program, f *Failure) (now *Failure, same bool, err error) {
	t := m.test(f.Test)
	if t == nil {
		return nil, false, fmt.Errorf("classroom: %s has no test %q", m.Title, f.Test)
	}
	if n := f.Case.Nodes; n > oracles[m.Oracle].most {
		return nil, false, fmt.Errorf("classroom: %d nodes are more than a scenario may have", n)
	}
	g := &grading{m: m, oracle: oracles[m.Oracle], course: f.Course, program: p, ctx: ctx}
	now = &Failure{Assignment: f.Assignment, Course: f.Course, Test: f.Test, Drawn: f.Drawn}
	c := clone(f.Case)
	c.Violation, c.Story = hunt.Violation{}, nil
	if f.Case.Invariant == outOfBand {
		r, err := g.twice(t, c, g.play(t, clone(c), false, nil))
		if err != nil || r.broken == nil {
			now.Case = c
			return now, false, err
		}
		c.Violation = *r.broken
	}
	g.tell(t, c, now)
	was, err1 := f.text()
	is, err2 := now.text()
	if err1 != nil || err2 != nil {
		return now, false, fmt.Errorf("classroom: %v %v", err1, err2)
	}
	return now, bytes.Equal(was, is), nil
}

// ReplayFile plays a failure that lies in the folder grade of its submission, tells
// what happens, and reports whether nothing is violated any more.
func (m *Manifest) ReplayFile(ctx context.Context, bed, file string, out io.Writer) (good bool, err error) {
	f, err := ReadFailure(file)
	if err != nil {
		return false, err
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return false, err
	}
	w, err := NewWorkshop(bed, m.Limits)
	if err != nil {
		return false, err
	}
	defer w.Close()
	p, err := w.Build(ctx, filepath.Dir(filepath.Dir(abs)), nil, nil)
	if err != nil {
		return false, err
	}
	now, same, err := m.Replay(ctx, p, f)
	if err != nil {
		return false, err
	}
	for _, line := range now.Case.Story {
		fmt.Fprintln(out, line)
	}
	switch {
	case same:
		fmt.Fprintln(out, "This is what was kept, byte for byte, trace", now.Trace)
	case now.Case.Invariant != "":
		fmt.Fprintf(out, "The program does something else than when this was kept, and %s does not hold.\n", now.Case.Invariant)
	default:
		fmt.Fprintln(out, "Nothing is violated any more.")
	}
	return now.Case.Invariant == "", nil
}

func (m *Manifest) test(id string) *Test {
	for _, t := range m.Tests() {
		if t.ID == id {
			return &t
		}
	}
	return nil
}

// FailureFile is where a grade of a submission keeps its n-th failure.
func FailureFile(submission string, n int) string {
	return filepath.Join(submission, "grade", fmt.Sprintf("failure-%d.json", n))
}
