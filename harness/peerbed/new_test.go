package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// begun begins a protocol or an experiment in a new folder.
func begun(t *testing.T, what, name string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), name)
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"new", what, name, dir}, &out, &errs); code != 0 {
		t.Fatalf("exit status %d: %s", code, errs.String())
	}
	if want := "(cd " + dir + " && go test ./...)"; !strings.Contains(out.String(), want) {
		t.Errorf("it says %q, and not %q", out.String(), want)
	}
	return dir
}

// tool runs the go tool in a module that has nothing to do with this one.
func tool(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PEERBED_OUT=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// code counts the lines of a file that are neither empty nor comments.
func code(t *testing.T, file string) (lines int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			lines++
		}
	}
	return lines
}

// A module outside ours has a protocol of fewer than 60 lines and an experiment of
// fewer than 20, without comments, which run in all worlds. (Containers take turns:
// that world is .ci/run's.)
func TestAProtocolOutsideThisModule(t *testing.T) {
	long(t)
	dir := begun(t, "protocol", "gossip")
	if n := code(t, filepath.Join(dir, "gossip.go")); n >= 60 {
		t.Errorf("the protocol has %d lines, want fewer than 60", n)
	}
	if n := code(t, filepath.Join(dir, "gossip_test.go")); n >= 20 {
		t.Errorf("the experiment has %d lines, want fewer than 20", n)
	}
	formatted(t, dir)
	tool(t, dir, "vet", "./...")
	tool(t, dir, "test", "./...", "-count=1", "-run", "/^(sim|proc)$")
}

func TestAnExperimentOutsideThisModule(t *testing.T) {
	dir := begun(t, "experiment", "question")
	formatted(t, dir)
	tool(t, dir, "vet", "./...")
	tool(t, dir, "test", "./...", "-count=1", "-run", "/^sim$")
}

func formatted(t *testing.T, dir string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "gofmt", "-l", dir).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("not formatted: %s, error %v", out, err)
	}
}

func TestNewRefuses(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "new")
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"protocol", "gossip", full}, "peerbed new: " + full + " is not empty, and nothing is overwritten: name another folder\n"},
		{[]string{"protocol", "gossip", filepath.Join(full, "mine")}, "peerbed new: " + full + "/mine cannot hold a module: "},
		{[]string{"protocol", "Gossip", empty}, `peerbed new: the name "Gossip": want 2 to 30 lower-case letters and digits, a letter first; see`},
		{[]string{"protocol", "../gossip", empty}, `peerbed new: the name "../gossip": want`},
		{[]string{"protocol", "func", empty}, `peerbed new: the name "func" is a word of Go's: choose another; see`},
		{[]string{"protocol", "string", empty}, `peerbed new: the name "string" is a word of Go's`},
		{[]string{"protocol", "sort", empty}, `peerbed new: the name "sort" is a package of Go's library`},
		{[]string{"protocol", "introducer", empty}, `peerbed new: the name "introducer" is peerbed's own`},
		{[]string{"protocol", "workload", empty}, `peerbed new: the name "workload" is peerbed's own`},
		{[]string{"cluster", "gossip", empty}, `peerbed new: "cluster" cannot be begun: want protocol or experiment; see`},
		{[]string{"protocol"}, "peerbed new: want protocol|experiment NAME [DIR], not [\"protocol\"]; see peerbed new -h\n"},
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), append([]string{"new"}, test.args...), &out, &errs); code == 0 || !strings.HasPrefix(errs.String(), test.want) {
			t.Errorf("%q: exit status %d, %q, want %q", test.args, code, errs.String(), test.want)
		}
		if strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%q: want one line, not %q", test.args, errs.String())
		}
	}
	if _, err := os.Stat(empty); err == nil {
		t.Error("what was refused left a folder")
	}
}

// Without the source of peerbed there is nothing to replace it by.
func TestNewOutsideOfEverything(t *testing.T) {
	t.Chdir(t.TempDir())
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"new", "protocol", "gossip", "here"}, &out, &errs)
	if code != 1 || !strings.Contains(errs.String(), "there is no source of peerbed here") {
		t.Errorf("exit status %d, %q", code, errs.String())
	}
	if _, err := os.Stat("here"); err == nil {
		t.Error("it left a folder")
	}
}
