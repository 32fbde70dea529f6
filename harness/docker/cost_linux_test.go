package docker

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/agent"
)

// watched is for how long idle nodes are watched.
const watched = 20 * time.Second

// BenchmarkNode measures what a node of Chord costs that nobody asks for
// anything, with the default times between its rounds; the mean of all.
//
//	MiB/node            proportional share (PSS) of the node, its shim and its
//	                    fuse-overlayfs, where the daemon uses that
//	MemAvailable-MiB    that the whole machine has less, per node
//	%core               processor time of its control group
func BenchmarkNode(b *testing.B) {
	n := upNodes
	if text := os.Getenv(sizeVariable); text != "" {
		fmt.Sscan(text, &n)
	}
	for range b.N {
		w := openWorld(b, harness.Options{Run: "cost", Nodes: n}, nodePackage)
		before := agent.Look().MemoryFree
		if err := spawn(b.Context(), w, specs(w, n-1)); err != nil {
			b.Fatal(err)
		}
		began, used := time.Now(), w.processorTime(b)
		if err := w.Advance(b.Context(), watched, nil); err != nil {
			b.Fatal(err)
		}
		used = w.processorTime(b) - used
		b.ReportMetric(100*used.Seconds()/time.Since(began).Seconds()/float64(n), "%core")
		b.ReportMetric(float64(w.memory(b))/float64(n)/(1<<20), "MiB/node")
		b.ReportMetric(float64(before-agent.Look().MemoryFree)/float64(n)/(1<<20), "MemAvailable-MiB")
		w.Close() // its error is the test's, by openWorld
	}
}

// processorTime sums up what the control groups of all nodes have used, with
// the first or the second version of control groups.
func (b *Backend) processorTime(t testing.TB) (sum time.Duration) {
	t.Helper()
	for id := range b.nodes.byContainer {
		if text, err := os.ReadFile("/sys/fs/cgroup/cpuacct/docker/" + id + "/cpuacct.usage"); err == nil {
			ns, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
			sum += time.Duration(ns)
			continue
		}
		text, err := os.ReadFile("/sys/fs/cgroup/system.slice/docker-" + id + ".scope/cpu.stat")
		if err != nil {
			t.Skip("the control groups of containers are not where they are looked for: ", err)
		}
		var us int64
		fmt.Sscanf(string(text), "usage_usec %d", &us)
		sum += time.Duration(us) * time.Microsecond
	}
	return sum
}

// memory sums up the PSS of all nodes, their shims and their file systems.
func (b *Backend) memory(t testing.TB) (sum int64) {
	t.Helper()
	folders := map[string]bool{}
	for id := range b.nodes.byContainer {
		c, err := b.engine.ContainerInspect(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		sum += pss(t, c.State.Pid) + pss(t, parent(c.State.Pid))
		folders[c.GraphDriver.Data["MergedDir"]] = true
	}
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range commands {
		text, _ := os.ReadFile(path)
		args := strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
		if strings.HasSuffix(args[0], "fuse-overlayfs") && folders[args[len(args)-1]] {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			sum += pss(t, pid)
		}
	}
	return sum
}

// pss reads a process's share of memory, in bytes.
func pss(t testing.TB, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		t.Skip("what processes take can be read by root only: ", err)
	}
	for line := range strings.Lines(string(text)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "Pss: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	t.Fatalf("no Pss of process %d in %s", pid, text)
	return 0
}

// parent returns a process's parent; a node's is its shim.
func parent(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	var ppid int
	fmt.Sscanf(string(text[strings.LastIndexByte(string(text), ')')+1:]), " %1s %d", new(string), &ppid)
	return ppid
}
