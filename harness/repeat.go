package harness

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// A T is a test as it sees itself when it is played with one seed of several:
// all that a testing.T is, with that seed for the clusters it starts.
type T struct {
	*testing.T
	play *play
}

// Repeat plays a test with several seeds, as many as -seeds asks for or else the
// given number, from -seed on. Where there is only one, f is the whole test, as
// it would be without Repeat.
//
// With more, each is a subtest (seed-1, seed-2 ...) with a folder of its own,
// seed-S of the run's. What f wants, of Results or by T.Want, is then wanted of the
// mean of all seeds: its 95 % confidence interval, by Student's law, must lie
// within the bound. The verdicts are printed as a table and saved as
// verdicts.json. All else that a test may find wrong (Error, Fatal) counts in
// each seed.
//
// Seeds are played on all processors. A real world is for one of them at a time:
// who wants it waits.
//
// A series that was cut short goes on where it stopped: seeds that were played to
// their end are not played again, unless the code, flags or PEERBED_ variables
// are others. One that came to its verdicts begins anew.
//
// Repeat returns the verdicts, in the order in which the first seed asked for
// them; none of a series that did not come to its end.
func Repeat(t *testing.T, seeds int, f func(t *T)) []Verdict {
	t.Helper()
	first, n, err := seriesAsked(seeds)
	if err != nil {
		t.Fatalf("peerbed: %v", err)
	}
	s := &series{t: t, f: f, first: first, began: time.Now(), turn: make(chan struct{}, 1), played: make([]*findings, n)}
	if n == 1 {
		p := &play{seed: first, test: t.Name()}
		f(&T{t, p})
		s.played[0] = &findings{Seed: first, Seen: p.seen}
		return s.judge()
	}
	if err := s.open(); err != nil {
		t.Fatalf("peerbed: %v", err)
	}
	s.run()
	return s.close()
}

// Seed is what this play draws from.
func (t *T) Seed() uint64 { return t.play.seed }

// Run is testing.T's, for a test that is repeated.
func (t *T) Run(name string, f func(t *T)) bool {
	return t.T.Run(name, func(sub *testing.T) { f(&T{sub, t.play}) })
}

// Want says what a value that f worked out should be: of this seed if it is the
// only one, else of the mean of all. It is compared when all have been played.
func (t *T) Want(what string, got float64, want Bound) {
	t.play.see(t.Name(), sighting{What: what, Got: got, Want: want})
}

// Share says with what chance each of some independent trials should be a hit.
// The chance must lie in the 99 % interval (Clopper and Pearson's) of the share of
// hits, of all seeds together.
func (t *T) Share(what string, hits, trials int, want float64) {
	b := Exactly(want)
	b.text = fmt.Sprintf("chance %.4g", want)
	t.play.see(t.Name(), sighting{What: what, Got: float64(hits), Want: b, Of: trials})
}

// A play is one seed of a test.
type play struct {
	seed   uint64
	test   string  // its name
	series *series // nil: there is no other seed
	real   bool    // it has the turn in real worlds

	mu   sync.Mutex // for seen
	seen []sighting
}

// playOf returns the play that a test is of; nil: it is not repeated.
func playOf(t testing.TB) *play {
	if x, ok := t.(*T); ok {
		return x.play
	}
	return nil
}

// see takes a value down, under the name of the subtest that saw it.
func (p *play) see(test string, s sighting) {
	if _, sub, ok := strings.Cut(strings.TrimPrefix(test, p.test), "/"); ok {
		s.What = sub + ": " + s.What
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, s)
}

// wait waits until no other seed has a real world.
func (p *play) wait(ctx context.Context) error {
	if p == nil || p.series == nil || p.real {
		return nil
	}
	select {
	case p.series.turn <- struct{}{}:
		p.real = true
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// A series is a test with all its seeds.
type series struct {
	t     *testing.T
	f     func(t *T)
	first uint64
	began time.Time
	turn  chan struct{} // full: a seed has a real world
	dir   string        // of the whole test
	code  string        // see fingerprint

	mu     sync.Mutex  // for what follows
	played []*findings // by seed; nil: not to its end (yet)
	fresh  int         // how many were played now
	told   time.Time   // when progress was told
}

// run plays what is left to play.
func (s *series) run() {
	left := make(chan int, len(s.played))
	for k, r := range s.played {
		if r == nil {
			left <- k
		}
	}
	close(left)
	if old := len(s.played) - len(left); old > 0 {
		s.say("%d of %d seeds were played before", old, len(s.played))
	}
	s.told = time.Now()
	var players sync.WaitGroup
	for range min(len(left), runtime.GOMAXPROCS(0)) {
		players.Go(func() {
			for k := range left {
				s.one(k)
			}
		})
	}
	players.Wait()
}

// one plays one seed.
func (s *series) one(k int) {
	seed := s.first + uint64(k)
	p := &play{seed: seed, series: s, test: s.t.Name() + "/" + folder(seed)}
	began := false // the flag -run may leave it out
	ended := s.t.Run(folder(seed), func(t *testing.T) {
		began = true
		s.f(&T{t, p})
	})
	if p.real {
		<-s.turn
	}
	if began && ended {
		s.keep(k, &findings{Code: s.code, Seed: seed, Seen: p.seen})
	}
}

// progressEvery is how often a long series says how far it is.
const progressEvery = 2 * time.Second

// progress tells how long what is left will take, by what was played now.
func (s *series) progress() {
	if time.Since(s.told) < progressEvery {
		return
	}
	s.told = time.Now()
	left := 0
	for _, r := range s.played {
		if r == nil {
			left++
		}
	}
	each := time.Since(s.began) / time.Duration(s.fresh)
	s.say("%d of %d seeds, about %v to go", len(s.played)-left, len(s.played), (each * time.Duration(left)).Round(time.Second))
}

func (s *series) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "peerbed: %s: %s\n", s.t.Name(), fmt.Sprintf(format, args...))
}

// folder is the name of a seed's subtest, and so of its folder.
func folder(seed uint64) string { return fmt.Sprintf("seed-%d", seed) }
