package main

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"strings"

	"peerbed/harness/agent"
	"peerbed/harness/docker"
)

// goTool finds what compiles the nodes when a run begins.
func goTool(ctx context.Context) check {
	out, err := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output()
	if err != nil {
		return check{"go", missing, "no go tool in PATH; nodes are compiled when a run begins", "install Go 1.26: https://go.dev/dl"}
	}
	return fine("go", "%s", strings.TrimSpace(string(out)))
}

// daemon judges what the daemon says of itself.
func daemon(x docker.Examination) []check {
	if x.Missing != nil {
		found, cure := parts(x.Missing)
		return []check{{"docker", missing, found, cure}}
	}
	return []check{
		fine("docker", "Engine %s, API %s, at %s, which this user may use", x.Version, x.API, x.Socket),
		storage(x.Storage),
		fine("cgroups", "version %s", x.Cgroup).unless(len(x.Unlimited) > 0, warn,
			"no limits on "+strings.Join(x.Unlimited, ", ")+": boot with cgroup_enable=memory, or use cgroup version 2 (systemd.unified_cgroup_hierarchy=1)"),
		fine("rootless", "%s", map[bool]string{true: "yes, which nobody has tried", false: "no"}[x.Rootless]).unless(x.Rootless, warn,
			"if runs do not work, use a daemon of root's: DOCKER_HOST=unix:///var/run/docker.sock"),
	}
}

func storage(driver string) check {
	c := fine("storage", "%s", driver)
	switch driver {
	case "fuse-overlayfs":
		c.Found += ": nodes do not share the pages of their program, 7 MiB more each"
	case "vfs", "devicemapper":
		c.Found += ": each container has a copy of the image"
	default:
		return c
	}
	return c.unless(true, warn, `where the kernel can, set "storage-driver": "overlay2" in /etc/docker/daemon.json, then: sudo systemctl restart docker`)
}

// agents judges what an agent could do.
func agents(x docker.Examination, try bool) []check {
	if !try {
		return []check{fine("agent", "not tried (-quick)")}
	}
	if x.Untried != nil {
		found, cure := parts(x.Untried)
		return []check{{"agent", missing, found, cure}}
	}
	image := "made for this"
	if x.Image {
		image = "was there"
	}
	t := x.Tried
	return []check{
		fine("agent", "a container on the host's network works; its image %s", image),
		fine("guard", "nftables, inet family: %s", works(t.Guard)).unless(t.Guard != "", missing,
			"sudo modprobe nf_tables nf_tables_inet; the kernel needs CONFIG_NF_TABLES_INET"),
		fine("cuts", "nftables, bridge family: %s", works(t.Rules)).unless(t.Rules != "", missing,
			"sudo modprobe nf_tables nf_tables_bridge; the kernel needs CONFIG_NF_TABLES_BRIDGE"),
		neighbours(t.Machine.Neighbours, t.Raise),
	}
}

func works(why string) string {
	if why == "" {
		return "works"
	}
	return why
}

// meshes are the sizes that neighbour tables are judged by.
var meshes = []int{33, 100, 300}

// neighbours judges the table that all network namespaces of the machine share.
// n nodes that all talk to each other need n*(n-1) entries.
func neighbours(l agent.Limits, raise string) check {
	holds := int((1 + math.Sqrt(1+4*float64(l[2]))) / 2)
	c := fine("neighbours", "%d entries, enough for %d nodes that all talk to each other", l[2], holds)
	var needs []string
	most := 0
	for _, n := range meshes {
		if n > holds {
			most = n * (n - 1)
			needs = append(needs, fmt.Sprintf("%d nodes need %d", n, most))
		}
	}
	if most == 0 {
		return c
	}
	c.Found += "; " + strings.Join(needs, ", ")
	if raise == "" {
		c.Found += "; a run raises the limit, and restores it"
		return c
	}
	return c.unless(true, warn, fmt.Sprintf("a run cannot raise it (%s): sudo sysctl -w net.ipv4.neigh.default.gc_thresh3=%d net.ipv4.neigh.default.gc_thresh2=%d net.ipv4.neigh.default.gc_thresh1=%d",
		raise, 2*most, most+most/2, most))
}

// What runs of processes take, and how large a run a machine should take.
const (
	filesPerNode  = 4        // of the harness: a listener, a connection, and room to spare
	processMemory = 12 << 20 // of a node that is a process
	enough        = 300      // nodes
	gib           = 1 << 30
)

// machine judges what the kernel says.
func machine(m agent.Machine, room docker.Room) []check {
	if m.Kernel == "" {
		return []check{fine("machine", "%d processors; this system does not tell the rest", m.Cores)}
	}
	checks := []check{
		fine("kernel", "%s", m.Kernel),
		processors(m),
		memory(m, room.Memory),
		fine("process ids", "pid_max %d: %d more containers", m.ProcessIDs, room.ProcessIDs).unless(
			room.ProcessIDs < enough, warn, "sudo sysctl -w kernel.pid_max=4194304"),
		fine("open files", "at most %d per process: %d nodes for one command", m.OpenFiles, m.OpenFiles/filesPerNode).unless(
			m.OpenFiles/filesPerNode < enough, warn, "ulimit -n 65536 (if the hard limit is lower: sudo prlimit --pid $$ --nofile=65536)"),
	}
	if room.Files > 0 {
		checks = append(checks, fine("daemon's files", "it may open files for %d more containers", room.Files).unless(
			room.Files < enough, warn, "sudo prlimit --nofile=1048576 --pid $(pidof dockerd)"))
	}
	return append(checks,
		connections(m),
		fine("disk", "%s free for the folders of nodes", size(m.TempSpace)).unless(
			m.TempSpace < gib, warn, "free some, or set TMPDIR to a folder on a larger disk"),
		fine("shared memory", "%s in /dev/shm; not needed", size(m.SharedMemory)),
		fine("user namespaces", "%d; not needed", m.Namespaces),
		fine("netem", "%s; not needed: nodes delay what they send by themselves", m.Netem),
		fine("capabilities", "%s", lacking(m.Lacking)))
}

func processors(m agent.Machine) check {
	c := fine("processors", "%d; /proc/stat tells how busy they are", m.Cores)
	if !m.Ticks {
		c.Found = fmt.Sprintf("%d", m.Cores)
		return c.unless(true, warn, "/proc/stat cannot be read: a run cannot tell whether the machine was too slow for it; mount -t proc proc /proc")
	}
	c.Found += fmt.Sprintf(", %.1f %% of their time went to other virtual machines", 100*m.Stolen)
	return c.unless(m.Stolen > 0.05, warn, "latencies will be off by what is stolen; use a machine of its own for them")
}

func memory(m agent.Machine, containers int) check {
	return fine("memory", "%s of %s free: %d containers or %d processes fit", size(m.MemoryFree), size(m.MemoryTotal),
		containers, m.MemoryFree/processMemory).unless(containers < enough, warn,
		fmt.Sprintf("end other programs, or use fewer nodes: -nodes %d", max(containers-1, 1)))
}

// connections judges connection tracking, which packets between nodes go
// through where bridges are filtered.
func connections(m agent.Machine) check {
	switch {
	case m.BridgeFilter != "1":
		return fine("conntrack", "packets between nodes do not pass it (bridge-nf-call-iptables is not 1)")
	case m.Connections == 0:
		return fine("conntrack", "not in this kernel")
	}
	return fine("conntrack", "%d entries; packets between nodes pass it (bridge-nf-call-iptables=1), 3 entries a conversation", m.Connections).unless(
		m.Connections < 65536, warn, "sudo sysctl -w net.netfilter.nf_conntrack_max=262144")
}

func size(bytes int64) string {
	if bytes < 0 {
		return "none"
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/gib)
}

func lacking(names []string) string {
	if len(names) == 0 {
		return "root lacks none that daemons use"
	}
	return "not even root has " + strings.Join(names, ", ") + "; not needed, if guard and cuts work"
}
