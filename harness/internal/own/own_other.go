//go:build !unix

package own

import "os"

// Private makes a folder; here no system says whose it is.
func Private(dir string) error { return os.MkdirAll(dir, 0o700) }

// Hold cannot lock a folder here: all processes may have it.
func Hold(*os.File) bool { return true }
