package loop

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// groupFiles is where a control group tells of its processor time, in its
// second version and in its first; and how it counts there.
var groupFiles = []struct {
	path, key string
	unit      time.Duration
}{
	{"/sys/fs/cgroup/cpu.stat", "throttled_usec", time.Microsecond},
	{"/sys/fs/cgroup/cpu/cpu.stat", "throttled_time", time.Nanosecond},
}

// throttled is how long this process' group was kept from the processors. In
// a container the group is the container's own.
func throttled() time.Duration {
	for _, f := range groupFiles {
		b, err := os.ReadFile(f.path)
		if err != nil {
			continue
		}
		if n, ok := field(string(b), f.key); ok {
			return time.Duration(n) * f.unit
		}
	}
	return 0
}

// field finds "key number" among the lines of a text.
func field(text, key string) (int64, bool) {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, key+" "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
