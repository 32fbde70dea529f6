package journal

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

// A Folder is one run's folder.
type Folder struct {
	Path    string
	Name    string // TestTour-20260102T150405-s1
	Test    string // TestTour
	Started time.Time
}

// FolderName is what a run's folder is called: its test (the part before the
// first "/"), when it began in UTC, to the second, and its seed. A second run of
// that second has "-2" behind it.
func FolderName(test string, began time.Time, seed string) string {
	return test + "-" + began.UTC().Format(stamp) + "-s" + seed
}

const stamp = "20060102T150405"

var named = regexp.MustCompile(`^(.+)-(\d{8}T\d{6})-s\d+(-\d+)?$`)

// ParseFolder reads what FolderName has written; false: it is another folder.
func ParseFolder(path string) (Folder, bool) {
	name := filepath.Base(path)
	m := named.FindStringSubmatch(name)
	if m == nil {
		return Folder{}, false
	}
	began, err := time.Parse(stamp, m[2])
	return Folder{Path: path, Name: name, Test: m[1], Started: began}, err == nil
}

// Runs lists the folders of runs in out, the newest first. A folder out that is
// not there has none.
func Runs(out string) ([]Folder, error) {
	list, err := os.ReadDir(out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var all []Folder
	for _, d := range list {
		if f, ok := ParseFolder(filepath.Join(out, d.Name())); ok && d.IsDir() {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b Folder) int {
		return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(len(b.Name), len(a.Name)), cmp.Compare(b.Name, a.Name))
	})
	return all, nil
}

// Files returns the journals of a run: its run.jsonl and those of its seeds, in
// the order of their names.
func Files(run string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(run, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() == File {
			files = append(files, path)
		}
		return err
	})
	return files, err
}
