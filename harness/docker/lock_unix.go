//go:build unix

package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// home returns the folder of this user that holds the folders of runs and what
// is kept between them. Its path is short, because the path of a unix socket
// has at most 107 bytes.
func home() (string, error) {
	dir := filepath.Join(os.TempDir(), "peerbed-"+strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("no folder for the run: %w; set TMPDIR to one that can be written", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; !info.IsDir() || int(owner) != os.Getuid() || info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s is not a private folder of this user; remove it, or set TMPDIR to another place", dir)
	}
	return dir, nil
}

// lockFile waits for the lock on a file, which it makes if need be. The kernel
// gives a lock back when its process ends, however it ends.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { f.Close() }, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			f.Close()
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// apart keeps what ends this process, as Ctrl-C does for all that a terminal
// has started, from another.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// nodeUser is whom nodes run as, "uid:gid": this user, so that it can clear
// away the nodes' folders; nobody in place of root.
func nodeUser() (uid, gid int) {
	if uid, gid = os.Getuid(), os.Getgid(); uid == 0 {
		return nobody, nobody
	}
	return uid, gid
}
