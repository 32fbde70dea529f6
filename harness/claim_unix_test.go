//go:build unix

package harness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peerbed/harness/internal/own"
	"peerbed/harness/record/journal"
)

// runsOf lists what lies in base of a test.
func runsOf(t *testing.T, base, test string) []string {
	t.Helper()
	all, err := journal.Runs(base)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range all {
		if r.Test == test {
			names = append(names, r.Name)
		}
	}
	return names
}

// A run has a folder of its own, in which this process stays, and the test's name
// leads to it.
func TestRunFolder(t *testing.T) {
	base := t.TempDir()
	t.Setenv("PEERBED_OUT", base)
	first, err := OutDir("TestOnce/chord")
	if err != nil {
		t.Fatal(err)
	}
	again, err := OutDir("TestOnce/chord")
	if names := runsOf(t, base, "TestOnce"); err != nil || again != first || len(names) != 1 || first != filepath.Join(base, names[0], "chord") {
		t.Errorf("%s, then %s (error %v); there are %v", first, again, err, names)
	}
	if to, err := os.Readlink(filepath.Join(base, "TestOnce")); err != nil || filepath.Join(base, to) != filepath.Dir(first) {
		t.Errorf("the test's name leads to %q (error %v), want %s", to, err, filepath.Dir(first))
	}
}

// Runs that begin in the same second do not share a folder.
func TestRunsOfTheSameSecond(t *testing.T) {
	base := t.TempDir()
	t.Setenv("PEERBED_OUT", base)
	for s := range 3 { // whenever it is asked
		if err := os.Mkdir(filepath.Join(base, journal.FolderName("TestTwice", time.Now().Add(time.Duration(s)*time.Second), "1")), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if dir, err := OutDir("TestTwice"); err != nil || !strings.HasSuffix(dir, "-s1-2") {
		t.Errorf("%s, %v: want a folder beside the other's", dir, err)
	}
}

// Old runs go, but for those that are under way, and for what is no run.
func TestOldRunsGo(t *testing.T) {
	base := t.TempDir()
	t.Setenv("PEERBED_OUT", base)
	old := func(name string, days int) string {
		dir := filepath.Join(base, journal.FolderName(name, time.Now().AddDate(0, 0, -days), "1"))
		if err := os.MkdirAll(filepath.Join(dir, "seed-1"), 0o755); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	for day := range 2 * Kept {
		old("TestOld", day+1)
	}
	others := []string{old("TestOlder", 99), filepath.Join(base, "TestOld-notes")}
	if err := os.Mkdir(others[1], 0o755); err != nil {
		t.Fatal(err)
	}
	live := old("TestOld", 100)
	f, err := os.Open(live) // as another process does: the lock is the open file's
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !own.Hold(f) {
		t.Fatal("a folder that nobody has cannot be held")
	}
	if _, err := OutDir("TestOld"); err != nil {
		t.Fatal(err)
	}
	if names := runsOf(t, base, "TestOld"); len(names) != Kept+1 || filepath.Join(base, names[Kept]) != live {
		t.Errorf("left are %v: want the %d newest and the one that is under way", names, Kept)
	}
	for _, dir := range others {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("%v: it was none of the old runs of TestOld", err)
		}
	}
}
