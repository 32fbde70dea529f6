package harness

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"peerbed/harness/internal/own"
	"peerbed/harness/record/journal"
)

// Kept is how many runs of one test stay in out/, this one counted: the newest.
// Older ones are removed when a new one begins, unless they are still going on.
const Kept = 5

// claims are the run folders that this process writes to, by where they lie and
// the test's name. They are held until it ends, so that nobody removes them, nor
// goes on with a series that is under way.
var claims = struct {
	sync.Mutex
	folders map[string]*os.File
}{folders: map[string]*os.File{}}

// runFolder is this process's folder for what one test leaves: made when it is
// first asked for.
func runFolder(base, test string) (string, error) {
	claims.Lock()
	defer claims.Unlock()
	key := filepath.Join(base, test)
	if f := claims.folders[key]; f != nil {
		return f.Name(), os.MkdirAll(f.Name(), 0o755)
	}
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", err
	}
	seed, err := seedAsked()
	if err != nil || seed == 0 {
		seed = 1
	}
	first := filepath.Join(base, journal.FolderName(test, time.Now(), fmt.Sprint(seed)))
	for i, free := 2, first; ; i, free = i+1, fmt.Sprintf("%s-%d", first, i) {
		err := os.Mkdir(free, 0o755)
		if errors.Is(err, fs.ErrExist) {
			continue // another run of this second
		} else if err != nil {
			return "", err
		}
		if f, ok := hold(free); ok {
			claims.folders[key] = f
			latest(free, key)
			tidy(base, test)
			return free, nil
		}
	}
}

// claimed is where the run folder of a test (t.Name()) lies that this process
// has; "": it has none.
func claimed(name string) string {
	base, err := Out()
	if err != nil {
		return ""
	}
	test, _, _ := strings.Cut(plain(name), "/")
	claims.Lock()
	defer claims.Unlock()
	if f := claims.folders[filepath.Join(base, test)]; f != nil {
		return f.Name()
	}
	return ""
}

// hold takes a folder, unless another process has it.
func hold(dir string) (*os.File, bool) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, false
	}
	if !own.Hold(f) {
		f.Close()
		return nil, false
	}
	return f, true
}

// latest makes link, out/TestX, lead to the newest run of TestX. Where there are
// no links it is left out, and a folder of that name is left alone.
func latest(run, link string) {
	if i, err := os.Lstat(link); err == nil && i.Mode()&fs.ModeSymlink == 0 {
		return
	}
	fresh := link + ".new"
	os.Remove(fresh)
	if os.Symlink(filepath.Base(run), fresh) == nil && os.Rename(fresh, link) != nil {
		os.Remove(fresh)
	}
}

// tidy removes the runs of a test that are older than the Kept newest ones.
func tidy(base, test string) {
	runs, err := journal.Runs(base)
	if err != nil {
		return // nothing is removed
	}
	n := 0
	for _, r := range runs {
		if r.Test != test {
			continue
		}
		if n++; n <= Kept {
			continue
		}
		if f, ok := hold(r.Path); ok {
			os.RemoveAll(r.Path)
			f.Close()
		}
	}
}

// goOn takes over, as this process's, the newest run of the test (t.Name()) that
// unfinished picks, unless there is none, or this process has one already. Below
// is what lies in the run's folder for the test itself.
func goOn(name string, unfinished func(dir string) bool) error {
	base, err := Out()
	if err != nil {
		return err
	}
	test, below, _ := strings.Cut(plain(name), "/")
	key := filepath.Join(base, test)
	claims.Lock()
	defer claims.Unlock()
	if claims.folders[key] != nil {
		return nil
	}
	runs, err := journal.Runs(base)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if r.Test != test || !unfinished(filepath.Join(r.Path, filepath.FromSlash(below))) {
			continue
		}
		if f, ok := hold(r.Path); ok {
			claims.folders[key] = f
			latest(r.Path, key)
			return nil
		}
	}
	return nil
}

// newJournal begins the journal of a run, or of one of its seeds. One that was
// cut short there before is kept beside it.
func newJournal(dir string, r journal.Run, complain func(error)) (*journal.Writer, error) {
	file := filepath.Join(dir, journal.File)
	w, err := journal.Create(file, r, complain)
	if errors.Is(err, fs.ErrExist) {
		if err := os.Rename(file, filepath.Join(dir, "cut-short.jsonl")); err != nil {
			return nil, err
		}
		return journal.Create(file, r, complain)
	}
	return w, err
}
