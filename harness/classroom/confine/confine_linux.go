//go:build linux && (amd64 || arm64)

package confine

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// stage is the name under which a program starts itself to become another.
const stage = "peerbed-confine"

// An order is what that process is told.
type order struct {
	Limits
	Argv  []string
	Reads []string
}

// init makes every program that links this package able to confine others: it runs
// before main, and does nothing unless the program was started by Command.
func init() {
	if len(os.Args) != 2 || os.Args[0] != stage {
		return
	}
	runtime.LockOSThread()
	fmt.Fprint(os.Stderr, Complaint, become(os.Args[1]), "\n")
	os.Exit(126)
}

// Command returns a command that runs argv in dir, confined. It may read what lies
// in dir and in the folders and files named by reads, beside the system's libraries.
// Its environment is empty.
func Command(dir string, reads []string, l Limits, argv ...string) *exec.Cmd {
	text, err := json.Marshal(order{l, argv, append([]string{dir}, reads...)})
	if err != nil {
		panic(err) // it is plain data
	}
	return &exec.Cmd{Path: "/proc/self/exe", Args: []string{stage, string(text)}, Dir: dir, Env: []string{}}
}

// become gives up all that the program is not to have, and then is the program.
func become(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil || len(o.Argv) == 0 {
		return fmt.Errorf("no order: %v", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if err := landlock(o.Reads); err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	if err := dropCapabilities(); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	filter, err := load()
	if err != nil {
		return fmt.Errorf("seccomp: %w", err)
	}
	if err := limit(o.Limits); err != nil {
		return fmt.Errorf("limits: %w", err)
	}
	if err := filter(); err != nil {
		return fmt.Errorf("seccomp: %w", err)
	}
	return fmt.Errorf("%s: %w", o.Argv[0], syscall.Exec(o.Argv[0], o.Argv, os.Environ()))
}

// dropCapabilities leaves none, and none to be had.
func dropCapabilities() error {
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if err != nil && err != unix.EINVAL && err != unix.EPERM { // not known here; not root: it has none
			return err
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return unix.Capset(&header, &none[0])
}

// limit sets the limits, hard ones too.
func limit(l Limits) error {
	seconds := uint64(l.CPU.Seconds()) + 1
	for what, most := range map[int]uint64{
		unix.RLIMIT_CPU: seconds, unix.RLIMIT_DATA: uint64(l.Data), unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0,
		unix.RLIMIT_NOFILE: 64, unix.RLIMIT_MEMLOCK: 0, unix.RLIMIT_MSGQUEUE: 0,
	} {
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return err
		}
	}
	return nil
}

// Lacks says what cannot be enforced here.
func Lacks() []string {
	var lacks []string
	if abi() < 1 {
		lacks = append(lacks, "which files the program reads, for this kernel has no Landlock")
	}
	return append(lacks, "the number of threads, which only their memory bounds")
}
