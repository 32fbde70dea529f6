package proc

import "golang.org/x/sys/unix"

// awaitStop returns when every thread of a child that was sent SIGSTOP stands
// still: the signal is under way when kill returns, and the kernel tells the
// parent when the last thread has stopped. A child that has died is awaited by
// others.
func awaitStop(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED, nil) == unix.EINTR {
	}
}
