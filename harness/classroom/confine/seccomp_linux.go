//go:build linux && (amd64 || arm64)

package confine

import (
	"os"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// denied are the system calls that fail with EPERM; those that only one kind of
// processor has are in denied_*.go.
var denied = slices.Concat(talk, others, change, machine)

var (
	talk = []uint32{unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_ACCEPT,
		unix.SYS_ACCEPT4, unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG, unix.SYS_RECVMSG, unix.SYS_RECVMMSG}
	others = []uint32{unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
		unix.SYS_PROCESS_MADVISE, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_GETFD, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_RT_SIGQUEUEINFO,
		unix.SYS_RT_TGSIGQUEUEINFO, unix.SYS_TKILL, unix.SYS_KCMP, unix.SYS_SETPGID, unix.SYS_SETSID, unix.SYS_EXECVEAT,
		unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_SEMGET, unix.SYS_MSGGET, unix.SYS_MSGSND, unix.SYS_MQ_OPEN, unix.SYS_SETPRIORITY,
		unix.SYS_SCHED_SETAFFINITY, unix.SYS_SCHED_SETSCHEDULER, unix.SYS_SCHED_SETPARAM, unix.SYS_SCHED_SETATTR, unix.SYS_IOPRIO_SET,
		unix.SYS_INOTIFY_INIT1, unix.SYS_FANOTIFY_INIT}
	change = []uint32{unix.SYS_MKDIRAT, unix.SYS_UNLINKAT, unix.SYS_RENAMEAT2, unix.SYS_LINKAT, unix.SYS_SYMLINKAT, unix.SYS_MKNODAT,
		unix.SYS_TRUNCATE, unix.SYS_FTRUNCATE, unix.SYS_FALLOCATE, unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWN,
		unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT, unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR, unix.SYS_REMOVEXATTR,
		unix.SYS_LREMOVEXATTR, unix.SYS_FREMOVEXATTR, unix.SYS_MEMFD_CREATE, unix.SYS_MEMFD_SECRET, unix.SYS_OPEN_BY_HANDLE_AT,
		unix.SYS_NAME_TO_HANDLE_AT}
	machine = []uint32{unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE,
		unix.SYS_FSOPEN, unix.SYS_FSMOUNT, unix.SYS_FSCONFIG, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD,
		unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP,
		unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER, unix.SYS_IO_SETUP, unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
		unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_REBOOT,
		unix.SYS_SYSLOG, unix.SYS_ACCT, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME,
		unix.SYS_ADJTIMEX, unix.SYS_CLOCK_ADJTIME, unix.SYS_PERSONALITY, unix.SYS_SETUID, unix.SYS_SETGID, unix.SYS_SETREUID,
		unix.SYS_SETREGID, unix.SYS_SETRESUID, unix.SYS_SETRESGID, unix.SYS_SETFSUID, unix.SYS_SETFSGID, unix.SYS_SETGROUPS,
		unix.SYS_CAPSET, unix.SYS_SETRLIMIT}
)

// absent are calls whose arguments lie where a filter cannot look. They fail as on
// a kernel that does not have them, and libraries use others.
var absent = []uint32{unix.SYS_CLONE3, unix.SYS_OPENAT2}

// newest is the last call that was known when this was written; later ones are
// absent.
const newest = unix.SYS_MSEAL

// Where the kernel gives a filter the call, its processor's kind and its arguments:
// struct seccomp_data. Arguments have 64 bits, the low half first.
const (
	offsetCall = 0
	offsetArch = 4
	offsetArgs = 16
)

// program is the filter. It fails what comes by the entry of another processor, 32
// bits on 64 or x32, as absent.
func program() []bpf.Instruction {
	load := bpf.LoadAbsolute{Off: offsetCall, Size: 4}
	p := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offsetArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: processor, SkipTrue: 1}, fail(unix.ENOSYS),
		load, bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: newest, SkipTrue: 1}, fail(unix.ENOSYS),
	}
	for _, c := range absent {
		p = append(p, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: c, SkipTrue: 1}, fail(unix.ENOSYS))
	}
	for _, c := range slices.Concat(denied, deniedHere) {
		p = append(p, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: c, SkipTrue: 1}, fail(unix.EPERM))
	}
	for _, c := range append(conditions(), conditionsHere...) {
		p = append(p, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: c.call, SkipTrue: 4},
			bpf.LoadAbsolute{Off: offsetArgs + c.at, Size: 4},
			bpf.JumpIf{Cond: c.allowed, Val: c.val, SkipTrue: 1}, fail(unix.EPERM), load)
	}
	return append(p, bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW})
}

func fail(e syscall.Errno) bpf.Instruction {
	return bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(e)}
}

// A condition allows a call only if 32 bits of its arguments pass a test.
type condition struct {
	call    uint32
	at      uint32 // where those bits are, from the first argument on, in bytes
	allowed bpf.JumpTest
	val     uint32
}

// writing are the flags of a file that is opened to be changed.
const writing = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC | unix.O_APPEND

// conditions: threads, but no processes; files to read; signals to itself; limits
// to be read, not set.
func conditions() []condition {
	self := uint32(os.Getpid())
	return []condition{
		{unix.SYS_CLONE, 0, bpf.JumpBitsSet, unix.CLONE_THREAD},
		{unix.SYS_OPENAT, 16, bpf.JumpBitsNotSet, writing},
		{unix.SYS_KILL, 0, bpf.JumpEqual, self}, {unix.SYS_TGKILL, 0, bpf.JumpEqual, self},
		{unix.SYS_PRLIMIT64, 16, bpf.JumpEqual, 0}, {unix.SYS_PRLIMIT64, 20, bpf.JumpEqual, 0},
	}
}

// load makes the filter, and returns what puts it into force for this thread.
func load() (enforce func() error, err error) {
	raw, err := bpf.Assemble(program())
	if err != nil {
		return nil, err
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filter[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	prog := &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	return func() error {
		return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(prog)), 0, 0)
	}, nil
}
