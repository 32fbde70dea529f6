//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/docker"
	"peerbed/harness/peerbed/internal/resident"
	"peerbed/harness/proc"
)

// up is the command line in a process of its own, as from a shell.
func up(line string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), commandVariable+"=up "+line)
	return c
}

// brings runs up and has the cluster ended when the test is over.
func brings(t *testing.T, name, line string) {
	t.Helper()
	t.Cleanup(func() { resident.Down(t.Context(), name) })
	if out, err := up("-name " + name + " " + line).CombinedOutput(); err != nil {
		t.Fatalf("up %s: %v: %s", line, err, out)
	}
}

// nothingLeft waits until no process, folder or state folder of this home is
// left.
func nothingLeft(t *testing.T, top string) {
	t.Helper()
	soon(t, func() error {
		if list, err := resident.List(); len(list) > 0 || err != nil {
			var words []string
			for _, e := range list {
				words = append(words, resident.LastWords(e.Name, 30)...)
			}
			return fmt.Errorf("state folders: %v, %v; the first says: %s", list, err, strings.Join(words, ""))
		}
		if left := folders(top); len(left) > 0 {
			return fmt.Errorf("folders of runs: %q", left)
		}
		left, err := proc.Clean(t.Context(), harness.Cleaning{Dry: true})
		for _, l := range left {
			if l.Run != "" {
				return fmt.Errorf("left behind: %+v", l)
			}
		}
		return err
	})
}

// A cluster outlives its command; a second one of its name is refused, and
// changes nothing; one that is killed says so, and its name can be used again.
func TestUp(t *testing.T) {
	top := ownHome(t)
	brings(t, "mine", "-nodes 3 -backend proc")
	does(t, "publish song")
	second, err := up("-name mine -nodes 3 -backend proc").CombinedOutput()
	if err == nil || !strings.Contains(string(second), "a cluster called mine is up already; use it (peerbed status -name mine)") || bytes.Count(second, []byte("\n")) != 1 {
		t.Errorf("a second up of the name: %v, %s", err, second)
	}
	if out := does(t, "find song"); !strings.Contains(out, "found song") {
		t.Errorf("after that: %s", out)
	}
	a := asJSONOf[resident.Status](t, "status")
	syscall.Kill(a.PID, syscall.SIGKILL)
	soon(t, func() error {
		if status, _, errs := says(t, "status"); status != 1 || !strings.Contains(errs, "was killed or has crashed") {
			return errors.New(errs)
		}
		return nil
	})
	refuses(t, "find song", 1, "clear its name with peerbed down -name mine, then bring it up again")
	if out := does(t, "list"); !strings.Contains(out, "killed or has crashed") {
		t.Errorf("the list says nothing of it: %s", out)
	}
	brings(t, "mine", "-nodes 3 -backend sim -links world") // takes the name of the dead
	for _, want := range []string{"peerbed: sim (-backend), 3 nodes of chord", "links: world"} {
		if out := does(t, "logs"); !strings.Contains(out, want) {
			t.Errorf("the resident has not said %q: %s", want, out)
		}
	}
	there := t.TempDir() // where the resident is not
	if err := os.WriteFile(filepath.Join(there, "stays.csv"), []byte("a, 0, 1\nb, 1, 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(there)
	if out := does(t, "churn -session trace(stays.csv) -downtime constant(1s) -for 5s"); !strings.Contains(out, "churn: asked") {
		t.Errorf("churn by a file of this folder: %s", out)
	}
	does(t, "down -all")
	nothingLeft(t, top)
}

// What cannot be is said before anything begins, and leaves nothing.
func TestUpRefused(t *testing.T) {
	top := ownHome(t)
	for line, sentence := range map[string]string{
		"up -nodes 0":             "-nodes 0: want 1 to 1000000",
		"up -nodes 9999999999":    "want 1 to 1000000",
		"up -nodes many":          `invalid value "many" for flag -nodes`,
		"up -protocol introducer": `no protocol "introducer" to bring up; there are bittorrent, chord`,
		"up -protocol x":          `no protocol "x"`,
		"up -backend moon":        "-backend moon: want docker, proc or sim",
		"up -set copes=3":         `no setting "copes"; there are`,
		"up -set copies=lots":     "want a whole number",
		"up -links moon":          "moon: no such file",
		"up -lease 3ms":           "want a second or more",
		"up -name Big":            "want lower-case letters",
		"up chord":                "want 0 arguments",
		"up -o xml":               "want table or json",
	} {
		refuses(t, line, 2, sentence)
	}
	out, err := up("-nodes 900000 -backend proc").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "ask for fewer with -nodes") {
		t.Errorf("too many nodes: %v, %s", err, out)
	}
	if err := os.MkdirAll(filepath.Join(top, fmt.Sprintf("peerbed-%d", os.Getuid()), "up"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(top, fmt.Sprintf("peerbed-%d", os.Getuid()), "up", "chord")
	os.WriteFile(file, nil, 0o600)
	out, err = up("-nodes 3 -backend sim").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "the state folder of chord is damaged (it is no folder); remove it: rm -r "+file) {
		t.Errorf("a file where the state folder belongs: %v, %s", err, out)
	}
	os.Remove(file)
	nothingLeft(t, top)
}

// "Ctrl-C at any moment of up cleans up", and a second later of a cluster that
// is up it is too late: that lives on.
func TestInterruptedUp(t *testing.T) {
	top := ownHome(t)
	moment := rand.New(rand.NewPCG(3, 5))
	for i := range 4 {
		c := up("-name mine -nodes 12 -backend proc")
		var said bytes.Buffer
		c.Stdout, c.Stderr = &said, &said
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if i > 0 { // the first moment is while it compiles, or before
			soon(t, func() error { return hasNode(top) })
		}
		time.Sleep(time.Duration(moment.Int64N(int64(300 * time.Millisecond)))) // any moment
		signal := syscall.SIGINT
		if i == 3 {
			signal = syscall.SIGKILL // of the command alone
		}
		c.Process.Signal(signal)
		err := c.Wait()
		switch how, _ := errors.AsType[*exec.ExitError](err); {
		case err == nil:
			t.Logf("it was up before the signal came")
			does(t, "down")
		case how.ExitCode() < 0 && said.Len() == 0:
			t.Logf("%v: it had not begun", err)
		case signal == syscall.SIGINT && (how.ExitCode() != 130 || !strings.Contains(said.String(), "interrupted; what it had started is gone")):
			t.Errorf("it ended with %v and said %s", err, said.String())
		}
		nothingLeft(t, top)
	}
}

// A cluster ends when its folder is gone: nobody could reach it any more.
func TestUnreachable(t *testing.T) {
	top := ownHome(t)
	brings(t, "mine", "-nodes 2 -backend proc")
	if err := os.RemoveAll(filepath.Join(top, fmt.Sprintf("peerbed-%d", os.Getuid()), "up", "mine")); err != nil {
		t.Fatal(err)
	}
	refuses(t, "status", 1, "no cluster is up")
	nothingLeft(t, top)
}

// "After its lease no container, network, process, socket folder or rule is
// left", and each command renews it.
func TestShortLease(t *testing.T) {
	long(t)
	worlds := []string{"proc"}
	if _, err := docker.Available(t.Context()); err == nil {
		worlds = append(worlds, "docker")
		release, err := docker.Turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer release()
	}
	for _, world := range worlds {
		t.Run(world, func(t *testing.T) {
			top := ownHome(t)
			t.Setenv(docker.TurnsVariable, "off") // it is this process's turn
			brings(t, "brief", "-nodes 2 -lease 3s -backend "+world)
			ids := folders(top)
			if len(ids) != 1 {
				t.Fatalf("folders of runs: %q, want one", ids)
			}
			does(t, "publish song")
			for range 4 {
				time.Sleep(time.Second) // more in all than the lease
				does(t, "find song")
			}
			does(t, "crash 1")
			mustHaveLeftNothing(t, top, map[string]bool{ids[0]: true})
			nothingLeft(t, top)
			refuses(t, "status", 1, "no cluster is up")
		})
	}
}
