//go:build linux || darwin

package proc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"peerbed/harness"
	"peerbed/harness/internal/own"
)

// Clean removes what runs of this user have left on this machine: processes
// that were started from a run's folder, the folder, and the node binary that
// is kept between runs. A run is alive while its harness holds a socket in its
// addresses; it is ended by ending the harness.
func Clean(ctx context.Context, c harness.Cleaning) (found []harness.Leftover, err error) {
	dirs, err := filepath.Glob(filepath.Join(own.Path(), "127.*-*"))
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		found = append(found, cleanRun(ctx, c, dir)...)
	}
	if c.Caches() {
		found = append(found, cleanBinary(c)...)
	}
	return found, nil
}

// cleanRun removes the run of one folder, whose name is the run's id here.
func cleanRun(ctx context.Context, c harness.Cleaning, dir string) (found []harness.Leftover) {
	id := filepath.Base(dir)
	free := freeRange(id)
	if !c.Takes(id, free == nil) {
		if free != nil {
			free()
		} else if c.Run == "" {
			found = append(found, harness.Leftover{Run: id, Kind: "run", Name: dir, Kept: "it is alive"})
		}
		return found
	}
	if free != nil {
		defer free()
	} else if why := end(ctx, c, dir); why != nil {
		return append(found, harness.Leftover{Run: id, Kind: "run", Name: dir, Kept: why.Error(), Failed: true})
	}
	for _, p := range startedFrom(dir) {
		found = append(found, remove(c, harness.Leftover{Run: id, Kind: "process", Name: strconv.Itoa(p)}, func() error {
			return syscall.Kill(p, syscall.SIGKILL)
		}))
	}
	return append(found, remove(c, harness.Leftover{Run: id, Kind: "folder", Name: dir}, func() error { return os.RemoveAll(dir) }))
}

// remove removes something by f, unless nothing is to be, and says what became
// of it.
func remove(c harness.Cleaning, l harness.Leftover, f func() error) harness.Leftover {
	if c.Dry {
		return l
	}
	if err := f(); err != nil && !errors.Is(err, syscall.ESRCH) {
		l.Kept, l.Failed = err.Error(), true
	}
	return l
}

// freeRange takes the addresses of a run for as long as it is cleaned away,
// and gives them back when called; nil: a harness has them, the run is alive.
func freeRange(id string) (give func()) {
	addresses, _, _ := strings.Cut(id, "-")
	mark, err := net.ListenPacket("udp4", addresses+markEnd)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil
	}
	if err != nil {
		return func() {} // no run can be there
	}
	return func() { mark.Close() }
}

// lastCall is how long a harness has to end its run when it is asked to.
const lastCall = 20 * time.Second

var (
	errNameless = errors.New("it is alive, and does not say which process began it; end that")
	errStays    = errors.New("the process that began it does not end")
)

// end ends the harness of a run that is alive: by SIGTERM, on which it clears
// up, and at last by SIGKILL, on which the watcher does.
func end(ctx context.Context, c harness.Cleaning, dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, harnessFile))
	pid, err2 := strconv.Atoi(string(b))
	if err != nil || err2 != nil || pid <= 1 {
		return errNameless
	}
	if c.Dry {
		return nil
	}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("process %d, which began it, cannot be ended: %w", pid, err)
		}
		if ended(ctx, filepath.Base(dir)) {
			return nil
		}
	}
	return fmt.Errorf("%w: %d", errStays, pid)
}

// ended waits until the addresses of a run are free.
func ended(ctx context.Context, id string) bool {
	for began := time.Now(); time.Since(began) < lastCall && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		if give := freeRange(id); give != nil {
			give()
			return true
		}
	}
	return false
}

// cleanBinary removes the node binary that is kept between runs. Its lock
// stays: another process may wait for it.
func cleanBinary(c harness.Cleaning) []harness.Leftover {
	path := filepath.Join(cacheDir(), "node")
	if _, err := os.Lstat(path); err != nil {
		return nil
	}
	return []harness.Leftover{remove(c, harness.Leftover{Kind: "program", Name: path}, func() error {
		unlock, err := lock(filepath.Join(cacheDir(), "lock"))
		if err != nil {
			return err
		}
		defer unlock()
		return os.Remove(path)
	})}
}
