//go:build !linux

package docker

// The daemon's machine is not this one, but a virtual one that is not seen.
func tasks() int             { return 0 }
func daemonFiles(string) int { return 0 }
