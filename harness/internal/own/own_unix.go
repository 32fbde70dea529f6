//go:build unix

package own

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Private makes a folder, and those above it, that only this user can use, or
// finds that it is so.
func Private(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("no folder for the run: %w; set TMPDIR to one that can be written", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || info.Mode().Perm()&0o077 != 0 || !ok || int(owner.Uid) != os.Getuid() {
		return fmt.Errorf("%s is not a private folder of this user; remove it, or set TMPDIR to another place", dir)
	}
	return nil
}

// Hold locks a file or folder until it is closed by all who have it open, or
// their processes end. It reports whether no other process had it. Where
// folders cannot be locked, all may have it.
func Hold(f *os.File) bool {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	return !errors.Is(err, syscall.EWOULDBLOCK)
}
