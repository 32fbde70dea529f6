package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"peerbed/harness/peerbed/internal/resident"
)

// "up, then the terminal is closed: the cluster lives on": a shell in a
// terminal brings it up, and then the terminal goes.
func TestTerminalIsClosed(t *testing.T) {
	top := ownHome(t)
	t.Cleanup(func() { resident.Down(t.Context(), "mine") })
	master, slave := terminal(t)
	shell := exec.Command("sh", "-c", `"$0" && echo it is done; sleep 1000`, os.Args[0])
	shell.Env = append(os.Environ(), commandVariable+"=up -name mine -nodes 3 -backend proc")
	shell.Stdin, shell.Stdout, shell.Stderr = slave, slave, slave
	shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	// Who started this test may ignore hang-ups, as nohup does, and children
	// inherit that. What is caught they take as usual.
	hung := make(chan os.Signal, 1)
	signal.Notify(hung, syscall.SIGHUP)
	defer signal.Stop(hung)
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	t.Cleanup(func() { shell.Process.Kill() })
	var said strings.Builder
	for b := make([]byte, 1000); !strings.Contains(said.String(), "it is done"); {
		n, err := master.Read(b)
		if err != nil {
			t.Fatalf("%v; it said %s", err, said.String())
		}
		said.Write(b[:n])
	}
	master.Close()
	err := shell.Wait()
	if how, ok := err.(*exec.ExitError); !ok || how.Sys().(syscall.WaitStatus).Signal() != syscall.SIGHUP {
		t.Errorf("the shell ended with %v, want the hang-up", err)
	}
	does(t, "publish song")
	does(t, "find song")
	does(t, "down")
	nothingLeft(t, top)
}

// terminal makes a pseudo-terminal.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}
