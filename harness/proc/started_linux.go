package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// startedFrom lists the processes whose program lies in dir.
func startedFrom(dir string) (pids []int) {
	all, _ := os.ReadDir("/proc") // without it nothing can be told of processes
	for _, d := range all {
		pid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if err == nil && strings.HasPrefix(program, dir+"/") {
			pids = append(pids, pid)
		}
	}
	return pids
}
