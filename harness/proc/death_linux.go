package proc

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// dieWithUs has the kernel kill the process when the thread that started it
// ends.
func dieWithUs(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }

// perNode is the memory that a node takes while it carries no load, what all
// nodes share included.
const perNode = 12 << 20

// room is how many nodes fit into the memory that is free now; 0: unknown.
func room() int {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) >= 2 && f[0] == "MemAvailable:" {
			kib, _ := strconv.ParseInt(f[1], 10, 64)
			return int(kib << 10 / perNode)
		}
	}
	return 0
}
