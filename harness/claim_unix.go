//go:build unix

package harness

import (
	"errors"
	"os"
	"syscall"
)

// hold locks a folder until this process ends, and reports whether no other
// process had it. Where folders cannot be locked, all may have it.
func hold(f *os.File) bool {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	return !errors.Is(err, syscall.EWOULDBLOCK)
}
