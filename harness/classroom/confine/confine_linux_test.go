//go:build linux && (amd64 || arm64)

package confine

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test binary is also the program that tries what it may not.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "try" {
		fmt.Println(try(os.Args[2], os.Args[3]))
		return
	}
	os.Exit(m.Run())
}

// try does one thing, with a path or an address, and says what came of it.
func try(what, arg string) string {
	var err error
	switch what {
	case "compute":
		b := bytes.Repeat([]byte("x"), 1<<20)
		return fmt.Sprint("did ", len(b))
	case "read":
		_, err = os.ReadFile(arg)
	case "write":
		err = os.WriteFile(arg, []byte("x"), 0o644)
	case "append":
		_, err = os.OpenFile(arg, os.O_APPEND|os.O_WRONLY, 0)
	case "remove":
		err = os.Remove(arg)
	case "chmod":
		err = os.Chmod(arg, 0o777)
	case "dial":
		_, err = net.DialTimeout("tcp", arg, time.Second)
	case "unix":
		_, err = net.Dial("unix", arg)
	case "fork":
		err = exec.Command("/bin/true").Run()
	case "kill":
		err = syscall.Kill(os.Getppid(), 0)
	case "limit":
		err = unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: 1 << 40, Max: 1 << 40})
	case "memory":
		b := bytes.Repeat([]byte("x"), 1<<30)
		return fmt.Sprint("did ", len(b))
	case "spin":
		for n := 0; n < 2; n ^= 1 {
		}
	case "ptrace":
		err = syscall.PtraceAttach(os.Getppid())
	case "setuid":
		err = syscall.Setuid(1)
	}
	if err != nil {
		return "refused: " + err.Error()
	}
	return "did"
}

// A confined program computes and reads its own folder; all else that it tries is
// refused, and the file that it may not touch is as it was.
func TestConfined(t *testing.T) {
	dir, secret := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	own := filepath.Join(dir, "own")
	for _, f := range []string{own, secret} {
		if err := os.WriteFile(f, []byte("as it was"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range [][3]string{
		{"compute", "", "did"}, {"read", own, "did"}, {"read", secret, "refused"}, {"read", "/proc/self/environ", "refused"},
		{"write", own, "refused"}, {"write", "/tmp/confined", "refused"}, {"append", own, "refused"}, {"remove", own, "refused"},
		{"chmod", own, "refused"}, {"dial", l.Addr().String(), "refused"}, {"unix", "/var/run/docker.sock", "refused"},
		{"fork", "", "refused"}, {"kill", "", "refused"}, {"limit", "", "refused"}, {"ptrace", "", "refused"}, {"setuid", "", "refused"},
		{"memory", "", "exit status 2"}, {"spin", "", "signal: killed"},
	} {
		if strings.HasPrefix(c[1], secret) && abi() == 0 || c[0] == "read" && c[2] == "refused" && abi() == 0 {
			continue // Lacks says so
		}
		limits := Limits{CPU: time.Minute, Data: 256 << 20}
		if c[0] == "spin" {
			limits.CPU = 0
		}
		out, err := Command(dir, []string{os.Args[0]}, limits, os.Args[0], "try", c[0], c[1]).CombinedOutput()
		if !strings.Contains(fmt.Sprint(string(out), err), c[2]) {
			t.Errorf("%s %s: %.300s (%v), want %s", c[0], c[1], out, err, c[2])
		}
	}
	if b, err := os.ReadFile(own); err != nil || string(b) != "as it was" {
		t.Errorf("the file is now %q, %v", b, err)
	}
}

// Without confinement the same program may: the test above can fail.
func TestUnconfined(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	for _, what := range []string{"write", "read", "chmod", "fork", "kill", "remove"} {
		out, err := exec.Command(os.Args[0], "try", what, file).CombinedOutput()
		if strings.TrimSpace(string(out)) != "did" {
			t.Errorf("%s: %s (%v)", what, out, err)
		}
	}
}
