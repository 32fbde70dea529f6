package agent

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Look examines this machine. It needs no rights.
func Look() Machine {
	m := Machine{
		Cores:        runtime.NumCPU(),
		Kernel:       firstLine("/proc/sys/kernel/osrelease"),
		ProcessIDs:   int(integer("/proc/sys/kernel/pid_max")),
		Connections:  int(integer("/proc/sys/net/netfilter/nf_conntrack_max")),
		BridgeFilter: firstLine("/proc/sys/net/bridge/bridge-nf-call-iptables"),
		Namespaces:   int(integer("/proc/sys/user/max_user_namespaces")),
		OpenFiles:    openFiles(),
		SharedMemory: space("/dev/shm"),
		TempSpace:    space(os.TempDir()),
		Netem:        netem(),
		Lacking:      lacking(),
	}
	m.MemoryTotal, m.MemoryFree = memory()
	m.Neighbours, _ = HostLimits() // zero: this is not the first network namespace
	m.Stolen, m.Ticks = stolen(firstLine("/proc/stat"))
	return m
}

// firstLine returns the first line of a file; "": there is none.
func firstLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(first)
}

func integer(path string) int64 {
	n, _ := strconv.ParseInt(firstLine(path), 10, 64) // what is no number could not be read
	return n
}

// memory reads from /proc/meminfo what there is and what is free.
func memory() (total, free int64) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib int64
		if n, _ := fmt.Sscanf(lines.Text(), "MemTotal: %d kB", &kib); n == 1 {
			total = kib << 10
		}
		if n, _ := fmt.Sscanf(lines.Text(), "MemAvailable: %d kB", &kib); n == 1 {
			free = kib << 10
		}
	}
	return total, free
}

func openFiles() int {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return 0
	}
	return int(min(l.Max, 1<<31-1)) // "unlimited" is the largest number there is
}

func space(dir string) int64 {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return -1
	}
	return int64(s.Bavail) * s.Bsize
}

// netem finds the kernel's module for delay, loaded, built in or to be loaded.
func netem() string {
	if _, err := os.Stat("/sys/module/sch_netem"); err == nil {
		return "yes"
	}
	for _, list := range []string{"modules.builtin", "modules.dep"} {
		b, err := os.ReadFile(filepath.Join("/lib/modules", firstLine("/proc/sys/kernel/osrelease"), list))
		if err == nil && strings.Contains(string(b), "/sch_netem.ko") {
			return "yes"
		}
	}
	f, err := os.Open("/proc/config.gz")
	if err != nil {
		return "no"
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return "no"
	}
	config, _ := io.ReadAll(z)
	if strings.Contains(string(config), "CONFIG_NET_SCH_NETEM=y") {
		return "yes"
	}
	return "no"
}

// stolen reads the first line of /proc/stat: "cpu user nice system idle iowait
// irq softirq steal ...", in ticks since the machine began.
func stolen(cpu string) (share float64, ok bool) {
	f := strings.Fields(cpu)
	if len(f) < 9 || f[0] != "cpu" {
		return 0, false
	}
	var all, steal float64
	for i, text := range f[1:9] { // guest time, which follows, is part of user time
		ticks, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0, false
		}
		all += ticks
		if i == 7 {
			steal = ticks
		}
	}
	return steal / max(all, 1), true
}

// capabilities are those that daemons and containers are known to need.
var capabilities = []struct {
	name string
	bit  uint
}{
	{"CAP_NET_ADMIN", unix.CAP_NET_ADMIN},
	{"CAP_SYS_ADMIN", unix.CAP_SYS_ADMIN},
	{"CAP_SYS_RESOURCE", unix.CAP_SYS_RESOURCE},
	{"CAP_DAC_OVERRIDE", unix.CAP_DAC_OVERRIDE},
}

// lacking lists those that are not in the bounding set, beyond which nothing
// that this process starts can ever go.
func lacking() (list []string) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return nil
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		text, ok := strings.CutPrefix(lines.Text(), "CapBnd:")
		if !ok {
			continue
		}
		set, err := strconv.ParseUint(strings.TrimSpace(text), 16, 64)
		for _, c := range capabilities {
			if err == nil && set&(1<<c.bit) == 0 {
				list = append(list, c.name)
			}
		}
	}
	return list
}
