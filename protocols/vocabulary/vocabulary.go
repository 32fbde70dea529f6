package vocabulary

// A Kind is how a series behaves over time.
type Kind string

const (
	Counter Kind = "counter" // only grows; 0 again when its process begins anew
	Gauge   Kind = "gauge"   // goes up and down
	// Histogram counts observations in buckets: native ones (exact to 5 %), and
	// the classic ones of Metric.Buckets for servers that know no others.
	Histogram Kind = "histogram"
	// Info is a gauge that is 1 while its labels are true.
	Info Kind = "info"
)

// NodesInFull is the largest cluster of which single nodes have series. It is
// also the most that Grafana's node graph draws.
const NodesInFull = 200

// FaultsInFull is how many faults of one cluster that heal have a series of their own.
const FaultsInFull = 100

// Common are the labels of every recorded series:
//
//	run       the name of the run's folder
//	cluster   which of the run's clusters: the name of its protocol or subtest,
//	          with a number behind it if there is another of that name
//	protocol  what its nodes speak
//	world     sim, proc or docker
var Common = []string{"run", "cluster", "protocol", "world"}

// A Metric is one row of the table.
type Metric struct {
	Name   string
	Kind   Kind
	Unit   string // "seconds", "bytes", "ratio", or what is counted: "messages"
	Labels []string
	Help   string // one sentence
	// Buckets are the upper bounds of a Histogram's classic buckets.
	Buckets []float64
	// Nodes says that nodes serve it themselves on /metrics, beside the journal.
	Nodes bool
}

// Native is the ratio of a native histogram's neighbouring buckets: quantiles
// are exact to 5 %.
const Native = 1.1

var (
	seconds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}
	hops    = []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30, 50}
)

// Traffic: what nodes send one another, the introducer left out.
var (
	Messages = &Metric{Name: "peerbed_messages_total", Kind: Counter, Unit: "messages", Nodes: true,
		Labels: []string{"type", "class", "direction"},
		Help:   "Messages between nodes; class is lookup, membership or transfer, direction sent or received."}
	MessageBytes = &Metric{Name: "peerbed_message_bytes_total", Kind: Counter, Unit: "bytes", Nodes: true,
		Labels: []string{"type", "class", "direction"},
		Help:   "Bytes of these messages, content included, headers of IP, UDP and TCP not."}
	SeenBytes = &Metric{Name: "peerbed_seen_bytes_total", Kind: Counter, Unit: "bytes",
		Labels: []string{"direction"},
		Help:   "Bytes that the world itself saw at the nodes' network interfaces, headers included; absent where it cannot."}
	Malformed = &Metric{Name: "peerbed_malformed_datagrams_total", Kind: Counter, Unit: "datagrams", Nodes: true,
		Help: "Datagrams dropped because they could not be read; served by nodes alone."}
	Streams = &Metric{Name: "peerbed_streams", Kind: Gauge, Unit: "streams", Nodes: true,
		Help: "Streams that stand or are being dialled; served by nodes alone."}
)

// Operations: what users ask of nodes.
var (
	Operations = &Metric{Name: "peerbed_operations_total", Kind: Counter, Unit: "operations", Nodes: true,
		Labels: []string{"op", "result"},
		Help:   "Operations that are done, by how they ended: ok, or the error (not_found, timeout, ...); failed is any other."}
	OperationDuration = &Metric{Name: "peerbed_operation_duration_seconds", Kind: Histogram, Unit: "seconds", Nodes: true,
		Labels: []string{"op"}, Buckets: seconds,
		Help: "Time from a wish to its end, whether it succeeded or failed."}
	LookupHops = &Metric{Name: "peerbed_lookup_hops", Kind: Histogram, Unit: "hops", Nodes: true,
		Buckets: hops,
		Help:    "Nodes contacted by finds that found what they sought."}
)

// Membership: who is there.
var (
	Nodes = &Metric{Name: "peerbed_nodes", Kind: Gauge, Unit: "nodes",
		Labels: []string{"role"},
		Help:   "Nodes of the cluster, those that are down included, by the role they were cast for."}
	LiveNodes = &Metric{Name: "peerbed_live_nodes", Kind: Gauge, Unit: "nodes",
		Help: "Nodes that run and are not paused."}
	ChurnEvents = &Metric{Name: "peerbed_churn_events_total", Kind: Counter, Unit: "events",
		Labels: []string{"event"},
		Help:   "Changes of membership: join (restarts too) or leave (crashes and vanishing too)."}
)

// State: what nodes keep, summed over the live ones.
var (
	Neighbours = &Metric{Name: "peerbed_neighbours", Kind: Gauge, Unit: "neighbours",
		Help: "Other nodes that nodes would send to."}
	StateEntries = &Metric{Name: "peerbed_state_entries", Kind: Gauge, Unit: "entries",
		Labels: []string{"kind"},
		Help:   "Entries of the nodes' tables; kind is the table's name in the protocol's Detail: successors, fingers, links, torrents_peers."}
	StateBytes = &Metric{Name: "peerbed_state_bytes", Kind: Gauge, Unit: "bytes",
		Help: "The nodes' states written out as JSON."}
	StateFigure = &Metric{Name: "peerbed_state_figure", Kind: Gauge, Unit: "",
		Labels: []string{"figure"},
		Help:   "Numbers of the protocol's Detail, summed; of yes and no, how often yes: reputation, torrents_have, torrents_peers_choking."}
	StateRoles = &Metric{Name: "peerbed_state_roles", Kind: Gauge, Unit: "nodes",
		Labels: []string{"role"},
		Help:   "Live nodes by the role that they play now, where the protocol's Detail tells."}
	StoredKeys = &Metric{Name: "peerbed_stored_keys", Kind: Gauge, Unit: "keys",
		Help: "What nodes hold for the network, copies counted."}
)

// The run: what is done to the cluster, and when.
var (
	FaultActive = &Metric{Name: "peerbed_fault_active", Kind: Gauge, Unit: "faults",
		Labels: []string{"fault", "kind"},
		Help:   "Faults that last: kind is cut, drop, links, firewall, throttle, pause, or what took nodes down (crash, vanish, leave, a plan's word); fault names one that heals (cut 2), else it is the kind, and the value is how many nodes it holds down."}
	PhaseActive = &Metric{Name: "peerbed_phase_active", Kind: Info, Unit: "",
		Labels: []string{"phase"},
		Help:   "1 while a measured stretch of the run lasts: its number, and its title if it has one."}
	// SampleTime is made by the store, of the time of every sample; a journal
	// need not hold it. Boards find a run by it, wherever in time it lies.
	SampleTime = &Metric{Name: "peerbed_sample_time_seconds", Kind: Gauge, Unit: "seconds",
		Help: "When the sample was taken: since 1970, where time is virtual since the cluster began; its least and its greatest value say when a run was."}
)

// The machine that carries a run in a real world.
var (
	TimerLag = &Metric{Name: "peerbed_machine_timer_lag_seconds", Kind: Gauge, Unit: "seconds",
		Help: "How late 99 of 100 timers of the nodes were at most, since the sample before."}
	Busy = &Metric{Name: "peerbed_machine_busy_ratio", Kind: Gauge, Unit: "ratio",
		Help: "Share of the machine's processors at work since the sample before, whoever uses them."}
	CPU = &Metric{Name: "peerbed_cpu_seconds_total", Kind: Counter, Unit: "seconds",
		Help: "Processor time that the nodes took."}
	Throttled = &Metric{Name: "peerbed_throttled_seconds_total", Kind: Counter, Unit: "seconds",
		Help: "Time for which limits kept nodes from the processors."}
)

// Single nodes, in clusters of up to NodesInFull.
var (
	NodeUp = &Metric{Name: "peerbed_node_up", Kind: Gauge, Unit: "",
		Labels: []string{"node"}, Help: "1: it runs; 0: it is down or paused."}
	NodeMessages = &Metric{Name: "peerbed_node_messages_total", Kind: Counter, Unit: "messages",
		Labels: []string{"node", "class", "direction"}, Help: "Messages of one node."}
	NodeMessageBytes = &Metric{Name: "peerbed_node_message_bytes_total", Kind: Counter, Unit: "bytes",
		Labels: []string{"node", "class", "direction"}, Help: "Bytes of these messages."}
	NodeNeighbours = &Metric{Name: "peerbed_node_neighbours", Kind: Gauge, Unit: "neighbours",
		Labels: []string{"node"}, Help: "Other nodes that it would send to."}
	NodeStateEntries = &Metric{Name: "peerbed_node_state_entries", Kind: Gauge, Unit: "entries",
		Labels: []string{"node", "kind"}, Help: "Entries of its tables; see peerbed_state_entries."}
	NodeStoredKeys = &Metric{Name: "peerbed_node_stored_keys", Kind: Gauge, Unit: "keys",
		Labels: []string{"node"}, Help: "What it holds for the network."}
	NodeCPU = &Metric{Name: "peerbed_node_cpu_seconds_total", Kind: Counter, Unit: "seconds",
		Labels: []string{"node"}, Help: "Processor time that it took; absent where time is virtual."}
	NodeTimerLag = &Metric{Name: "peerbed_node_timer_lag_seconds", Kind: Gauge, Unit: "seconds",
		Labels: []string{"node"}, Help: "How late 99 of 100 of its timers were at most, since the sample before; absent where time is virtual."}
	NodeInfo = &Metric{Name: "peerbed_node_info", Kind: Info, Unit: "",
		Labels: []string{"node", "id", "title", "subtitle"},
		Help:   "A node of the node graph: id is what edges call it, title its name, subtitle its role."}
	EdgeInfo = &Metric{Name: "peerbed_edge_info", Kind: Info, Unit: "",
		Labels: []string{"id", "source", "target"},
		Help:   "An edge of the node graph: source would send to target."}
)

// All is the table, in the order in which people read it.
var All = []*Metric{
	Messages, MessageBytes, SeenBytes, Malformed, Streams,
	Operations, OperationDuration, LookupHops,
	Nodes, LiveNodes, ChurnEvents,
	Neighbours, StateEntries, StateBytes, StateFigure, StateRoles, StoredKeys,
	FaultActive, PhaseActive, SampleTime,
	TimerLag, Busy, CPU, Throttled,
	NodeUp, NodeMessages, NodeMessageBytes, NodeNeighbours, NodeStateEntries, NodeStoredKeys, NodeCPU, NodeTimerLag,
	NodeInfo, EdgeInfo,
}

// Named returns the metric of that name; nil: there is none.
func Named(name string) *Metric {
	for _, m := range All {
		if m.Name == name {
			return m
		}
	}
	return nil
}
