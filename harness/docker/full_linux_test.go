package docker

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"peerbed/harness"
)

// A daemon whose disk is full says so, in one sentence, and nothing of the run
// is left.
func TestFullDisk(t *testing.T) {
	long(t)
	d := newDaemon(t)
	d.process.Process.Kill()
	d.process.Wait()
	if err := os.MkdirAll(d.path("data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", d.path("data"), "tmpfs", 0, "size=10m"); err != nil {
		t.Skip(err)
	}
	os.Remove(d.path("pid"))
	d.start(t)
	e := needDaemon(t)
	b := newBackend(harness.Options{Run: "full", Nodes: 2, Progress: t.Logf})
	err := b.begin(t.Context(), nodePackage)
	if err == nil || !strings.Contains(err.Error(), "no space left") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one sentence that says what lacks", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	nothingLeft(t, e, b.id)
}
