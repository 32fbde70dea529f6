package docker

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"peerbed/harness"
)

// mustSayFull wants one sentence that says what lacks.
func mustSayFull(t *testing.T, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "no space left") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one sentence that says what lacks", err)
	}
}

// fill takes all that is left on the disk of a folder.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 1<<20); len(block) > 0; {
		switch _, err := f.Write(block); {
		case errors.Is(err, syscall.ENOSPC):
			block = block[:len(block)/2] // down to the last byte
		case err != nil:
			t.Fatal(err)
		}
	}
}

// A daemon whose disk is full says so, in one sentence, and nothing of the run
// is left.
func TestFullDisk(t *testing.T) {
	long(t)
	newDaemonOn(t, "10m")
	e := needDaemon(t)
	b := newBackend(harness.Options{Run: "full", Nodes: 2, Progress: t.Logf})
	mustSayFull(t, b.begin(t.Context(), nodePackage))
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	nothingLeft(t, e, b.id)
}

// So does one whose disk fills while the run is under way.
func TestDiskFillsUp(t *testing.T) {
	long(t)
	d := newDaemonOn(t, "400m")
	e := needDaemon(t)
	b := openWorld(t, harness.Options{Run: "fills", Nodes: 4}, nodePackage)
	list := specs(b, 3)
	if err := spawn(t.Context(), b, list[:3]); err != nil {
		t.Fatal(err)
	}
	fill(t, d.path("data"))
	mustSayFull(t, b.Spawn(t.Context(), list[3]))
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	nothingLeft(t, e, b.id)
}

// A run whose own folder is on a full disk says so too.
func TestFullHome(t *testing.T) {
	long(t)
	needRoot(t, "to mount a disk")
	e := needDaemon(t)
	home := t.TempDir()
	if err := syscall.Mount("tmpfs", home, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount(home, syscall.MNT_DETACH) })
	fill(t, home)
	t.Setenv("TMPDIR", home)
	b := newBackend(harness.Options{Run: "full", Nodes: 2, Progress: t.Logf})
	mustSayFull(t, b.begin(t.Context(), nodePackage))
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	nothingLeft(t, e, b.id)
}
