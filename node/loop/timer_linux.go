package loop

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A timer is the kernel's own, timerfd_create(2), for which Go's poller waits.
// Go's timers are later: in a process that does nothing else they wait in whole
// milliseconds; and beside each one the scheduler's monitor wakes up.
type timer struct {
	file *os.File
	fd   int
}

// newTimer makes a timer that calls ring, on a goroutine of its own, until stop.
func newTimer(ring func()) (timer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return timer{}, os.NewSyscallError("timerfd_create", err)
	}
	t := timer{os.NewFile(uintptr(fd), "timer"), fd}
	raw, err := t.file.SyscallConn()
	if err != nil {
		t.file.Close()
		return timer{}, err
	}
	go func() {
		var times [8]byte // it has rung; it rings on until they are read
		read := func(fd uintptr) bool {
			_, _, err := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&times[0])), uintptr(len(times)))
			return err == 0
		}
		for raw.Read(read) == nil {
			ring()
		}
	}()
	return t, nil
}

// set has it ring once, after d, which is more than 0.
func (t timer) set(d time.Duration) {
	unix.TimerfdSettime(t.fd, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}, nil)
}

func (t timer) stop() { t.file.Close() }
