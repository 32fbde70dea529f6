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
	"strings"
	"syscall"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/docker"
	"peerbed/harness/proc"
	"peerbed/protocols/chord"
)

// commandVariable makes the test binary peerbed itself, with this command line.
const commandVariable = "PEERBED_TEST_COMMAND"

func TestMain(m *testing.M) {
	if line := os.Getenv(commandVariable); line != "" {
		os.Args = append(os.Args[:1], strings.Fields(line)...)
		main()
	}
	os.Exit(m.Run())
}

// victimVariable makes TestVictim one that goes on until it is interrupted, in
// this world.
const victimVariable = "PEERBED_TEST_VICTIM"

// A test as users write them: clusters are opened, one after the other.
func TestVictim(t *testing.T) {
	world := os.Getenv(victimVariable)
	if world == "" {
		t.Skip("for TestInterrupts")
	}
	for range 100 {
		t.Run("experiment", func(t *testing.T) {
			c := harness.New(t, chord.Protocol, 3, harness.World(world))
			c.Advance(2 * time.Second)
		})
	}
}

// late is how late an interrupt may come.
const late = 3 * time.Second

// "Ctrl-C at any moment: non-zero exit, nothing left."
func TestInterrupts(t *testing.T) {
	worlds := []string{"proc"}
	// In containers it takes half a minute: make soak sets PEERBED_SOAK.
	if _, err := docker.Available(t.Context()); err == nil && os.Getenv("PEERBED_SOAK") != "" {
		worlds = append(worlds, "docker")
		release, err := docker.Turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer release()
	}
	moment := rand.New(rand.NewPCG(7, 11))
	for _, world := range worlds {
		for _, program := range []string{commandVariable + "=demo -backend " + world, victimVariable + "=" + world} {
			for i, from := range []string{"start", "first node", "first node"} {
				after := time.Duration(moment.Int64N(int64(late)))
				name := fmt.Sprintf("%s/%s/%d %v after %s", world, program[len("PEERBED_TEST_"):], i, after.Round(time.Millisecond), from)
				t.Run(name, func(t *testing.T) { interrupt(t, program, i > 0, after) })
			}
		}
	}
}

// interrupt starts the program, with a home of its own, and interrupts it some
// time after its start or, with up, after its first node has a folder.
func interrupt(t *testing.T, program string, up bool, after time.Duration) {
	top, err := os.MkdirTemp("", "pbi") // short, for the paths of sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	t.Setenv("TMPDIR", top)
	t.Setenv("PEERBED_OUT", t.TempDir())
	t.Setenv(docker.TurnsVariable, "off") // it is this process's turn
	c := exec.Command(os.Args[0], "-test.run=^TestVictim$")
	c.Env = append(os.Environ(), program)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill() })
	if up {
		within(t, time.Minute, func() error { return hasNode(top) })
	}
	runs := watchRuns(t.Context(), top, after)
	c.Process.Signal(syscall.SIGINT)
	late := time.AfterFunc(time.Minute, func() { c.Process.Kill() })
	err = c.Wait()
	if how, ok := errors.AsType[*exec.ExitError](err); !ok || !late.Stop() {
		t.Errorf("it ended with %v (%v), want to end with an error within a minute; it said:\n%s", err, how, out.String())
	}
	t.Logf("%d runs; its last words: %s", len(runs), lastLine(out.String()))
	mustHaveLeftNothing(t, top, runs)
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

// within waits for something to be so.
func within(t *testing.T, limit time.Duration, f func() error) {
	t.Helper()
	err := f()
	for end := time.Now().Add(limit); err != nil; err = f() {
		if time.Now().After(end) {
			t.Fatalf("after %v: %v", limit, err)
		}
		time.Sleep(20 * time.Millisecond) // between two looks
	}
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
	within(t, 30*time.Second, func() error {
		for id := range runs {
			clean := docker.Clean
			if strings.HasPrefix(id, "127.") {
				clean = proc.Clean
			}
			if left, err := clean(t.Context(), harness.Cleaning{Run: id, Dry: true}); len(left) > 0 || err != nil {
				return fmt.Errorf("left behind: %v (error %v)", left, err)
			}
		}
		if left := folders(top); len(left) > 0 {
			return fmt.Errorf("left behind: folders of %q", left)
		}
		return nil
	})
}
