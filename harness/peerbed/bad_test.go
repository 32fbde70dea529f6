//go:build unix

package main

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"peerbed/harness/backendtest"
	"peerbed/harness/docker"
)

// What cannot be done is refused in one clear sentence that says what would
// help, with a status that is not zero, and nothing is left; as a command and as
// a test alike.
func TestRefusedClearly(t *testing.T) {
	const demo, victim = commandVariable + "=demo -backend docker", victimVariable + "=docker"
	tooMany := map[string]string{"PEERBED_NODES": "5000"}
	noDaemon := map[string]string{"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
	noProgram := map[string]string{"PATH": "/nonexistent"}
	for _, c := range []struct {
		what, program string
		env           map[string]string
		says, cure    string
	}{
		{"too many nodes", victim, tooMany, "5000 nodes and an introducer do not fit", "-backend sim"},
		{"no daemon", victim, noDaemon, "no Docker daemon answers", "sudo systemctl start docker"},
		{"no daemon, by command", demo, noDaemon, "no Docker daemon answers", "sudo systemctl start docker"},
		{"no compiler", demo, noProgram, "go", "install Go"},
	} {
		t.Run(c.what, func(t *testing.T) {
			if _, err := docker.Available(t.Context()); err != nil && c.env["DOCKER_HOST"] == "" {
				backendtest.Lacks(t, err)
			}
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			p := startApart(t, c.program)
			err := p.Wait()
			if how, ok := errors.AsType[*exec.ExitError](err); !ok || how.ExitCode() != 1 {
				t.Errorf("it ended with %v, want status 1", err)
			}
			if n := linesWith(p.said.String(), c.says, c.cure); n != 1 {
				t.Errorf("%d lines have %q and %q, want one; it said:\n%s", n, c.says, c.cure, p.said.String())
			}
			if left := folders(p.top); len(left) > 0 {
				t.Errorf("left behind: folders of %q", left)
			}
		})
	}
}

// linesWith counts the lines that have all of the words.
func linesWith(text string, words ...string) (n int) {
	for line := range strings.Lines(text) {
		all := true
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all {
			n++
		}
	}
	return n
}
