package docker

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// "A cluster whose daemon is gone": each command of the shell says so in one
// sentence and fails, down ends what there is of it, and a daemon that comes back
// finds a bed that can be used again.
func TestShellWithoutItsDaemon(t *testing.T) {
	long(t)
	d := newDaemon(t)
	top, err := os.MkdirTemp("", "pbg") // short enough for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	t.Setenv("TMPDIR", top)
	program := filepath.Join(top, "peerbed")
	if out, err := exec.Command("go", "build", "-o", program, "peerbed/harness/peerbed").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	peerbed := func(line string) (status int, errs string) {
		var said strings.Builder
		c := exec.Command(program, strings.Fields(line)...)
		c.Stderr = &said
		if _, failed := errors.AsType[*exec.ExitError](c.Run()); failed {
			status = c.ProcessState.ExitCode()
		}
		return status, said.String()
	}
	if status, errs := peerbed("up -nodes 2 -backend docker"); status != 0 {
		t.Fatalf("up: status %d: %s", status, errs)
	}
	t.Cleanup(func() { peerbed("down") })
	d.end(t, syscall.SIGKILL)
	for _, line := range []string{"status", "publish song", "find song", "crash 0", "cut -groups 1,1", "metrics"} {
		status, errs := peerbed(line)
		if status != 1 || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "the Docker daemon no longer answers") {
			t.Errorf("%s without a daemon: status %d, %q", line, status, errs)
		}
	}
	status, errs := peerbed("down")
	if status != 1 || strings.Count(errs, "\n") != 1 {
		t.Errorf("down without a daemon: status %d, %q; want one sentence that says what remains", status, errs)
	}
	if status, errs := peerbed("status"); status != 1 || !strings.Contains(errs, "no cluster is up") {
		t.Errorf("after down: status %d, %q", status, errs)
	}
	d.restart(t)
	if status, errs := peerbed("up -nodes 2 -backend docker"); status != 0 {
		t.Errorf("up with the daemon that is back: status %d: %s", status, errs)
	}
	if status, errs := peerbed("down"); status != 0 {
		t.Errorf("down: status %d: %s", status, errs)
	}
}
