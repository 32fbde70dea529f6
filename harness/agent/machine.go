package agent

// A Machine is what decides how many nodes run well on a machine, as its
// kernel tells. Zero, or empty, is what could not be read; -1 what there is
// none of.
type Machine struct {
	Kernel       string // "6.1.0"
	Cores        int
	MemoryTotal  int64    // bytes
	MemoryFree   int64    // bytes: what can be had without swapping
	Neighbours   Limits   // of the neighbour table, which all network namespaces share
	ProcessIDs   int      // kernel.pid_max; a container takes about 18 of them
	OpenFiles    int      // this process's hard limit
	Connections  int      // conntrack entries that fit
	BridgeFilter string   // bridge-nf-call-iptables: "1": packets between nodes pass the host's iptables too
	Namespaces   int      // user namespaces that may be made
	SharedMemory int64    // bytes free in /dev/shm
	TempSpace    int64    // bytes free where the folders of runs lie
	Netem        string   // whether the kernel can delay packets: "yes" or "no"
	Ticks        bool     // whether /proc/stat tells processor time
	Stolen       float64  // share of all processor time that the hypervisor kept for others
	Lacking      []string // capabilities that not even root can have here
}
