package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/tsdb"

	"peerbed/harness/record/journal"
)

// A run is one run's folder, what is read of it, and its databases.
type run struct {
	folder journal.Folder
	open   opener
	dbs    map[journal.Clock]*tsdb.DB
	feeds  map[string]*feed // of journals that are read, by file
	kept   bool             // the databases are whole, and on disk
}

// A stamp says what a database was made of. It is there once it is whole.
type stamp struct {
	Format int
	Sizes  map[string]int64 // of the journals

	written time.Time // when the youngest of them was written to last
}

// format changes whenever the same journal would give another database.
const format = 1

func (r *run) dir() string { return filepath.Join(r.folder.Path, "store") }

// read brings the databases up to what the journals have now.
func (r *run) read(ctx context.Context) error {
	now, err := r.sizes()
	if err != nil || len(now.Sizes) == 0 {
		return err
	}
	if r.dbs == nil {
		if r.reopen(now) {
			return nil
		}
		if err := os.RemoveAll(r.dir()); err != nil {
			return err
		}
		r.dbs, r.feeds = map[journal.Clock]*tsdb.DB{}, map[string]*feed{}
	} else if r.kept {
		return r.again(ctx, now)
	}
	if err := r.readOn(ctx, now); err != nil || !r.over() && time.Since(now.written) < killed {
		return err
	}
	return r.keep(ctx, now)
}

// again makes databases anew that were whole before their journals grew.
func (r *run) again(ctx context.Context, now stamp) error {
	if was, err := r.stamped(); err == nil && same(was, now) {
		return nil
	}
	if err := r.close(); err != nil {
		return err
	}
	return r.read(ctx)
}

// sizes is what the run's journals are now.
func (r *run) sizes() (stamp, error) {
	files, err := journal.Files(r.folder.Path)
	s := stamp{Format: format, Sizes: map[string]int64{}}
	for _, file := range files {
		i, err := os.Stat(file)
		if err != nil {
			return s, err
		}
		rel, err := filepath.Rel(r.folder.Path, file)
		if err != nil {
			return s, err
		}
		s.Sizes[rel] = i.Size()
		if i.ModTime().After(s.written) {
			s.written = i.ModTime()
		}
	}
	return s, err
}

func same(a, b stamp) bool {
	if a.Format != b.Format || len(a.Sizes) != len(b.Sizes) {
		return false
	}
	for file, n := range a.Sizes {
		if m, ok := b.Sizes[file]; !ok || m != n {
			return false
		}
	}
	return true
}

func (r *run) stamped() (s stamp, err error) {
	b, err := os.ReadFile(filepath.Join(r.dir(), "stamp.json"))
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	return s, err
}

// reopen takes databases that are whole and of these journals.
func (r *run) reopen(now stamp) bool {
	was, err := r.stamped()
	if err != nil || !same(was, now) {
		return false
	}
	r.dbs = map[journal.Clock]*tsdb.DB{}
	for _, clock := range []journal.Clock{journal.Virtual, journal.Wall} {
		if _, err := os.Stat(filepath.Join(r.dir(), string(clock))); err != nil {
			continue
		}
		if _, err := r.db(clock); err != nil {
			r.close()
			return false
		}
	}
	r.kept = true
	return true
}

// batches opens the database of a clock for what is appended.
func (r *run) batches(clock journal.Clock) (func() appender, error) {
	db, err := r.db(clock)
	return func() appender { return db.Appender(context.Background()) }, err
}

// db opens the database of a clock.
func (r *run) db(clock journal.Clock) (*tsdb.DB, error) {
	if db := r.dbs[clock]; db != nil {
		return db, nil
	}
	o := tsdb.DefaultOptions()
	o.WALSegmentSize = -1 // the journal is what lasts
	o.StripeSize = 256    // there may be hundreds of databases
	o.RetentionDuration = 0
	// Clusters of one run may follow one another, and each of a simulator begins at 0.
	o.OutOfOrderTimeWindow = math.MaxInt64 / 4
	db, err := tsdb.Open(filepath.Join(r.dir(), string(clock)), promslog.NewNopLogger(), nil, o, nil)
	if err != nil {
		return nil, fmt.Errorf("the store of %s cannot be opened, perhaps because another program has it: %w", r.folder.Name, err)
	}
	db.DisableCompactions()
	r.dbs[clock] = db
	return db, nil
}

// readOn reads what the journals have that was not read yet.
func (r *run) readOn(ctx context.Context, now stamp) error {
	for rel := range now.Sizes {
		file := filepath.Join(r.folder.Path, rel)
		f := r.feeds[file]
		if f == nil {
			from, err := journal.Open(file)
			if err != nil {
				return err
			}
			seed := filepath.ToSlash(filepath.Dir(rel)) + "/"
			if seed == "./" {
				seed = ""
			}
			f = newFeed(from, r.folder.Name, seed, r.open)
			r.feeds[file] = f
		}
		if err := f.readOn(ctx); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}

// killed is how long a run may be silent before it is taken for one that was
// killed. (If it was not, its databases are made again.)
const killed = time.Minute

// over reports whether all clusters have ended.
func (r *run) over() bool {
	for _, f := range r.feeds {
		if f.live > 0 {
			return false
		}
	}
	return true
}

// keep writes the databases to disk for the next time.
func (r *run) keep(ctx context.Context, now stamp) error {
	for _, db := range r.dbs {
		h := db.Head()
		if h.NumSeries() == 0 {
			continue
		}
		if err := db.CompactHead(tsdb.NewRangeHead(h, h.MinTime(), h.MaxTime())); err != nil {
			return err
		}
		if err := db.CompactOOOHead(ctx); err != nil {
			return err
		}
	}
	b, err := json.Marshal(now)
	if err != nil {
		return err
	}
	r.kept = true
	if err := os.MkdirAll(r.dir(), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.dir(), "stamp.json"), b, 0o644)
}

// damage tells what could not be read of runs that are over; of others the last
// line may be half there.
func (r *run) damage() []string {
	var all []string
	for _, f := range r.feeds {
		if f.live == 0 {
			all = append(all, f.from.Damage()...)
		}
		all = append(all, f.wrong...)
	}
	return all
}

func (r *run) close() error {
	var err error
	for _, f := range r.feeds {
		f.from.Close()
	}
	for _, db := range r.dbs {
		err = errors.Join(err, db.Close())
	}
	r.dbs, r.feeds, r.kept = nil, nil, false
	return err
}
