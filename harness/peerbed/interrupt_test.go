//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/backendtest"
	"peerbed/harness/docker"
	"peerbed/harness/proc"
	"peerbed/protocols/chord"
)

// commandVariable makes the test binary peerbed itself, with this command line.
const commandVariable = "PEERBED_TEST_COMMAND"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "resident" { // as peerbed up starts it
		main()
	}
	if line := os.Getenv(commandVariable); line != "" {
		os.Args = append(os.Args[:1], strings.Fields(line)...)
		main()
	}
	os.Exit(m.Run())
}

// victimVariable makes TestVictim one that goes on until it is interrupted, in
// this world.
const victimVariable = "PEERBED_TEST_VICTIM"

// closingFile is what TestVictim makes in PEERBED_OUT when a cluster is about to
// be closed.
const closingFile = "closing"

// A test as users write them: clusters are opened, one after the other.
func TestVictim(t *testing.T) {
	world := os.Getenv(victimVariable)
	if world == "" {
		t.Skip("for TestInterrupts")
	}
	for t.Run("experiment", func(t *testing.T) {
		c := harness.New(t, chord.Protocol, 3, harness.World(world))
		t.Cleanup(func() { os.WriteFile(filepath.Join(os.Getenv("PEERBED_OUT"), closingFile), nil, 0o600) })
		c.Advance(2 * time.Second)
	}) {
	}
}

// A phase is where in a program's life an interrupt comes.
type phase struct {
	name  string
	begun func(top string) error // nil: with the program; else whether it has
	lasts time.Duration          // how late the interrupt may come
	twice bool                   // and another one, which does not wait for what the first one does
}

// "Ctrl-C at any moment: non-zero exit, nothing left."
func TestInterrupts(t *testing.T) {
	moment := rand.New(rand.NewPCG(7, 11))
	for _, world := range interruptWorlds(t) {
		for _, program := range []string{commandVariable + "=demo -backend " + world, victimVariable + "=" + world} {
			for _, p := range []phase{
				{"start", nil, 3 * time.Second, false},
				{"first node", hasNode, 3 * time.Second, false},
				{"first node", hasNode, time.Second, true},
				{"closing", isClosing, time.Second, false},
			} {
				if p.name == "closing" && strings.HasPrefix(program, commandVariable) {
					continue // a story does not tell when it closes
				}
				after := time.Duration(moment.Int64N(int64(p.lasts)))
				name := fmt.Sprintf("%s/%s/%v after %s", world, program[len("PEERBED_TEST_"):], after.Round(time.Millisecond), p.name)
				t.Run(name, func(t *testing.T) { interrupt(t, program, p, after) })
			}
		}
	}
}

// interruptWorlds are proc and, as make soak wants it, docker: in containers it
// takes half a minute.
func interruptWorlds(t *testing.T) []string {
	t.Helper()
	if os.Getenv("PEERBED_SOAK") == "" {
		return []string{"proc"}
	}
	if _, err := docker.Available(t.Context()); err != nil {
		backendtest.Lacks(t, err)
	}
	release, err := docker.Turn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return []string{"proc", "docker"}
}

// interrupt starts the program, with a home of its own, and interrupts it some
// time after a phase of its life has begun.
func interrupt(t *testing.T, program string, p phase, after time.Duration) {
	c := startApart(t, program)
	if p.begun != nil {
		if err := within(time.Minute, func() error { return p.begun(c.top) }); err != nil {
			t.Fatal(err)
		}
	}
	runs := watchRuns(t.Context(), c.top, after)
	c.Process.Signal(syscall.SIGINT)
	if p.twice {
		<-time.After(200 * time.Millisecond)
		c.Process.Signal(syscall.SIGINT)
	}
	late := time.AfterFunc(time.Minute, func() { c.Process.Kill() })
	err := c.Wait()
	if how, ok := errors.AsType[*exec.ExitError](err); !ok || !late.Stop() {
		t.Errorf("it ended with %v (%v), want to end with an error within a minute; it said:\n%s", err, how, c.said.String())
	}
	t.Logf("%d runs; its last words: %s", len(runs), lastLine(c.said.String()))
	mustHaveLeftNothing(t, c.top, runs)
}

// A program that runs apart has a home of its own.
type program struct {
	*exec.Cmd
	top  string // its TMPDIR
	said bytes.Buffer
}

// startApart starts this test binary as a program, "VARIABLE=value", apart.
func startApart(t *testing.T, what string) *program {
	t.Helper()
	top, err := os.MkdirTemp("", "pbi") // short, for the paths of sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	t.Setenv("TMPDIR", top)
	t.Setenv("PEERBED_OUT", top)
	t.Setenv(docker.TurnsVariable, "off") // it is this process's turn
	c := &program{Cmd: exec.Command(os.Args[0], "-test.run=^TestVictim$"), top: top}
	c.Env = append(os.Environ(), what)
	c.Stdout, c.Stderr = &c.said, &c.said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill() })
	return c
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

var runFolder = regexp.MustCompile(`^([0-9a-f]{8}|127\..*)$`)

// watchRuns collects the ids of the runs that begin during this time.
func watchRuns(ctx context.Context, top string, during time.Duration) map[string]bool {
	runs := map[string]bool{}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(during); ; {
		for _, id := range folders(top) {
			runs[id] = true
		}
		select {
		case <-ctx.Done():
			return runs
		case <-end:
			return runs
		case <-tick.C:
		}
	}
}

// hasNode reports, as an error, that no run has a node's folder yet.
func hasNode(top string) error {
	for _, folder := range []string{"127.*/*-*", "*/c/*"} { // in proc, in docker
		if some, _ := filepath.Glob(filepath.Join(top, "peerbed-*", filepath.FromSlash(folder))); len(some) > 0 {
			return nil
		}
	}
	return errors.New("no node began")
}

// isClosing reports, as an error, that no cluster is being closed yet.
func isClosing(top string) error {
	_, err := os.Stat(filepath.Join(top, closingFile))
	return err
}

// folders lists the runs that have a folder.
func folders(top string) (ids []string) {
	all, _ := filepath.Glob(filepath.Join(top, "peerbed-*", "*"))
	for _, path := range all {
		if id := filepath.Base(path); runFolder.MatchString(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// mustHaveLeftNothing asks both worlds what they still have of the runs.
func mustHaveLeftNothing(t *testing.T, top string, runs map[string]bool) {
	t.Helper()
	for id := range runs {
		err := within(30*time.Second, func() error { return leftBehind(t.Context(), harness.Cleaning{Run: id, Dry: true}) })
		// What cannot be removed for a fault of the daemon's is not a failure.
		if err != nil && leftBehind(t.Context(), harness.Cleaning{Run: id}) != nil {
			t.Error(err)
		}
	}
	if err := within(30*time.Second, func() error {
		if left := folders(top); len(left) > 0 {
			return fmt.Errorf("left behind: folders of %q", left)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// leftBehind reports, as an error, what a cleaning finds of a run, less what it
// has to leave alone.
func leftBehind(ctx context.Context, c harness.Cleaning) error {
	clean := docker.Clean
	if strings.HasPrefix(c.Run, "127.") {
		clean = proc.Clean
	}
	found, err := clean(ctx, c)
	found = slices.DeleteFunc(found, func(l harness.Leftover) bool { return l.Kept != "" && !l.Failed })
	if len(found) > 0 || err != nil {
		return fmt.Errorf("left behind: %v (error %v)", found, err)
	}
	return nil
}
