//go:build linux || darwin

package proc_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"peerbed/harness"
	"peerbed/harness/proc"
)

// "Clean removes what is ours [...] and never anything else, nor a run that is
// alive": what a dead run has left is a folder and a process of a program in
// it; somebody else's is a folder with a name like ours.
func TestClean(t *testing.T) {
	home := shortTemp(t)
	t.Setenv("TMPDIR", home)
	_, alive := open(t, "alive-a1")
	dead := filepath.Join(home, fmt.Sprintf("peerbed-%d", os.Getuid()), "127.64-d1") // no run takes 127.64
	orphan := leaveOrphan(t, dead)
	foreign := filepath.Join(filepath.Dir(dead), "128.64-d1")
	if err := os.Mkdir(foreign, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []harness.Cleaning{{Dry: true}, {Run: "127.64-none"}} {
		if _, err := proc.Clean(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(dead); err != nil || orphan.ProcessState != nil {
			t.Fatalf("%+v removed something (%v)", c, err)
		}
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir()) // the binary that others use stays out of it
	found, err := proc.Clean(t.Context(), harness.Cleaning{})
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, l := range found {
		n[l.Kind]++
	}
	if n["process"] != 1 || n["folder"] != 1 || n["run"] != 1 || len(found) != 3 {
		t.Errorf("found %+v, want a process, a folder, and a run that is alive", found)
	}
	if orphan.Wait(); orphan.ProcessState.Success() {
		t.Error("the process that the dead run left ended well, want it killed")
	}
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Errorf("the folder of the dead run: %v, want it gone", err)
	}
	if _, err := os.Stat(foreign); err != nil || !listens(alive.Addr) {
		t.Errorf("the folder of somebody else: %v; the run that is alive answers: %v", err, listens(alive.Addr))
	}
}

// shortTemp is a folder with a short path, for sockets in it.
func shortTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pbp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// leaveOrphan makes the folder of a run that nobody holds, and starts a program
// in it that does not end by itself.
func leaveOrphan(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Skip(err)
	}
	program, err := os.ReadFile(cat)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "node"), program, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(filepath.Join(dir, "node"))
	if _, err := c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill() })
	return c
}

// A run that is alive goes if it is named: its harness is asked to end, and
// what it does not remove its watcher does.
func TestCleanEndsTheRunThatIsNamed(t *testing.T) {
	home := shortTemp(t)
	t.Setenv("TMPDIR", home)
	cmd := exec.Command(os.Args[0], "-test.run=^TestVictim$")
	cmd.Env = append(os.Environ(), victim+"=named")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	addr := heard(t, bufio.NewScanner(out))
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	ids := folders(t, "named")
	if len(ids) != 1 {
		t.Fatalf("%d runs, want one", len(ids))
	}
	found, err := proc.Clean(t.Context(), harness.Cleaning{Run: filepath.Base(ids[0])})
	if err != nil || len(found) == 0 || found[0].Failed {
		t.Errorf("found %+v (error %v), want what the run has left", found, err)
	}
	if err := <-ended; err == nil {
		t.Error("the harness ended well, want it ended")
	}
	soon(t, "its node is gone", func() bool { return !listens(addr) })
	soon(t, "its folder is gone", func() bool { return len(folders(t, "named")) == 0 })
}
