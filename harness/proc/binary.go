//go:build linux || darwin

package proc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"peerbed/harness"
	"peerbed/protocols/p2p"
)

var errNoGo = errors.New("there is no node binary: install Go, or name one in PEERBED_NODE")

// slow is when a build is worth a word.
const slow = 2 * time.Second

// provide gives the run a name of its own for the node binary that belongs to
// this source, which is built if need be; a later build does not change it.
func (l *lease) provide(ctx context.Context, speaks *p2p.Protocol, say func(string, ...any)) (string, error) {
	own := filepath.Join(l.dir, "node")
	if path := os.Getenv("PEERBED_NODE"); path != "" {
		if err := copyOf(own, path); err != nil {
			return "", fmt.Errorf("PEERBED_NODE: %w", err)
		}
		return own, nil
	}
	if _, err := exec.LookPath("go"); err != nil {
		return "", errNoGo
	}
	pkg, err := harness.NodeProgram(ctx, speaks)
	if err != nil {
		return "", err
	}
	dir := cacheDir()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	word := time.AfterFunc(slow, func() { say("building the node binary") })
	defer word.Stop()
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	built := filepath.Join(dir, "node")
	if err := build(ctx, pkg, built); err != nil {
		return "", err
	}
	return own, copyOf(own, built)
}

// cacheDir is where the binary is kept between runs.
func cacheDir() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "peerbed")
}

func build(ctx context.Context, pkg, path string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the node binary: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// copyOf makes a second name for a binary or, across file systems, a copy.
func copyOf(own, path string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	if os.Link(path, own) == nil {
		return nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(own, b, 0o700)
}

// lock waits until no other process builds.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
