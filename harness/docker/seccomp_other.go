//go:build !linux

package docker

// systemCalls is only there where the harness runs on Linux.
func systemCalls() string { return "" }
