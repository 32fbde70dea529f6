package hunt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/plan"
)

// Run plays the sweep and fails the test with the first violation, shrunk and
// saved. With -plan it plays that file instead, and tells what happens.
func Run(t *testing.T, s Sweep) {
	t.Helper()
	if asked.plan != "" {
		replay(t, &s, asked.plan)
		return
	}
	c := Find(t, s)
	if c == nil {
		return
	}
	dir, err := harness.OutDir(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, fmt.Sprintf("%s-%d.json", c.Invariant, c.Seed))
	if err := c.Save(file); err != nil {
		t.Fatal(err)
	}
	t.Errorf("%s\n\nplay it again: %s -v -args -plan %s", strings.Join(c.Story, "\n"), harness.TestCommand(t.Name()), file)
}

// Golden plays a violation that is kept in a file and fails unless it comes out
// as it was kept. With -update it is hunted for anew.
func Golden(t *testing.T, s Sweep, file string) {
	t.Helper()
	if updating() {
		c := Find(t, s)
		if c == nil {
			t.Fatalf("no seed violates an invariant; %s stays as it is", file)
		}
		if err := c.Save(file); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := s.load(file)
	if err != nil {
		t.Fatal(err)
	}
	c := kept.clone()
	r := s.play(c)
	if r.err != nil {
		t.Fatal(r.err)
	}
	if r.broken == nil || r.broken.Invariant != kept.Invariant {
		t.Fatalf("%s: %s is not violated any more; hunt for it anew with -update", file, kept.Invariant)
	}
	c.Violation = *r.broken
	s.story(c)
	if got, want := strings.Join(c.Story, "\n"), strings.Join(kept.Story, "\n"); got != want {
		t.Errorf("%s goes otherwise than it was kept; hunt for it anew with -update. It is now\n%s", file, got)
	}
	t.Logf("%s: %d events, %d nodes: %s", c.Invariant, len(c.Events), len(c.Up), c.Why)
}

// replay plays a saved case and tells what happens.
func replay(t *testing.T, s *Sweep, file string) {
	t.Helper()
	c, err := s.load(file)
	if err != nil {
		t.Fatal(err)
	}
	r := s.play(c)
	switch {
	case r.err != nil:
		t.Fatal(r.err)
	case r.broken == nil:
		t.Logf("%s: nothing is violated (it was: %s)", file, c.Invariant)
	default:
		c.Violation = *r.broken
		s.story(c)
		t.Error(strings.Join(c.Story, "\n"))
		if dir := os.Getenv("PEERBED_TRACE"); dir != "" {
			trace := filepath.Join(dir, strings.TrimSuffix(filepath.Base(file), ".json")+".jsonl")
			if err := s.traced(c, trace); err != nil {
				t.Fatal(err)
			}
			t.Logf("what led to it: go run ./harness/peerbed trace %s -to %v -last 40 -svg before.svg", trace, s.Lead+c.Violation.At)
		}
	}
}

// traced plays a case once more and writes every event into a file.
func (s *Sweep) traced(c *Case, file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	r := &run{s: s, c: c, trace: f}
	if r.play(); r.err == nil {
		r.err = r.w.Close()
	}
	return errors.Join(r.err, f.Close())
}

// A tally is what a sweep has done so far.
type tally struct {
	began          time.Time
	seeds          int
	next, done     atomic.Int64 // seeds
	events, judged atomic.Int64
	sync.Mutex
	played map[plan.Verb]int
	passed int   // events of plans that came to nothing
	first  *Case // that violates an invariant, of the lowest seed
	err    error // that ended the sweep
}

// Find plays the sweep and returns the case of the lowest seed that violates an
// invariant, shrunk and told; nil: none does.
func Find(t *testing.T, s Sweep) *Case {
	t.Helper()
	n, err := s.seeds()
	if err = errors.Join(s.check(), err); err != nil {
		t.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	y := &tally{began: time.Now(), seeds: n, played: map[plan.Verb]int{}}
	y.sweep(ctx, &s, t.Name())
	switch {
	case y.err != nil:
		t.Fatal(y.err)
	case ctx.Err() != nil:
		t.Fatalf("interrupted: %s", y)
	}
	t.Log(y)
	if y.first == nil || s.Raw {
		return y.first
	}
	t.Logf("seed %d, with %d events, violates %s: %s", y.first.Seed, len(y.first.Events), y.first.Invariant, y.first.Why)
	small := s.shrink(y.first, func() bool { return ctx.Err() != nil })
	s.story(small)
	return small
}

// garbage is how much of it may gather, in per cent of what is in use, which is next
// to nothing: worlds are small and soon over.
const garbage = 1000

// sweep plays the seeds on all cores. Once one has violated an invariant, no
// higher one is begun.
func (y *tally) sweep(ctx context.Context, s *Sweep, name string) {
	over := make(chan struct{})
	go y.report(over, name)
	defer close(over)
	defer debug.SetGCPercent(debug.SetGCPercent(garbage))
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), y.seeds) {
		workers.Go(func() {
			for ctx.Err() == nil && !y.found() {
				seed := y.next.Add(1)
				if seed > int64(y.seeds) {
					return
				}
				y.seed(s, uint64(seed))
			}
		})
	}
	workers.Wait()
}

func (y *tally) found() bool {
	y.Lock()
	defer y.Unlock()
	return y.first != nil || y.err != nil
}

// seed plays one.
func (y *tally) seed(s *Sweep, seed uint64) {
	c, err := s.outset(seed)
	if err != nil {
		y.fail(err)
		return
	}
	r := s.play(c)
	if r.err != nil {
		y.fail(fmt.Errorf("seed %d: %w", seed, r.err))
		return
	}
	y.events.Add(int64(r.w.Events()))
	y.judged.Add(r.judged)
	y.done.Add(1)
	y.Lock()
	defer y.Unlock()
	for i, e := range c.Events {
		if r.played[i] {
			y.played[e.Do]++
		} else if r.broken == nil {
			y.passed++
		}
	}
	if r.broken != nil && (y.first == nil || seed < y.first.Seed) {
		c.Violation = *r.broken
		c.keep(r.played)
		y.first = c
	}
}

func (y *tally) fail(err error) {
	y.Lock()
	defer y.Unlock()
	if y.err == nil {
		y.err = err
	}
}

// report tells from time to time how far the sweep has come.
func (y *tally) report(over chan struct{}, name string) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-tick.C:
			done := y.done.Load()
			spent := time.Since(y.began)
			left := time.Duration(float64(spent) / float64(max(done, 1)) * float64(int64(y.seeds)-done))
			fmt.Fprintf(os.Stderr, "%s: %s; about %v left\n", name, y, left.Round(time.Second))
		}
	}
}

// String says what was done.
func (y *tally) String() string {
	y.Lock()
	defer y.Unlock()
	var did []string
	for _, v := range append(mixed[:], plan.Resume, plan.Heal, plan.Publish, plan.Find, plan.Fetch) {
		if n := y.played[v]; n > 0 {
			did = append(did, fmt.Sprintf("%s %d", v, n))
		}
	}
	return fmt.Sprintf("%d of %d seeds in %v: %d events, the invariants asked %d times; %s (%d more came to nothing)",
		y.done.Load(), y.seeds, time.Since(y.began).Round(time.Second/10), y.events.Load(), y.judged.Load(), strings.Join(did, ", "), y.passed)
}
