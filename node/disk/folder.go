package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"peerbed/protocols/p2p"
)

// stateDir holds what Save saved, newState what it is just writing, and lives
// how many processes have used the folder. No blob's name begins like them.
const (
	stateDir = ".state"
	newState = ".state.new"
	lives    = ".state.lives"
	arriving = ".state.blob." // and a name of its own: what Receive is just writing
)

// A Folder is an open node folder. Its methods may be called from any
// goroutine.
type Folder struct {
	root *os.Root
	life uint64
}

// Open opens the folder dir, and makes it if it is missing. The error is a
// sentence for the user.
func Open(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the share %s: %w", dir, cause(err))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open the share %s: %w", dir, cause(err))
	}
	f := &Folder{root: root}
	if err := f.try(); err != nil {
		root.Close()
		return nil, fmt.Errorf("cannot use the share %s: %w", dir, cause(err))
	}
	return f, nil
}

// try finds out now what would otherwise fail in the middle of a run.
func (f *Folder) try() error {
	if _, err := fs.ReadDir(f.root.FS(), "."); err != nil {
		return err
	}
	if err := f.root.Mkdir(stateDir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return f.count()
}

// count begins another life.
func (f *Folder) count() error {
	b, err := f.root.ReadFile(lives)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	before, _ := strconv.ParseUint(string(b), 10, 64) // damaged: begin anew
	f.life = before + 1
	return f.root.WriteFile(lives, strconv.AppendUint(nil, f.life, 10), 0o644)
}

// Life numbers the processes that have opened the folder, from 1. A node that
// starts again mixes it into its seed: it would otherwise draw the ids of its
// earlier life, which others remember and take for repeats.
func (f *Folder) Life() uint64 { return f.life }

// cause strips the path, which the sentence around it has already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Close closes the folder. Open blobs stay open.
func (f *Folder) Close() error { return f.root.Close() }

// Blob opens a blob for reading. An error wraps p2p.ErrDisk.
func (f *Folder) Blob(name string) (*os.File, error) {
	if err := f.regular(name); err != nil {
		return nil, failed(err)
	}
	file, err := f.root.Open(name)
	if err != nil {
		return nil, failed(err)
	}
	return file, nil
}

// regular refuses names that are no blob's, and what is not a plain file: to
// open a pipe would wait for ever.
func (f *Folder) regular(name string) error {
	if !Valid(name) {
		return fmt.Errorf("%q is not a name for a blob", name)
	}
	info, err := f.root.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%q is not a plain file", name)
	}
	return err
}

// Valid reports whether a blob may be called name: one plain path element of
// at most 255 bytes that is not the state folder.
func Valid(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= 255 &&
		!strings.ContainsAny(name, "/\\\x00") && !strings.HasPrefix(name, stateDir)
}

// blobs lists the plain files of the folder, in the order of their names.
func (f *Folder) blobs() []p2p.Blob {
	entries, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return nil
	}
	var list []p2p.Blob
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && Valid(e.Name()) {
			list = append(list, p2p.Blob{Name: e.Name(), Len: info.Size()})
		}
	}
	return list
}

func failed(err error) error { return fmt.Errorf("%w: %w", p2p.ErrDisk, err) }
