//go:build unix

package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"peerbed/harness/internal/own"
)

// home returns the folder of this user that holds the folders of runs and what
// is kept between them.
func home() (string, error) { return own.Home() }

// lockFile waits for the lock on a file, which it makes if need be. The kernel
// gives a lock back when its process ends, however it ends.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	return lockOne(ctx, path)
}

// lockOne waits for the lock on any of some files.
func lockOne(ctx context.Context, paths ...string) (unlock func(), err error) {
	for {
		for _, path := range paths {
			if unlock, err = tryLock(path); unlock != nil || err != nil {
				return unlock, err
			}
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// tryLock locks a file; nil, nil: another process has it.
func tryLock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil:
		return func() { f.Close() }, nil
	case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, syscall.EINTR):
		f.Close()
		return nil, nil
	}
	f.Close()
	return nil, fmt.Errorf("%s: %w", path, err)
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
