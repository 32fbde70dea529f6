package report

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"peerbed/harness/record/journal"
)

// A Run is all that the journals in one folder tell.
type Run struct {
	Folder   string
	Journals []*journal.Journal // one for each seed; at least one
	Groups   []Group            // clusters, in the order of their beginning
	Verdicts []journal.Verdict
	Damage   []string // what could not be read

	given []journal.Figure
}

// A Group is one cluster as it was in each seed that had it.
type Group struct {
	Name string
	Logs []*journal.Log
}

// ErrNoJournal says that a folder is not one of a run.
var ErrNoJournal = errors.New("it has no " + journal.File + ", which every run begins with")

// Load reads a run's folder, or the journal in it. What is damaged is passed
// over and told in Run.Damage; an error means that nothing can be shown.
func Load(folder string) (*Run, error) {
	if filepath.Base(folder) == journal.File {
		folder = filepath.Dir(folder)
	}
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no folder %s", folder)
	}
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	files, err := journal.Files(folder)
	if err != nil {
		return nil, err
	}
	r := &Run{Folder: folder}
	for _, f := range files {
		j, err := journal.Load(f)
		if err != nil {
			r.Damage = append(r.Damage, err.Error())
			continue
		}
		r.Damage = append(r.Damage, j.Damage...)
		r.Verdicts = append(r.Verdicts, j.Verdicts...)
		r.given = append(r.given, j.Figures...)
		r.Journals = append(r.Journals, j)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s is no folder of a run: %w", folder, ErrNoJournal)
	}
	if len(r.Journals) == 0 {
		return nil, fmt.Errorf("%s cannot be shown: %s", folder, r.Damage[0])
	}
	if i := slices.IndexFunc(r.Journals, func(j *journal.Journal) bool { return len(j.Clusters) == 0 }); i >= 0 && len(r.Journals) > 1 {
		r.Journals = slices.Delete(r.Journals, i, i+1) // that of the whole series, beside those of its seeds
	}
	slices.SortStableFunc(r.Journals, func(a, b *journal.Journal) int { return cmp.Compare(a.Run.Seed, b.Run.Seed) })
	r.group()
	return r, nil
}

// group puts clusters of the same name together.
func (r *Run) group() {
	places := map[string]int{}
	for _, j := range r.Journals {
		for _, log := range j.Clusters {
			i, ok := places[log.Cluster.Cluster]
			if !ok {
				i = len(r.Groups)
				places[log.Cluster.Cluster] = i
				r.Groups = append(r.Groups, Group{Name: log.Cluster.Cluster})
			}
			r.Groups[i].Logs = append(r.Groups[i].Logs, log)
		}
	}
}

// Test is the name of what was run, whichever its seed.
func (r *Run) Test() string {
	test, _, _ := strings.Cut(r.Journals[0].Run.Test, "/")
	return cmp.Or(test, filepath.Base(r.Folder))
}

// Name is the run's own.
func (r *Run) Name() string { return cmp.Or(r.Journals[0].Run.Name, filepath.Base(r.Folder)) }

// Ended says how the run ended: "" if as it should.
func (r *Run) Ended() string {
	failed := false
	for _, g := range r.Groups {
		for _, log := range g.Logs {
			if log.End == nil {
				return fmt.Sprintf("cut short: cluster %s has no end after %v, so it was killed or still goes on", g.Name, log.Last.Round(time.Millisecond))
			}
			failed = failed || log.End.Failed
		}
	}
	if failed {
		return "the test failed"
	}
	return ""
}

// phase returns what a log tells of a phase by its number; nil: nothing.
func summaryOf(log *journal.Log, phase int) *journal.Summary {
	for i := range log.Summaries {
		if log.Summaries[i].Phase == phase {
			return &log.Summaries[i]
		}
	}
	return nil
}
