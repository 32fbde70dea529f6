package harness

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"peerbed/harness/workload"
)

// seedsPlayed repeats a test that only notes its seeds, and returns them.
func seedsPlayed(t *testing.T, seeds int) []uint64 {
	t.Helper()
	var mu sync.Mutex
	var played []uint64
	Repeat(t, seeds, func(t *T) {
		mu.Lock()
		defer mu.Unlock()
		played = append(played, t.Seed())
		t.Want("twice the seed", 2*float64(t.Seed()), AtLeast(-100))
	})
	slices.Sort(played)
	return played
}

// "-seeds K on every experiment: K runs, one folder per seed".
func TestRepeatPlaysEachSeedOnce(t *testing.T) {
	t.Setenv("PEERBED_OUT", t.TempDir())
	t.Setenv("PEERBED_SEED", "5")
	if got, want := seedsPlayed(t, 3), []uint64{5, 6, 7}; !slices.Equal(got, want) {
		t.Errorf("played seeds %v, want %v", got, want)
	}
	t.Setenv("PEERBED_SEEDS", "2")
	if got, want := seedsPlayed(t, 3), []uint64{5, 6}; !slices.Equal(got, want) {
		t.Errorf("PEERBED_SEEDS=2: played seeds %v, want %v", got, want)
	}
	dir, err := OutDir(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"seed-5/seed.json", "seed-6/seed.json", verdictsFile} {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(file))); err != nil {
			t.Error(err)
		}
	}
	var verdicts []Verdict
	b, err := os.ReadFile(filepath.Join(dir, verdictsFile))
	if err == nil {
		err = json.Unmarshal(b, &verdicts)
	}
	if err != nil || len(verdicts) != 1 || !slices.Equal(verdicts[0].Values, []float64{10, 12}) || !verdicts[0].Held {
		t.Errorf("the verdicts are %+v, %v", verdicts, err)
	}
}

func TestBadSeeds(t *testing.T) {
	for text, want := range map[string]string{
		"some": `PEERBED_SEEDS="some": want a number of seeds, 1 or more`,
		"0":    "0 seeds: want 1 to 1000000", "-3": "-3 seeds: want 1 to 1000000",
	} {
		t.Setenv("PEERBED_SEEDS", text)
		if _, _, err := seriesAsked(1); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// "Resumable": seeds that were played to their end are not played again if the
// series has no verdict yet and the code is the same.
func TestRepeatGoesOn(t *testing.T) {
	code, err := fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, code, more string
		want             []uint64
	}{
		{"cut short", code, "", []uint64{3, 4}},
		{"of other code", "another", "", []uint64{1, 2, 3, 4}},
		{"at its end", code, verdictsFile, []uint64{1, 2, 3, 4}},
		{"damaged", "{", "", []uint64{1, 2, 3, 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("PEERBED_OUT", t.TempDir())
			for seed := range uint64(2) {
				dir, err := OutDir(t.Name() + "/" + folder(seed+1))
				if err != nil {
					t.Fatal(err)
				}
				old := findings{c.code, seed + 1, []sighting{{What: "twice the seed", Got: -50, Want: AtLeast(-100)}}}
				if err := writeWhole(filepath.Join(dir, findingsFile), old); err != nil {
					t.Fatal(err)
				}
				if c.more != "" {
					if err := writeWhole(filepath.Join(filepath.Dir(dir), c.more), nil); err != nil {
						t.Fatal(err)
					}
				}
			}
			if got := seedsPlayed(t, 4); !slices.Equal(got, c.want) {
				t.Errorf("played seeds %v, want %v", got, c.want)
			}
		})
	}
}

// A change of flags or variables is another series; of seeds and folders it is
// not.
func TestFingerprint(t *testing.T) {
	was, err := fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	for variable, same := range map[string]bool{"PEERBED_SEEDS": true, "PEERBED_OUT": true, "PEERBED_NODES": false, "OTHER": true} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, "7")
			if is, err := fingerprint(); err != nil || (is == was) != same {
				t.Errorf("the fingerprint is the same: %v, %v; want %v", is == was, err, same)
			}
		})
	}
}

// "Verdicts judged on the interval": a mean that keeps to the bound is not
// enough.
func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []float64
		want   Bound
		held   bool
	}{
		{"narrow", []float64{0.98, 1, 1.02}, Near(1, 0.1), true},
		{"too wide", []float64{0.9, 1, 1.1}, Near(1, 0.1), false},
		{"beside", []float64{1.2, 1.2, 1.2}, Near(1, 0.1), false},
		{"exact", []float64{7, 7, 7}, Exactly(7), true},
		{"not quite exact", []float64{7, 7, 7.1}, Exactly(7), false},
		{"one seed", []float64{1.05}, Near(1, 0.1), true},
		{"one bad seed", []float64{1.2}, Near(1, 0.1), false},
		{"one side", []float64{3, 5, 9}, AtLeast(-10), true},
	} {
		var played []*findings
		for k, x := range c.values {
			played = append(played, &findings{Seed: uint64(k + 1), Seen: []sighting{{What: "it", Got: x, Want: c.want}}})
		}
		v := gather(append(played, nil))
		if v[0].judge(); len(v) != 1 || v[0].Held != c.held {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
	for hits, held := range map[int]bool{40: true, 60: true, 20: false, 80: false} { // of 200, by both
		share := gather([]*findings{{Seen: []sighting{{Got: float64(hits), Of: 100, Want: Exactly(0.5)}}}, {Seen: []sighting{{Got: 50, Of: 100, Want: Exactly(0.5)}}}})
		if share[0].judge(); share[0].Held != held {
			t.Errorf("%d and 50 of 100 each, where a half is wanted: %+v", hits, share[0])
		}
	}
	own := gather([]*findings{{Seen: []sighting{{Got: 1, Want: Exactly(1)}}}, {Seen: []sighting{{Got: 2, Want: Exactly(2)}}}})
	if own[0].judge(); !own[0].Held {
		t.Error("each seed's value keeps to its own bound, and the verdict is that it does not")
	}
}

// A verdict that fails names the worst seed and how to play it again.
func TestVerdictSaysHowToRepeat(t *testing.T) {
	v := gather([]*findings{
		{Seed: 3, Seen: []sighting{{What: "hops", Got: 2, Want: AtMost(3)}}},
		{Seed: 4, Seen: []sighting{{What: "hops", Got: 6, Want: AtMost(3)}}},
		{Seed: 5, Seen: []sighting{{What: "hops", Got: 4, Want: AtMost(3)}}}})[0]
	v.judge()
	got, want := v.failure("TestX/sub"), `hops: got 4 ± 5 over 3 seeds (95 %), wanted at most 3; seed 4 was worst, with 6
again: PEERBED_SEED=4 PEERBED_SEEDS=1 go test ./harness -run '^TestX$/^sub$' -count=1`
	if got != want {
		t.Errorf("the failure reads\n%s\nwant\n%s", got, want)
	}
}

// A seed's cluster draws from it, writes to its own folder, and has a world that
// is not simulated to itself; what its results want is left to the verdict.
func TestRepeatedClusters(t *testing.T) {
	t.Setenv("PEERBED_OUT", t.TempDir())
	new(fake).open(t)
	var open atomic.Int32
	Repeat(t, 4, func(t *T) {
		t.Run("sub", func(t *T) {
			c := New(t, toy, 3, World("fake"))
			if n := open.Add(1); n > 1 {
				t.Errorf("%d clusters in real worlds at once", n)
			}
			c.Share(1, 10)
			r := c.Run(5*time.Second, workload.Lookups{Rate: 1, Steady: true})
			if c.Seed() != t.Seed() {
				t.Errorf("the cluster of seed %d has %d", t.Seed(), c.Seed())
			}
			// The interval of the mean of all, 2.5 ± 2.1, keeps to it.
			r.Want(t, "seed", float64(t.Seed()), Within(0.1, 4.9))
			file := r.Journal()
			if own := strings.HasSuffix(file, filepath.Join(folder(t.Seed()), "run.jsonl")); t.Seed() == 1 && !own || t.Seed() > 1 && file != "" {
				t.Errorf("seed %d saves to %q; of simulated seeds the first alone is recorded", t.Seed(), file)
			}
			repeat, _ := c.commands(t.Name())
			if !strings.Contains(repeat, "PEERBED_SEEDS=1") || strings.Contains(repeat, "seed-") {
				t.Errorf("the command to repeat it is %s", repeat)
			}
			t.Cleanup(func() { open.Add(-1) })
		})
	})
	dir, err := OutDir(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, verdictsFile))
	if err != nil || !strings.Contains(string(b), `"sub: seed"`) {
		t.Errorf("the verdicts are %s, %v", b, err)
	}
}

// A seed that is the only one is judged at once, and leaves what any test does.
func TestRepeatOnce(t *testing.T) {
	out := t.TempDir()
	t.Setenv("PEERBED_OUT", out)
	Repeat(t, 1, func(t *T) {
		if t.Name() != "TestRepeatOnce" || t.Seed() != 1 {
			t.Errorf("%s, seed %d", t.Name(), t.Seed())
		}
		l := &listener{TB: t.T}
		(&Results{}).Want(l, "it", 1, Exactly(2))
		if l.heard == "" {
			t.Error("nothing was said of what is not as wanted")
		}
	})
	if _, err := os.Stat(filepath.Join(out, t.Name(), verdictsFile)); err == nil {
		t.Error("a verdict of one seed was saved")
	}
}
