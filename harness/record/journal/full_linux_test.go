package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// On a disk that is really full the run goes on, what was written stays readable,
// and when there is room again so does the journal.
func TestRealFullDisk(t *testing.T) {
	if os.Getenv("PEERBED_SOAK") == "" {
		t.Skip("mounts a file system: only with PEERBED_SOAK=1, as root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no small file system to fill: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, bytes.Repeat([]byte{1}, 40<<10), 0o644); err != nil {
		t.Fatal(err)
	}
	var told []error
	w, err := Create(filepath.Join(dir, File), Run{}, func(err error) { told = append(told, err) })
	if err != nil {
		t.Fatal(err)
	}
	c := w.Begin(Cluster{Cluster: "chord"})
	for i := range 1000 {
		c.Write(Line{Operation: &Operation{Cluster: c.Name, N: i}})
	}
	if len(told) != 1 || !errors.Is(told[0], syscall.ENOSPC) {
		t.Fatalf("told %v: want once that the disk is full", told)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	c.End(End{})
	j, err := Load(w.File())
	if err != nil || len(j.Clusters) != 1 || j.Clusters[0].End == nil || len(j.Clusters[0].Operations) < 50 || len(j.Damage) > 1 {
		t.Errorf("%v, %+v", err, j)
	}
}
