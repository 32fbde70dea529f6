package harness

import (
	"os"
	"strconv"
	"strings"
)

// processors reads /proc/stat: its first line is the time of all processors
// together, by what they did: user, nice, system, idle, iowait, irq, softirq,
// steal. What a hypervisor stole counts as busy, for nobody here could use it.
func processors() (t ticks, ok bool) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return t, false
	}
	line, _, _ := strings.Cut(string(b), "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return t, false
	}
	for i, f := range fields[1:9] {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return t, false
		}
		t.all += n
		if i != 3 && i != 4 {
			t.busy += n
		}
	}
	return t, true
}
