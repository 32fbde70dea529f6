package harness

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Findings are what one seed that was played to its end leaves, in seed.json.
type findings struct {
	Code string // see fingerprint
	Seed uint64
	Seen []sighting
}

const (
	findingsFile = "seed.json"
	verdictsFile = "verdicts.json"
)

// open takes over what a series that was cut short has left: it is one without
// verdicts, and of the same code.
func (s *series) open() (err error) {
	if s.code, err = fingerprint(); err != nil {
		return fmt.Errorf("what this test is made of cannot be read: %w", err)
	}
	if err := goOn(s.t.Name(), s.unfinished); err != nil {
		return err
	}
	if s.dir, err = OutDir(s.t.Name()); err != nil {
		return err
	}
	verdicts := filepath.Join(s.dir, verdictsFile)
	_, err = os.Stat(verdicts)
	anew := err == nil
	for k := range s.played {
		file := filepath.Join(s.dir, folder(s.first+uint64(k)), findingsFile)
		if anew {
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		} else if r, err := readFindings(file); err == nil && r.Code == s.code { // else it is played
			s.played[k] = r
		}
	}
	if anew {
		return os.Remove(verdicts)
	}
	return nil
}

// unfinished reports whether a folder has what a series of this code was cut short
// in.
func (s *series) unfinished(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, verdictsFile)); err == nil {
		return false
	}
	files, _ := filepath.Glob(filepath.Join(dir, "seed-*", findingsFile)) // the pattern is right
	return slices.ContainsFunc(files, func(file string) bool {
		r, err := readFindings(file)
		return err == nil && r.Code == s.code
	})
}

func readFindings(file string) (*findings, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var r findings
	return &r, json.Unmarshal(b, &r)
}

// keep saves what a seed found, and tells how far the series is.
func (s *series) keep(k int, r *findings) {
	dir, err := OutDir(s.t.Name() + "/" + folder(r.Seed))
	if err == nil {
		err = writeWhole(filepath.Join(dir, findingsFile), r)
	}
	if err != nil {
		s.t.Errorf("peerbed: saving what seed %d found: %v", r.Seed, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.played[k] = r
	s.fresh++
	s.progress()
}

// close judges. A series of which a seed failed, or was left out, is not at its
// end.
func (s *series) close() []Verdict {
	s.t.Helper()
	if slices.Contains(s.played, nil) {
		s.say("no verdict: not all seeds were played to their end")
		return nil
	}
	verdicts := s.judge()
	if err := writeWhole(filepath.Join(s.dir, verdictsFile), verdicts); err != nil {
		s.t.Errorf("peerbed: saving the verdicts: %v", err)
	}
	return verdicts
}

// writeWhole writes JSON to a file that is there whole or not at all.
func writeWhole(file string, v any) error {
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".part", b, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".part", file)
}

// fingerprint changes with all that decides what a seed does: the test binary,
// the sources of the module, of which real worlds build their nodes, flags and
// variables. Which seeds are asked for does not matter, nor where results go.
func fingerprint() (string, error) {
	code, err := codeSum()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintln(h, code, flagsBut("seed", "seeds", "trace"))
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return !strings.HasPrefix(name, "PEERBED_") || slices.Contains([]string{"PEERBED_SEED", "PEERBED_SEEDS", "PEERBED_OUT", "PEERBED_TRACE"}, name)
	})
	slices.Sort(env)
	fmt.Fprintln(h, env)
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// codeSum is a hash of the test binary and the module's sources.
var codeSum = sync.OnceValues(func() (string, error) {
	h := sha256.New()
	add := func(file string) error {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		fmt.Fprintln(h, file)
		_, err = io.Copy(h, f)
		return err
	}
	binary, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(binary)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err = io.Copy(h, f); err != nil {
		return "", err
	}
	root, err := moduleRoot()
	if errors.Is(err, errNoModule) {
		return fmt.Sprintf("%x", h.Sum(nil)), nil
	} else if err != nil {
		return "", err
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name := filepath.Base(path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (name == "out" || strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") && name != "go.mod" && name != "go.sum":
			return nil
		}
		return add(path)
	})
	return fmt.Sprintf("%x", h.Sum(nil)), err
})

// flagsBut writes the flags that were set, without those of go test and the
// named ones.
func flagsBut(names ...string) string {
	var b strings.Builder
	if asked.fs == nil {
		return ""
	}
	asked.fs.Visit(func(f *flag.Flag) {
		if !strings.HasPrefix(f.Name, "test.") && !slices.Contains(names, f.Name) {
			fmt.Fprintf(&b, " -%s=%s", f.Name, quoted(f.Value.String()))
		}
	})
	return b.String()
}
