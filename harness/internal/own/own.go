// Package own is what belongs to this user alone on a machine: a private folder
// for the runs, and locks that end with the process that holds them.
package own

import (
	"fmt"
	"os"
	"path/filepath"
)

// Path is the folder that all of this user's runs share. It is short, because
// the path of a unix socket has at most 107 bytes.
func Path() string { return filepath.Join(os.TempDir(), fmt.Sprintf("peerbed-%d", os.Getuid())) }

// Home makes that folder, or finds that it is nobody else's.
func Home() (string, error) {
	dir := Path()
	return dir, Private(dir)
}
