package store

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/pprof/profile"
)

// Bounds of what nodes may send, in bytes; their profiles have some thousand.
const (
	maxUpload   = 4 << 20
	maxUnpacked = 16 << 20
)

// maxProfiles is how many profiles one folder may have.
const maxProfiles = 10_000

// ingest takes a profile as Pyroscope does (POST /ingest, a form with a gzipped
// pprof file) and keeps it in RUN/profiles/NODE, where go tool pprof opens it. POST
// /runs/RUN/ingest says whose it is; without, it belongs to the folder that is
// served, which may be one run's.
func (s *Store) ingest(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	err := s.keepProfile(r)
	switch {
	case errors.As(err, new(bad)):
		http.Error(w, err.Error(), http.StatusBadRequest)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInsufficientStorage)
	}
}

func (s *Store) keepProfile(r *http.Request) error {
	home, err := s.profilesOf(r.PathValue("run"))
	if err != nil {
		return err
	}
	q := r.URL.Query()
	node, err := nodeOf(q.Get("name"))
	if err != nil {
		return err
	}
	from, err := strconv.ParseInt(q.Get("from"), 10, 64)
	if err != nil {
		return bad(fmt.Sprintf("from=%q: want when the profile began, in nanoseconds since 1970", q.Get("from")))
	}
	part, _, err := r.FormFile("profile")
	if err != nil {
		return bad(fmt.Sprintf("no profile: %v; want a form with a file of that name, of at most %d bytes", err, maxUpload))
	}
	defer r.MultipartForm.RemoveAll()
	b, err := io.ReadAll(part)
	if err != nil {
		return err
	}
	s.ingesting.Lock() // one at a time is unpacked, which bounds memory
	defer s.ingesting.Unlock()
	kind, err := kindOfProfile(b)
	if err != nil {
		return err
	}
	began := time.Unix(0, from).UTC().Format("20060102T150405.000")
	return s.write(home, filepath.Join(home, node, began+"-"+kind), b)
}

// profilesOf is the folder of a run's profiles.
func (s *Store) profilesOf(run string) (string, error) {
	if run == "" {
		return filepath.Join(s.path, "profiles"), nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, r := range s.runs {
		if r.folder.Name == run {
			return filepath.Join(r.folder.Path, "profiles"), nil
		}
	}
	return "", bad(fmt.Sprintf("there is no run %q here", run))
}

// fileName is what may be a file's name anywhere.
var fileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// nodeOf reads who sends from a name such as app{node=127.0.0.1:4000,protocol=chord}:
// the node, or the application that has none. A colon becomes "_".
func nodeOf(name string) (string, error) {
	app, tags, _ := strings.Cut(strings.TrimSuffix(name, "}"), "{")
	node := app
	for tag := range strings.SplitSeq(tags, ",") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(tag), "node="); ok {
			node = v
		}
	}
	if node = strings.ReplaceAll(node, ":", "_"); !fileName.MatchString(node) {
		return "", bad(fmt.Sprintf("name=%.200q: want app{node=NAME} whose NAME is letters, digits, and :._- after the first", name))
	}
	return node, nil
}

// kindOfProfile says what a gzipped pprof file measures: "cpu", "inuse_space".
func kindOfProfile(packed []byte) (string, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", bad(fmt.Sprintf("the profile is no gzipped pprof file: %v", err))
	}
	b, err := io.ReadAll(io.LimitReader(z, maxUnpacked+1))
	if err == nil && len(b) > maxUnpacked {
		err = fmt.Errorf("unpacked it has more than %d bytes", maxUnpacked)
	}
	var p *profile.Profile
	if err == nil {
		p, err = profile.ParseUncompressed(b)
	}
	if err == nil {
		err = p.CheckValid()
	}
	if err != nil {
		return "", bad(fmt.Sprintf("the profile is no gzipped pprof file: %v", err))
	}
	kind := "profile"
	if n := len(p.SampleType); n > 0 && fileName.MatchString(p.SampleType[n-1].Type) {
		kind = p.SampleType[n-1].Type // the one that go tool pprof shows
	}
	return kind, nil
}

// write writes a new file PATH.pb.gz, or PATH-2.pb.gz and so on, of those in home.
func (s *Store) write(home, path string, b []byte) error {
	n, err := s.profilesIn(home)
	if err != nil {
		return err
	}
	if n >= maxProfiles {
		return fmt.Errorf("%s has %d profiles, and no more are taken: remove some, and start serve again", home, n)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file := path + ".pb.gz"
	for i := 2; ; i++ {
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			file = fmt.Sprintf("%s-%d.pb.gz", path, i)
			continue
		}
		if err != nil {
			return err
		}
		_, err = f.Write(b)
		if err = cmp.Or(err, f.Close()); err != nil {
			return errors.Join(err, os.Remove(file))
		}
		s.profiles[home]++
		return nil
	}
}

// profilesIn is how many profiles a folder has. They are counted once.
func (s *Store) profilesIn(home string) (int, error) {
	if n, ok := s.profiles[home]; ok {
		return n, nil
	}
	n := 0
	err := filepath.WalkDir(home, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	s.profiles[home] = n
	return n, nil
}
