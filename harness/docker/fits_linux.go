package docker

import (
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// tasks counts the threads of the machine; 0: unknown. /proc/loadavg is "0.20
// 0.18 0.12 1/80 11206": 80 there are.
func tasks() int {
	b, err := os.ReadFile("/proc/loadavg")
	var running, all int
	if f := strings.Fields(string(b)); err == nil && len(f) > 3 {
		fmt.Sscanf(f[3], "%d/%d", &running, &all)
	}
	return all
}

// daemonFiles is how many more files the daemon behind the socket may open; 0:
// unknown, as where the socket is not the daemon's own but systemd's.
func daemonFiles(socket string) int {
	pid := peer(socket)
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil || strings.TrimSpace(string(name)) != "dockerd" {
		return 0
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		return 0
	}
	open, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)) // root only; others take the limit
	for line := range strings.Lines(string(limits)) {
		var most int
		if n, _ := fmt.Sscanf(line, "Max open files %d", &most); n == 1 {
			return max(most-len(open), 1)
		}
	}
	return 0
}

// peer returns the process that listens on a unix socket.
func peer(socket string) (pid int32) {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return 0
	}
	defer c.Close()
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0
	}
	raw.Control(func(fd uintptr) {
		if who, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = who.Pid
		}
	})
	return pid
}
