package harness

import (
	"context"
	"errors"
	"io"
	"time"

	"peerbed/harness/fault"
	"peerbed/protocols/p2p"
)

// A Backend is a world that nodes live in: the simulator, processes of this
// machine, or containers. It does one thing to one node; how many at once,
// retries, what faults are active and what was measured is Cluster's, once for
// all worlds. harness/backendtest says what each method must do, and every
// world passes it.
//
// Nodes are named by their address, which they keep through crash and restart.
// Methods may be called concurrently, but for Close, and for Advance of a world
// with virtual time.
type Backend interface {
	// IP returns the IPv4 address that the i-th node will have.
	IP(i int) uint32
	// Spawn starts a node and returns when it is ready for Do: it listens, and
	// its Node's Start has been called. (It need not have joined.)
	Spawn(ctx context.Context, s Spec) error
	// Kill ends a node at once. Killing what is not running is an error.
	Kill(ctx context.Context, a p2p.Addr, how How) error
	// Restart starts a killed node again: same Spec, same address, same disk.
	Restart(ctx context.Context, a p2p.Addr) error
	// Pause stops a node where it is: it hears nothing, does nothing and fires
	// no timer until Resume. Its kernel still acknowledges what others send, so
	// that their streams stay up and fill up, and whoever dials it hears Up.
	// Pausing what is down or paused already is an error. Kill ends a paused
	// node too.
	Pause(ctx context.Context, a p2p.Addr) error
	// Resume lets a paused node go on: it now hears what came meanwhile, and
	// fires what is due.
	Resume(ctx context.Context, a p2p.Addr) error
	// Do hands a wish to a node and returns; done hears of the outcome once,
	// on any goroutine. A node that is down, dies meanwhile or cannot be
	// reached gives an outcome with p2p.ErrGone. The wish of a paused node
	// waits until it resumes.
	Do(a p2p.Addr, op p2p.Op, done func(Outcome))
	// Inspect reads a node's state. An error wraps p2p.ErrGone if it is down,
	// and ErrPaused if it is paused.
	Inspect(ctx context.Context, a p2p.Addr) (p2p.State, error)
	// Apply makes the network as wanted, in one step, for nodes that start
	// later too. It returns when all of it holds.
	Apply(ctx context.Context, n fault.Net) error
	// Probe has the node at from ask the one at to for signs of life, through
	// the network under test, and returns when all were answered or are late.
	// Whoever is asked answers below its protocol, which neither sees nor
	// counts it. A node that does not answer is no error; one that cannot ask
	// is, and wraps p2p.ErrGone.
	Probe(ctx context.Context, from, to p2p.Addr, p Probing) (Echo, error)
	// Counters reads what every running node has counted since its process
	// began. Paused nodes cannot tell and are left out.
	Counters(ctx context.Context) (map[p2p.Addr]Counters, error)
	// Now is the time since the world began, virtual or real.
	Now() time.Duration
	// Advance lets the world run until d has passed or until is true (it is
	// asked between events, or every few milliseconds; nil: never).
	Advance(ctx context.Context, d time.Duration, until func() bool) error
	// About says what the world is and what it can.
	About() About
	// Put makes the bytes of from a blob on a running node's disk, in place of
	// what was there. Too many are refused.
	Put(ctx context.Context, a p2p.Addr, blob string, from io.Reader) error
	// Get copies a blob of a running node's disk.
	Get(ctx context.Context, a p2p.Addr, blob string, to io.Writer) error
	// Log returns the end of what the node's program has printed in its last
	// life: complaints, and how it ended. It works for nodes that are down.
	Log(ctx context.Context, a p2p.Addr) ([]byte, error)
	// Close ends all nodes and leaves nothing behind.
	Close() error
}

// ErrPaused is why a node cannot be asked for its state, or paused once more.
var ErrPaused = errors.New("the node is paused; resume it first")

// A Spec is one node to be.
type Spec struct {
	Index    int    // 0, 1 ...: chooses its IP and its random stream
	Name     string // "chord-3"
	Role     string // from the protocol's Cast
	Protocol *p2p.Protocol
	Config   any        // of Protocol.Config's type
	State    *p2p.State // nil: it joins
	Addr     p2p.Addr   // IP(Index) and a port
	Seed     uint64     // of its random stream
	// Hosts gives the addresses of names, for Env.Resolve: the introducer's.
	Hosts map[string]p2p.Addr
	// Command is what the container of a Foreign runs; nil: what its image says.
	Command []string
}

// How a node ends.
type How int

const (
	// Crash kills the process: the streams of the others break at once.
	Crash How = iota
	// Vanish takes the node off the network first, as a pulled plug does: the
	// others hear nothing.
	Vanish
)

func (h How) String() string { return [...]string{"crash", "vanish"}[h] }

// An Outcome is how a wish ended.
type Outcome struct {
	p2p.Result
	Took time.Duration // from Do to done, as the node's own world measured it
}

// Counters is what one node's world has counted.
type Counters struct {
	Traffic []p2p.Traffic // by type of message, those with traffic
	// Seen is the bytes in and out as the world itself saw them at the node's
	// network interface, headers included; 0 where it cannot.
	SeenIn, SeenOut uint64
	// Load is what it took of the machine; nothing where time is virtual.
	Load Load
}

// About describes a world.
type About struct {
	World   string // "sim", "proc", "docker"
	Detail  string // "Docker Engine 20.10.24, bridge 10.90.3.0/24"
	Virtual bool   // time is virtual: Advance runs it
	Cuts    string // who enforces cuts: "the simulator", "nftables in the kernel", "each node's own gate"
	Max     int    // nodes it takes on this machine; 0: no limit known
}

// Options are what a world is opened with.
type Options struct {
	Run   string // names this run: lower-case letters, digits, "-"
	Seed  uint64
	Nodes int // how many it should expect, introducer included
	// Progress hears what the world is doing while it takes long. Not nil.
	Progress func(format string, args ...any)
	// Protocol is what the nodes will speak, the introducer not counted; nil:
	// unknown.
	Protocol *p2p.Protocol
	// Foreign is what the nodes are, where they are not ours; nil: they are.
	Foreign *Foreign
	// Trace, for the simulator: the file that every event is written to.
	Trace string
}

// An Opener opens a world. The error says in one sentence why it cannot be had
// here and what would help.
type Opener func(ctx context.Context, o Options) (Backend, error)

var openers = map[string]Opener{}

// Register makes a world known by name. Package harness/worlds does it for
// sim, proc and docker; harness itself imports none of them.
func Register(world string, open Opener) { openers[world] = open }
