package docker

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/agent"
	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
)

const (
	// calmDown is for how long a ring that is closed still fills its tables.
	calmDown = 10 * time.Second
	// watched is for how long idle nodes are watched.
	watched = 20 * time.Second
)

// BenchmarkNode measures what a node of Chord costs that nobody asks for
// anything, in a ring that is whole, with the default times between its rounds;
// the mean of all.
//
//	MiB/node            proportional share (PSS) of the node, its shim and its
//	                    fuse-overlayfs, where the daemon uses that
//	MemAvailable-MiB    that the whole machine has less, per node
//	%core               processor time of its control group
//	msgs/s              that it sends; other work on the machine should not
//	                    change this
func BenchmarkNode(b *testing.B) {
	n := numberFrom(b, sizeVariable, upNodes)
	for range b.N {
		w := openWorld(b, harness.Options{Run: "cost", Nodes: n}, nodePackage)
		before := agent.Look().MemoryFree
		list := specs(w, n-1)
		if err := spawn(b.Context(), w, list); err != nil {
			b.Fatal(err)
		}
		within(b, wholeWork, func() error { return w.whole(b.Context(), list[1:]) })
		if err := w.Advance(b.Context(), calmDown, nil); err != nil {
			b.Fatal(err)
		}
		sent, began, used := w.sent(b), time.Now(), w.processorTime(b)
		if err := w.Advance(b.Context(), watched, nil); err != nil {
			b.Fatal(err)
		}
		used = w.processorTime(b) - used
		per := time.Since(began).Seconds() * float64(n)
		b.ReportMetric(100*used.Seconds()/per, "%core")
		b.ReportMetric(float64(w.sent(b)-sent)/per, "msgs/s")
		b.ReportMetric(float64(w.memory(b))/float64(n)/(1<<20), "MiB/node")
		b.ReportMetric(float64(before-agent.Look().MemoryFree)/float64(n)/(1<<20), "MemAvailable-MiB")
		w.Close() // its error is the test's, by openWorld
	}
	b.ReportMetric(0, "ns/op") // says nothing
}

// whole reports how these nodes of Chord fall short of one ring.
func (b *Backend) whole(ctx context.Context, list []harness.Spec) error {
	states := make([]p2p.State, len(list))
	err := atOnce(len(list), len(list), func(i int) (err error) {
		states[i], err = b.Inspect(ctx, list[i].Addr)
		return err
	})
	return cmp.Or(err, chord.Closed(states))
}

// sent sums up the messages that all nodes have sent.
func (b *Backend) sent(t testing.TB) (sum uint64) {
	t.Helper()
	all, err := b.Counters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		for _, k := range c.Traffic {
			sum += k.Sent
		}
	}
	return sum
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
