//go:build unix

package harness

import (
	"os"
	"path/filepath"
	"testing"

	"peerbed/harness/internal/own"
)

// A second run of the same name that is under way at the same time writes
// beside the first, not over it; one after it writes in its place.
func TestRunsOfTheSameName(t *testing.T) {
	base := t.TempDir()
	t.Setenv("PEERBED_OUT", base)
	first := filepath.Join(base, "TestTwice", "chord")
	if err := os.MkdirAll(first, 0o755); err != nil {
		t.Fatal(err)
	}
	other, err := os.Open(first) // as another process does: the lock is the open file's
	if err != nil {
		t.Fatal(err)
	}
	if !own.Hold(other) {
		t.Fatal("a folder that nobody has cannot be held")
	}
	for range 2 { // a process stays with its folder
		if dir, err := OutDir("TestTwice/chord"); dir != first+"-2" || err != nil {
			t.Errorf("while another run has %s: %s (error %v), want %s-2", first, dir, err, first)
		}
	}
	other.Close()
	if dir, err := OutDir("TestOnce"); dir != filepath.Join(base, "TestOnce") || err != nil {
		t.Errorf("alone: %s (error %v), want TestOnce", dir, err)
	}
	again, err := os.Open(first)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if !own.Hold(again) {
		t.Error("the folder of a run that has ended is still held")
	}
}
