package classroom

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// asleep reports whether all threads of a process wait for something, so that it is
// not a busy machine that keeps it from answering.
func asleep(pid int) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		return true
	}
	for _, t := range threads {
		b, err := os.ReadFile(t)
		if end := bytes.LastIndexByte(b, ')'); err == nil && end >= 0 && len(b) > end+2 && bytes.IndexByte([]byte("RD"), b[end+2]) >= 0 {
			return false
		}
	}
	return true
}
