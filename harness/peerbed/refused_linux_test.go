package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"peerbed/harness/backendtest"
	"peerbed/harness/docker"
)

// Whoever may not use the daemon's socket is told so in one sentence, and what
// to do, with a status that is not zero.
func TestSocketIsNotForEveryone(t *testing.T) {
	if os.Getuid() != 0 {
		backendtest.Lacks(t, "to become nobody takes root")
	}
	if _, err := docker.Available(t.Context()); err != nil {
		backendtest.Lacks(t, err)
	}
	for _, command := range []string{"doctor -quick", "clean -backend docker"} {
		c := asNobody(t, command)
		var errs strings.Builder
		c.Stderr = &errs
		out, err := c.Output()
		text := string(out) + errs.String()
		if how, ok := errors.AsType[*exec.ExitError](err); !ok || how.ExitCode() != 1 {
			t.Errorf("%s ended with %v, want status 1; it said:\n%s", command, err, text)
		}
		for _, want := range []string{"this user may not talk to the Docker daemon", "sudo usermod -aG docker $USER"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q, but:\n%s", command, want, text)
			}
		}
		if strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%s: errors are not one line: %q", command, errs.String())
		}
	}
}

// asNobody is peerbed with this command line, as a user without rights: a copy
// of this binary, which lies where only its user may go.
func asNobody(t *testing.T, line string) *exec.Cmd {
	t.Helper()
	const nobody = 65534
	dir, err := os.MkdirTemp("", "pbn")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	binary, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = errors.Join(os.Chown(dir, nobody, nobody), os.WriteFile(filepath.Join(dir, "peerbed"), binary, 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(filepath.Join(dir, "peerbed"))
	c.Dir = dir
	c.Env = append(os.Environ(), commandVariable+"="+line, "TMPDIR="+dir, "HOME="+dir)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return c
}
