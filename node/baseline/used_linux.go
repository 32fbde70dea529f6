package baseline

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// tick is the unit of times in /proc/PID/stat: Linux tells every program that
// there are 100 in a second.
const tick = 10 * time.Millisecond

// A Use is what a process has used since its start. On a busy machine CPU time is
// a better measure than the clock.
type Use struct {
	CPU  time.Duration // of all its threads, to 10 ms
	Peak int64         // bytes that lay in memory at the most
}

// Used reads /proc. (The usage that a parent is told of its child would not do:
// its peak begins with the parent's own.)
func Used(pid int) (u Use, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(status)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 {
			u.Peak = kb << 10
		}
	}
	// The name, in brackets, may hold anything; proc(5) numbers it 2, and utime 14.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return u, fmt.Errorf("/proc/%d/stat has %d fields after the name", pid, len(fields))
	}
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		return u, err
	}
	u.CPU = time.Duration(user+system) * tick
	return u, nil
}
