package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"peerbed/protocols/chord"
)

// Nodes are asked for their state all at once: a dozen that do not answer take
// no longer than one does.
func TestStatusAsksAllAtOnce(t *testing.T) {
	ownHome(t)
	keep(t, "stuck", "proc", chord.Protocol, 13)
	nodes := ourNodes(t)
	if len(nodes) != 14 {
		t.Fatalf("%d processes of nodes, want 13 and an introducer", len(nodes))
	}
	stuck := 0
	for _, n := range nodes {
		if strings.Contains(n.command, "-protocol chord") && stuck < 12 {
			stuck++
			syscall.Kill(n.id, syscall.SIGSTOP)
			t.Cleanup(func() { syscall.Kill(n.id, syscall.SIGCONT) })
			// Its parent is told when every thread of it stands.
			if err := unix.Waitid(unix.P_PID, n.id, nil, unix.WSTOPPED, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	began := time.Now()
	out := does(t, "status")
	if n := strings.Count(out, "no answer within 2s"); n != stuck {
		t.Errorf("of %d nodes that are stuck %d are said not to answer:\n%s", stuck, n, out)
	}
	if one := 2 * time.Second; time.Since(began) > time.Duration(stuck)*one/2 {
		t.Errorf("status took %v, as if it asked one after the other; one takes %v", time.Since(began), one)
	}
}

// A child is a process that this one has started.
type child struct {
	id      int
	command string
}

// ourNodes lists the processes of nodes below this one.
func ourNodes(t *testing.T) (list []child) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, stat := range all {
		line, _ := os.ReadFile(stat) // gone meanwhile: none of ours
		command, _ := os.ReadFile(filepath.Join(filepath.Dir(stat), "cmdline"))
		var parent int
		_, rest, _ := bytes.Cut(line, []byte(") "))
		if f := strings.Fields(string(rest)); len(f) > 1 {
			parent, _ = strconv.Atoi(f[1])
		}
		if text := string(bytes.ReplaceAll(command, []byte{0}, []byte{' '})); parent == os.Getpid() && strings.Contains(text, "-listen") {
			id, _ := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
			list = append(list, child{id, text})
		}
	}
	return list
}
