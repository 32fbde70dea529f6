package classroom

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"peerbed/harness/classroom/confine"
)

// A Program is a submission that can be started.
type Program struct {
	argv   []string
	dir    string // where it runs
	limits Limits
	reads  []string // what it needs of the machine
}

// The bounds of a submission's folder.
const (
	maxFiles = 500
	maxBytes = 20 << 20
)

// A Workshop is where submissions are copied to and built; Close removes it.
type Workshop struct {
	dir    string
	limits Limits
	n      int
}

// NewWorkshop makes one. bed is a folder with the source of peerbed, of which
// programs in Go get protocols/p2p and harness/classroom/step, as they are there
// and not as a submission may have changed them.
func NewWorkshop(bed string, l Limits) (*Workshop, error) {
	dir, err := os.MkdirTemp("", "peerbed-class-")
	if err != nil {
		return nil, fmt.Errorf("classroom: %w", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, fmt.Errorf("classroom: %w", err)
	}
	w := &Workshop{dir: dir, limits: l}
	return w, CopyContract(bed, filepath.Join(dir, "peerbed"))
}

// Close removes the workshop.
func (w *Workshop) Close() error { return os.RemoveAll(w.dir) }

// contract is what a program in Go stands on.
var contract = []string{"protocols/p2p", "harness/classroom/step"}

// CopyContract copies what a program in Go stands on, as a module of its own.
func CopyContract(bed, to string) error {
	for _, p := range contract {
		files, err := filepath.Glob(filepath.Join(bed, filepath.FromSlash(p), "*.go"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("classroom: %s holds no source of peerbed", bed)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			if err := copyFile(f, filepath.Join(to, filepath.FromSlash(p), filepath.Base(f))); err != nil {
				return err
			}
		}
	}
	return write(filepath.Join(to, "go.mod"), "module peerbed\n\ngo 1.26\n")
}

func write(file, text string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("classroom: %w", err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("classroom: %w", err)
	}
	return nil
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("classroom: %w", err)
	}
	return write(to, string(b))
}

// A buildFailure is why a submission does not become a program: its author's
// doing.
type buildFailure string

func (b buildFailure) Error() string { return string(b) }

// Build copies a submission, changes the copy by edits, and makes a program of
// it, which gets the flags.
func (w *Workshop) Build(ctx context.Context, from string, edits []Edit, flags []string) (*Program, error) {
	w.n++
	dir := filepath.Join(w.dir, fmt.Sprint(w.n))
	if err := copySubmission(from, dir); err != nil {
		return nil, err
	}
	for _, e := range edits {
		if err := e.apply(dir); err != nil {
			return nil, err
		}
	}
	p := &Program{dir: dir, limits: w.limits}
	argv, err := w.make(ctx, dir, p)
	if err != nil {
		return nil, err
	}
	p.argv = append(argv, flags...)
	return p, nil
}

func (e Edit) apply(dir string) error {
	file := filepath.Join(dir, filepath.FromSlash(e.File))
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("classroom: %w", err)
	}
	if n := strings.Count(string(b), e.Old); n != 1 {
		return fmt.Errorf("classroom: %q stands %d times in %s, want once", e.Old, n, e.File)
	}
	return write(file, strings.Replace(string(b), e.Old, e.New, 1))
}

// skipped are folders of a submission that are not its author's.
var skipped = map[string]bool{"peerbed": true, "grade": true, ".git": true, "__pycache__": true}

// copySubmission copies ordinary files only.
func copySubmission(from, to string) error {
	files, bytes := 0, int64(0)
	err := filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(from, name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipped[rel]:
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files, bytes = files+1, bytes+info.Size()
		if files > maxFiles || bytes > maxBytes {
			return buildFailure(fmt.Sprintf("the submission has more than %d files or %d MiB: hand in its source only", maxFiles, maxBytes>>20))
		}
		if err := copyFile(name, filepath.Join(to, rel)); err != nil {
			return err
		}
		return os.Chmod(filepath.Join(to, rel), info.Mode().Perm()|0o444)
	})
	if err != nil && !errors.As(err, new(buildFailure)) {
		return fmt.Errorf("classroom: %s cannot be copied: %w", from, err)
	}
	return err
}

// make finds out what a submission is written in and how it is run: an executable
// called node, main.py for Python 3, or Go.
func (w *Workshop) make(ctx context.Context, dir string, p *Program) (argv []string, err error) {
	is := func(name string) bool { _, err := os.Stat(filepath.Join(dir, name)); return err == nil }
	sources, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	switch {
	case is("main.py"):
		python, home, err := interpreter()
		p.reads = []string{python, home}
		return []string{python, "-s", "-S", "-B", "main.py"}, err
	case len(sources) > 0:
		return w.makeGo(ctx, dir)
	case is("node"):
		return []string{filepath.Join(dir, "node")}, nil
	}
	return nil, buildFailure("there is nothing to run: want main.py, Go files, or an executable called node")
}

// interpreter finds the Python that is really run, behind any shim, since the
// confined program may start nothing itself; and the folder of its libraries.
func interpreter() (python, home string, err error) {
	out, err := exec.Command("python3", "-I", "-S", "-c", "import sys; print(sys.executable); print(sys.base_prefix)").Output()
	if err != nil {
		return "", "", fmt.Errorf("classroom: there is no python3 on this machine: %w", err)
	}
	python, home, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	return python, strings.TrimSpace(home), nil
}

// makeGo builds a program in Go from its own files and the contract alone,
// without network, cgo or other tools.
func (w *Workshop) makeGo(ctx context.Context, dir string) ([]string, error) {
	if err := write(filepath.Join(dir, "go.mod"), "module submission\n\ngo 1.26\n\nrequire peerbed v0.0.0\n\nreplace peerbed => ../peerbed\n"); err != nil {
		return nil, err
	}
	os.Remove(filepath.Join(dir, "go.work"))
	os.Remove(filepath.Join(dir, "go.sum"))
	os.RemoveAll(filepath.Join(dir, "vendor"))
	ctx, stop := context.WithTimeout(ctx, time.Duration(w.limits.Build))
	defer stop()
	binary := filepath.Join(dir, "node.bin")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOPROXY=off", "GOWORK=off", "GOTOOLCHAIN=local")
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, fmt.Errorf("classroom: there is no Go on this machine: %w", err)
		}
		return nil, buildFailure(fmt.Sprintf("it does not build (%v):\n%.4000s", err, out))
	}
	return []string{binary}, nil
}

// command is how a process of the program is started.
func (p *Program) command() *exec.Cmd {
	l := confine.Limits{CPU: time.Duration(p.limits.CPU), Data: p.limits.Memory << 20}
	cmd := confine.Command(p.dir, p.reads, l, p.argv...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "GOMAXPROCS=1", "GOTRACEBACK=single", "PYTHONHASHSEED=0"}
	return cmd
}
