package resident

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"peerbed/harness/internal/own"
)

// What lies in a state folder.
const (
	socketName = "socket"
	logName    = "log"
)

// A Folder is the state folder of one name, held by this process.
type Folder struct {
	Name string
	path string
	lock *os.File
}

// ErrTaken is why a name cannot be claimed.
var ErrTaken = errors.New("is up already")

func top() string { return filepath.Join(own.Path(), "up") }

func folderOf(name string) string { return filepath.Join(top(), name) }

var plainName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// CheckName says what names may look like.
func CheckName(name string) error {
	if !plainName.MatchString(name) {
		return fmt.Errorf("-name %q: want lower-case letters, digits and \"-\", at most 32", name)
	}
	return nil
}

// Claim makes the state folder of a name, or takes that of a dead resident. An
// error that wraps ErrTaken says that one is alive.
func Claim(name string) (*Folder, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if _, err := own.Home(); err != nil {
		return nil, err
	}
	if err := own.Private(top()); err != nil {
		return nil, err
	}
	f, err := lock(name, true)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, fmt.Errorf("a cluster called %s %w; use it (peerbed status -name %s), end it (peerbed down -name %s), or choose another -name", name, ErrTaken, name, name)
	}
	return f, f.empty()
}

// lock takes the lock of a folder; nil: a living process has it. The folder may
// be removed by whoever had it before, between its opening and its lock: then
// the next one counts.
func lock(name string, create bool) (*Folder, error) {
	path := folderOf(name)
	for tries := 1; ; {
		if info, err := os.Lstat(path); err == nil && !info.IsDir() {
			return nil, damaged(name, errors.New("it is no folder"))
		}
		if create {
			if err := own.Private(path); err != nil {
				return nil, damaged(name, err)
			}
		}
		f, err := os.Open(path)
		if create && errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		held := own.Hold(f)
		switch {
		case held && same(f, path):
			return &Folder{Name: name, path: path, lock: f}, nil
		case !held && (!create || tries == lockTries):
			f.Close()
			return nil, nil
		case !held:
			tries++
			time.Sleep(lockPause)
		}
		f.Close()
	}
}

// Whoever looks whether a resident lives holds its lock for a moment, too, and
// on a busy machine for longer. A name counts as taken if it stays so.
const (
	lockTries = 25
	lockPause = 20 * time.Millisecond
)

func damaged(name string, err error) error {
	return fmt.Errorf("the state folder of %s is damaged (%w); remove it: rm -r %s", name, err, folderOf(name))
}

// same reports whether the open folder is still the one at path.
func same(f *os.File, path string) bool {
	a, err := f.Stat()
	b, err2 := os.Stat(path)
	return err == nil && err2 == nil && os.SameFile(a, b)
}

// empty removes what a dead resident has left in it.
func (f *Folder) empty() error {
	entries, err := os.ReadDir(f.path)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(f.path, e.Name())))
	}
	if err != nil {
		f.lock.Close()
		return damaged(f.Name, err)
	}
	return nil
}

// reachable reports whether clients can still find the resident.
func (f *Folder) reachable() bool {
	_, err := os.Lstat(filepath.Join(f.path, socketName))
	return err == nil && same(f.lock, f.path)
}

// remove removes the folder, unless another process has it now. The name is
// free at once; the lock on what is removed says that this process lives.
func (f *Folder) remove() error {
	if !same(f.lock, f.path) {
		return nil
	}
	return os.RemoveAll(f.path)
}

// Release removes the folder and gives up the lock.
func (f *Folder) Release() error { return errors.Join(f.remove(), f.lock.Close()) }

// OpenLog opens the resident's log for writing.
func (f *Folder) OpenLog() (*os.File, error) {
	return os.OpenFile(filepath.Join(f.path, logName), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}

// An Entry is a name that has a state folder.
type Entry struct {
	Name  string
	Alive bool  // its resident holds the lock
	Err   error // what is wrong with the folder
}

// List lists the state folders of this user, by name.
func List() ([]Entry, error) {
	names, err := os.ReadDir(top())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var list []Entry
	for _, n := range names {
		e := Entry{Name: n.Name()}
		f, err := lock(e.Name, false)
		switch {
		case errors.Is(err, os.ErrNotExist): // gone meanwhile
			continue
		case err != nil:
			e.Err = err
		}
		e.Alive = f == nil && e.Err == nil
		if f != nil {
			f.lock.Close()
		}
		list = append(list, e)
	}
	return list, err
}

// Clear removes the state folder of a name whose resident is dead, and reports
// whether it was.
func Clear(name string) (dead bool, err error) {
	f, err := lock(name, false)
	if err != nil || f == nil {
		return false, err
	}
	return true, f.Release()
}

// Choose returns the name of the cluster that a command without -name means:
// the only one that is alive.
func Choose(name string) (string, error) {
	if name != "" {
		return name, CheckName(name)
	}
	list, err := List()
	if err != nil {
		return "", err
	}
	var alive []string
	for _, e := range list {
		if e.Alive {
			alive = append(alive, e.Name)
		}
	}
	switch {
	case len(alive) == 1:
		return alive[0], nil
	case len(alive) > 1:
		return "", fmt.Errorf("there are %d clusters; say which: -name %s", len(alive), strings.Join(alive, ", -name "))
	case len(list) > 0:
		return list[0].Name, nil // Dial says what became of it
	}
	return "", errNone
}

var errNone = errors.New("no cluster is up; bring one up first: peerbed up -protocol chord -nodes 8")

// LastWords returns the last lines of the log of a name, one per element.
func LastWords(name string, lines int) []string {
	f, err := os.Open(filepath.Join(folderOf(name), logName))
	if err != nil {
		return nil
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil {
		f.Seek(max(0, info.Size()-longestLog), io.SeekStart)
	}
	b, _ := io.ReadAll(f)
	all := slices.Collect(strings.Lines(strings.TrimSpace(string(b))))
	return all[max(0, len(all)-lines):]
}

// longestLog is how much of a log is read, in bytes.
const longestLog = 64 << 10
