package agent

import (
	"fmt"
	"strings"

	"peerbed/harness/fault"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// The labels of everything that a run makes on the daemon. Only what carries
// them is ever touched.
const (
	LabelBed     = "peerbed"            // "1": belongs to the testbed
	LabelRun     = "peerbed.run"        // the run's id
	LabelName    = "peerbed.name"       // what the run is called, for people
	LabelStarted = "peerbed.started"    // when the run began, in Unix seconds
	LabelRole    = "peerbed.role"       // RoleAgent or RoleNode
	LabelLimits  = "peerbed.neighbours" // of agents: the neighbour limits before the first run raised them
)

// The values of LabelRole.
const (
	RoleAgent = "agent"
	RoleNode  = "node"
	RoleJob   = "job" // an agent that does one Job and no more
)

// RemoteSocketVariable says, to the harness, where a daemon that is reached by no
// socket of this machine has one on its own, which the agent is given there.
const RemoteSocketVariable = "PEERBED_REMOTE_SOCKET"

// Where the agent's container finds what the harness gives it.
const (
	SocketPath = "/peerbed/docker.sock" // the daemon's socket
	LimitsPath = "/peerbed/neigh"       // /proc/sys/net/ipv4/neigh of the host
	RunsPath   = "/peerbed/runs"        // the folder that holds the run's folder
	HarnessEnd = "agent.sock"           // in the run's folder: the socket of the lease
)

// Dialled is what Dial says first, once it has a connection.
const Dialled = '+'

// What lies in the folder of a run, and in those of its nodes.
const (
	ControlName = "c"          // per node: its control socket and what it is told
	DataName    = "n"          // per node: its disk
	SocketName  = "n.sock"     // in a node's control folder
	StateName   = "state.json" // there too: the state to take up
)

// tablePrefix begins the names of the agent's packet tables; the run follows.
const tablePrefix = "peerbed_"

// TableName returns the name of a run's packet tables, one of the inet family
// (the guard) and one of the bridge family (the rules).
func TableName(run string) string { return tablePrefix + run }

// waysSuffix ends the name of a run's table that counts what passes between any
// two nodes.
const waysSuffix = "_ways"

// runOfTable is the inverse of TableName.
func runOfTable(table string) (run string, ok bool) {
	return strings.CutPrefix(strings.TrimSuffix(table, waysSuffix), tablePrefix)
}

// bridgePrefix begins the names of all interfaces that belong to runs and not to
// one node; the run's 8 letters follow. A name has at most 15.
const bridgePrefix = "pb"

// BridgeName is what a run's bridge is called. The names of its shards, and of
// what joins them, begin with it, and no other run's do.
func BridgeName(run string) string { return bridgePrefix + run }

// ShardName is what a large run's further bridges are called: see Guard.
func ShardName(run string, k int) string { return fmt.Sprint(shardPrefix(run), k) }

func shardPrefix(run string) string { return BridgeName(run) + "s" }

// A Guard is for a network to close: nothing gets from its bridges to the host
// or further, nor from there to them. Traffic among its members is untouched.
type Guard struct {
	Subnet string // 10.90.0.0/22
	Shards int    // further bridges, 0 or at least 2, on which the agent is to spread the nodes
	Ways   bool   // count what passes between any two: see Crossings
}

// Crossings is what nodes have sent to one another over the bridge, and what of
// that came out of it, by their IPs and port 0. A way may stand there twice, once
// for each.
type Crossings []Crossing

// A Crossing is one way.
type Crossing struct {
	From, To     p2p.Addr
	Sent, Passed Volume
}

// A Volume is an amount of IPv4.
type Volume struct{ Packets, Bytes uint64 }

// Rules are all that stops packets between nodes, or holds them back, in place of
// earlier Rules.
type Rules struct {
	Cuts   []fault.Cut
	Silent []p2p.Addr       // neither send nor get anything; IP addresses count
	Walls  []p2p.Addr       // see fault.Net
	Drops  []linkmodel.Drop // see fault.Net
	Links  linkmodel.Model  // of nodes that make none themselves: see shaper
}

// Bytes is what passed a node's interface, in the node's view, headers
// included.
type Bytes struct{ In, Out uint64 }

// Seen is the Bytes of all nodes that are up, by their IP and port 0. The
// counts of a node begin anew when it is started again.
type Seen map[p2p.Addr]Bytes

// Limits are the three thresholds of the machine's neighbour table
// (gc_thresh1 to 3), which all network namespaces share: n nodes that all talk
// to each other need n*(n-1) entries. Beyond the third one, packets get lost.
type Limits [3]int

// A Raise asks for room for Entries in the neighbour table. Before is what is
// written back when the last run on the machine ends; zero: nothing.
type Raise struct {
	Entries int
	Before  Limits
}

// Left is what End could not remove: one sentence each.
type Left []string
