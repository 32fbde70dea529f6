package classroom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// A sample is a program of which it is known what it deserves.
type sample struct {
	name, dir string
	edits     []Edit
	mutant    *Mutant // nil: it is right
	grade     *Grade
	err       error
}

// Check grades the reference, the variants and the mutants of an assignment, with
// the seeds that a secret hides, tells what came of each, and returns what shows
// that the tests do not tell right from wrong.
func (m *Manifest) Check(ctx context.Context, bed string, c Course, secret string, out io.Writer) error {
	samples, err := m.samples()
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	var told sync.Mutex
	for _, s := range samples {
		wg.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			m.try(ctx, bed, c, secret, s)
			told.Lock()
			defer told.Unlock()
			fmt.Fprintln(out, s)
		})
	}
	wg.Wait()
	return m.judge(samples)
}

// samples lists the reference, the variants in their folder, and the mutants.
func (m *Manifest) samples() ([]*sample, error) {
	reference := filepath.Join(m.dir, "reference")
	all := []*sample{{name: "reference", dir: reference}}
	variants, err := filepath.Glob(filepath.Join(m.dir, "variants", "*"))
	if err != nil {
		return nil, err
	}
	for _, v := range variants {
		all = append(all, &sample{name: "variant " + filepath.Base(v), dir: v})
	}
	for _, v := range m.Variants {
		all = append(all, &sample{name: "variant " + v.Name, dir: reference, edits: v.Edits})
	}
	for i := range m.Mutants {
		u := &m.Mutants[i]
		all = append(all, &sample{name: "mutant " + u.Name, dir: reference, edits: u.Edits, mutant: u})
	}
	return all, nil
}

func (m *Manifest) try(ctx context.Context, bed string, c Course, secret string, s *sample) {
	o := Options{Course: c, Secret: secret, Time: 6 * DefaultTime, Flags: c.Flags, Edits: s.edits, Brief: true}
	s.grade, s.err = m.GradeFolder(ctx, bed, s.dir, o)
}

// String is the line of a table.
func (s *sample) String() string {
	if s.err != nil {
		return fmt.Sprintf("%-28s %v", s.name, s.err)
	}
	var lost []string
	for _, r := range s.grade.Results {
		if r.Verdict != Pass {
			lost = append(lost, r.Test.ID+" "+r.Verdict)
		}
	}
	return fmt.Sprintf("%-28s %5.4g of %.4g points  %s", s.name, s.grade.Points, s.grade.Most, strings.Join(lost, ", "))
}

// judge returns all that is not as it ought to be.
func (m *Manifest) judge(samples []*sample) error {
	var errs []error
	kills := map[string]bool{}
	for _, s := range samples {
		if s.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.name, s.err))
			continue
		}
		errs = append(errs, s.judge())
		for _, r := range s.grade.Results {
			kills[r.Test.ID] = kills[r.Test.ID] || s.mutant != nil && r.Verdict == Fail
		}
	}
	for _, t := range m.Tests() {
		if t.Points > 0 && !kills[t.ID] {
			errs = append(errs, fmt.Errorf("test %s fails no mutant: nobody knows whether it can fail", t.ID))
		}
	}
	return errors.Join(errs...)
}

func (s *sample) judge() error {
	g := s.grade
	for _, r := range g.Results {
		basic := s.mutant == nil || s.mutant.Passes && r.Test.ID != s.mutant.Fails
		switch {
		case r.Verdict == Unknown || r.Verdict == Infrastructure:
			return fmt.Errorf("%s: %s: %s: %s", s.name, r.Test.ID, r.Verdict, r.Why)
		case basic && r.Verdict != Pass:
			return fmt.Errorf("%s: %s: %s, though that is right: %s", s.name, r.Test.ID, r.Verdict, r.Why)
		case s.mutant != nil && r.Test.ID == s.mutant.Fails && r.Verdict == Pass:
			return fmt.Errorf("%s passes %s, which it must not", s.name, r.Test.ID)
		}
	}
	if s.mutant != nil && g.Points >= g.Most {
		return fmt.Errorf("%s has all points, though %s", s.name, s.mutant.Mistake)
	}
	return nil
}
