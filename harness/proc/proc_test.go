//go:build linux || darwin

package proc_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/proc"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// open opens a world with one node, an introducer.
func open(t testing.TB, run string) (harness.Backend, harness.Spec) {
	t.Helper()
	w, err := proc.Open(context.Background(), harness.Options{Run: run, Seed: 1, Nodes: 2, Progress: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	s := node(w)
	if err := w.Spawn(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	return w, s
}

func node(w harness.Backend) harness.Spec {
	p := introducer.Protocol
	return harness.Spec{Name: "introducer", Protocol: p, Config: p.Config, Addr: p2p.MakeAddr(w.IP(0), 7000), Seed: 1}
}

// listens reports whether somebody listens at the address.
func listens(a p2p.Addr) bool {
	c, err := net.Dial("tcp", a.String())
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// folders returns what runs whose names end like this have left.
func folders(t testing.TB, end string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(os.TempDir(), fmt.Sprintf("peerbed-%d", os.Getuid()), "127.*-"+end))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// soon waits until cond holds.
func soon(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(10 * time.Second); !cond(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("after 10 s still not so: %s", what)
		}
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	w, s := open(t, "proc-close")
	if !listens(s.Addr) || len(folders(t, "close")) != 1 {
		t.Fatalf("listens: %v, folders %v: want a node and a folder", listens(s.Addr), folders(t, "close"))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if listens(s.Addr) || len(folders(t, "close")) != 0 {
		t.Errorf("after Close: listens %v, folders %v", listens(s.Addr), folders(t, "close"))
	}
}

func TestRunsHaveAddressesOfTheirOwn(t *testing.T) {
	a, _ := open(t, "proc-a")
	b, _ := open(t, "proc-b")
	if a.IP(0)>>16 == b.IP(0)>>16 {
		t.Errorf("both runs are in 127.%d", a.IP(0)>>16&255)
	}
	if a.IP(0) == a.IP(1) || a.IP(300)>>16 != a.IP(0)>>16 {
		t.Errorf("the addresses %x, %x and %x of one run", a.IP(0), a.IP(1), a.IP(300))
	}
}

// victim is the variable that makes this test binary a harness to be killed.
const victim = "PEERBED_TEST_VICTIM"

// TestVictim is no test: it is what TestNothingOutlivesTheHarness kills.
func TestVictim(t *testing.T) {
	how := os.Getenv(victim)
	if how == "" {
		t.Skip("only in a process that another test starts")
	}
	_, s := open(t, "proc-"+how)
	fmt.Println("listening", s.Addr)
	if how == "panic" {
		go panic("as a test may")
	}
	select {}
}

// "Nothing leaks [...] when the test ends, when it panics, when it is killed
// with SIGKILL."
func TestNothingOutlivesTheHarness(t *testing.T) {
	for _, how := range []string{"kill", "panic"} {
		t.Run(how, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestVictim$")
			cmd.Env = append(os.Environ(), victim+"="+how)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			addr := heard(t, bufio.NewScanner(out))
			if how == "kill" {
				cmd.Process.Signal(syscall.SIGKILL)
			}
			cmd.Wait()
			if cmd.ProcessState.Success() {
				t.Fatal("the harness ended well, which proves nothing")
			}
			soon(t, "its node is gone", func() bool { return !listens(addr) })
			soon(t, "its folder is gone", func() bool { return len(folders(t, how)) == 0 })
		})
	}
}

// heard reads what TestVictim prints.
func heard(t *testing.T, s *bufio.Scanner) p2p.Addr {
	t.Helper()
	for s.Scan() {
		if text, ok := strings.CutPrefix(s.Text(), "listening "); ok {
			a, err := p2p.ParseAddr(text)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
	}
	t.Fatal("the victim never listened")
	return 0
}

func TestANodeThatDiesSaysWhy(t *testing.T) {
	w, s := open(t, "proc-dies")
	log := filepath.Join(folders(t, "dies")[0], "log-0")
	if b, err := os.ReadFile(log); err != nil || !strings.Contains(string(b), s.Addr.String()) {
		t.Fatalf("the log reads %q, error %v: want the address", b, err)
	}
	syscall.Kill(pid(t, s.Addr), syscall.SIGABRT)
	soon(t, "the node is gone", func() bool { return !listens(s.Addr) })
	_, err := w.Inspect(t.Context(), s.Addr)
	if !errors.Is(err, p2p.ErrGone) || !strings.Contains(err.Error(), "SIGABRT") || !strings.Contains(err.Error(), "introducer") {
		t.Errorf("error %v: want one that wraps ErrGone, names the node and says what it said", err)
	}
	if err := w.Restart(t.Context(), s.Addr); err != nil || !listens(s.Addr) {
		t.Errorf("restart: %v", err)
	}
}

// pid finds the process that was told to listen at a.
func pid(t *testing.T, a p2p.Addr) int {
	t.Helper()
	out, err := exec.Command("pgrep", "-f", "--", "-listen "+a.String()+" ").Output()
	if err != nil {
		t.Skipf("pgrep: %v", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatalf("pgrep printed %q", out)
	}
	return n
}

func TestAPortInUseIsSaid(t *testing.T) {
	w, _ := open(t, "proc-port")
	s := node(w)
	s.Index, s.Name, s.Addr = 1, "second", p2p.MakeAddr(w.IP(1), 7000)
	l, err := net.Listen("tcp", s.Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = w.Spawn(t.Context(), s)
	if err == nil || !strings.Contains(err.Error(), "second") || !strings.Contains(err.Error(), "in use") {
		t.Errorf("error %v: want the node's name and that the port is in use", err)
	}
	l.Close()
	if err := w.Spawn(t.Context(), s); err != nil {
		t.Errorf("once the port is free: %v", err)
	}
}

func TestABinaryThatIsNotThereIsSaid(t *testing.T) {
	t.Setenv("PEERBED_NODE", filepath.Join(t.TempDir(), "none"))
	_, err := proc.Open(t.Context(), harness.Options{Run: "proc-none", Nodes: 1, Progress: t.Logf})
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "PEERBED_NODE") {
		t.Errorf("error %v: want the variable named", err)
	}
	if len(folders(t, "none")) != 0 {
		t.Error("a folder is left")
	}
}
