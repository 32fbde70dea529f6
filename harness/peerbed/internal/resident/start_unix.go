//go:build unix

package resident

import "syscall"

// apart gives a resident a session of its own: neither Ctrl-C nor the end of
// the terminal reaches it.
func apart() (*syscall.SysProcAttr, error) { return &syscall.SysProcAttr{Setsid: true}, nil }
