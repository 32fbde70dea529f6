package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"

	"peerbed/harness/record/journal"
)

// A Store is the recorded runs of one folder.
type Store struct {
	path   string
	say    func(format string, args ...any)
	engine *promql.Engine
	parser parser.Parser

	mu   sync.RWMutex
	runs map[string]*run // by folder
	told map[string]bool // what was said of damaged runs

	ingesting sync.Mutex
	profiles  map[string]int // how many there are, by folder
}

// Bounds of one query, so that a mistyped one does not take the machine.
const (
	maxSamples = 50_000_000
	maxTime    = 2 * time.Minute
)

// Open opens one run's folder, or all runs that lie in a folder such as out. say
// hears what is damaged, a sentence each.
func Open(path string, say func(format string, args ...any)) (*Store, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, fmt.Errorf("there are no runs in %s: %w", path, err)
	}
	p := parser.NewParser(parser.Options{})
	s := &Store{path: path, say: say, parser: p, runs: map[string]*run{}, told: map[string]bool{}, profiles: map[string]int{},
		engine: promql.NewEngine(promql.EngineOpts{Logger: promslog.NewNopLogger(), MaxSamples: maxSamples, Timeout: maxTime,
			EnableAtModifier: true, EnableNegativeOffset: true, Parser: p})}
	if err := s.Refresh(context.Background()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// folders are the run that path is, or those that lie in it.
func folders(path string) ([]journal.Folder, error) {
	if _, err := os.Stat(filepath.Join(path, journal.File)); err == nil {
		return []journal.Folder{{Path: path, Name: filepath.Base(path)}}, nil
	}
	if f, ok := journal.ParseFolder(path); ok {
		return []journal.Folder{f}, nil
	}
	return journal.Runs(path)
}

// Refresh reads what is new: runs that have begun, and what those that go on have
// written. It drops runs whose folders are gone.
func (s *Store) Refresh(ctx context.Context) error {
	list, err := folders(s.path)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	there := map[string]bool{}
	for _, f := range list {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		there[f.Path] = true
		s.read(ctx, f)
	}
	for path, r := range s.runs {
		if !there[path] {
			r.close()
			delete(s.runs, path)
		}
	}
	return nil
}

// read opens a run or reads it on. A run that cannot be read is said once, and
// the others are served.
func (s *Store) read(ctx context.Context, f journal.Folder) {
	r := s.runs[f.Path]
	if r == nil {
		r = &run{folder: f}
		r.open = r.batches
		s.runs[f.Path] = r
	}
	if err := r.read(ctx); err != nil {
		s.once("%v", err)
	}
	for _, d := range r.damage() {
		s.once("%s", d)
	}
}

func (s *Store) once(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !s.told[text] {
		s.told[text] = true
		s.say("%s", text)
	}
}

// Runs is how many runs there are.
func (s *Store) Runs() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.runs)
}

// Querier implements [storage.Queryable]: all runs at once.
func (s *Store) Querier(mint, maxt int64) (storage.Querier, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []storage.Querier
	for _, r := range s.runs {
		for _, db := range r.dbs {
			q, err := db.Querier(mint, maxt)
			if err != nil {
				return nil, err
			}
			all = append(all, q)
		}
	}
	return storage.NewMergeQuerier(all, nil, storage.ChainedSeriesMerge), nil
}

// Close closes all databases.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, r := range s.runs {
		err = errors.Join(err, r.close())
	}
	return err
}
