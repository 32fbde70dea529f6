//go:build !linux

package main

import "runtime"

// available is how many bytes of memory may still be taken; 0: it is not known.
func available() uint64 { return 0 }

// inMemory is how many bytes of memory the process has from the system.
func inMemory() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys
}
