package main

import (
	"os"
	"strconv"
	"strings"
)

// available is how many bytes of memory may still be taken; 0: it is not known.
func available() uint64 { return kib("/proc/meminfo", "MemAvailable:") }

// inMemory is how many bytes of memory the process has.
func inMemory() uint64 { return kib("/proc/self/status", "VmRSS:") }

// kib reads a line of a file of the kernel's, in bytes.
func kib(name, line string) uint64 {
	b, err := os.ReadFile(name)
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), line)
	if words := strings.Fields(rest); len(words) > 0 {
		n, _ := strconv.ParseUint(words[0], 10, 64)
		return n << 10
	}
	return 0
}
