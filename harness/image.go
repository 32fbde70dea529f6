package harness

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"peerbed/protocols/p2p"
)

// Image makes the nodes containers of an image: any program, of anybody. ref is
// an image that the daemon has, be it pulled, built or made by docker.Pack; cmd
// says what node i runs; ready tells when it is up, and ops how it is asked.
// Zero values will do: the image's own command, up once it runs, and never asked.
//
//	serf := &p2p.Protocol{Name: "serf"}
//	c := harness.New(t, serf, 5, harness.Image(ref, func(i int, nodes []p2p.Addr) []string {
//		return []string{"serf", "agent", "-bind", nodes[i].String(), "-retry-join", nodes[0].String()}
//	}, harness.Ready{Exec: []string{"serf", "info"}}, harness.Ops{}))
//
// The Protocol that New is given has a name, and may have a Cast, Whole, Detail
// and Angle. There is no introducer.
//
// Such nodes are locked down as ours are: no capabilities, a read-only root (but
// for /data, which they keep, and /tmp, which they do not), an ordinary user,
// limits of memory and processes, no way off the run's network. Churn, cuts,
// loss, delay, rate, pause, crash and the counters of bytes are as for any node;
// nodes leave by SIGTERM. Faults prove themselves through a node of ours in
// the same network namespace, the witness: what Probe finds is so of the network,
// whatever the program does. Only the world docker has containers.
func Image(ref string, cmd func(i int, nodes []p2p.Addr) []string, ready Ready, ops Ops) Option {
	return func(s *Settings) { s.foreign = &Foreign{ref, cmd, ready, ops} }
}

// A Foreign is what nodes are that are programs of others.
type Foreign struct {
	Ref     string
	Command func(i int, nodes []p2p.Addr) []string
	Ready   Ready
	Ops     Ops
}

// Ready tells when a program is up: when all of this is so. It is given half a
// minute.
type Ready struct {
	TCP  int      // this port of the node's address takes connections
	Exec []string // this command, run in its container, ends with status 0
	Log  string   // it has printed this, since it was started
}

// Ops is how programs carry out wishes and tell their state. They are called
// concurrently, for different nodes, and end with their context.
type Ops struct {
	// Do carries out a wish other than to leave; nil: there are none.
	Do func(ctx context.Context, at Inside, op p2p.Op) p2p.Result
	// Inspect tells a node's state; nil: only that it is there. What it has for
	// an address must be one of those that Command was given.
	Inspect func(ctx context.Context, at Inside) (p2p.State, error)
}

// Inside is where a node is: its container and its network namespace. The
// harness's way there does not lead over the network under test.
type Inside interface {
	// Self is the node's address.
	Self() p2p.Addr
	// Exec runs a command in the container and returns what it prints. It is an
	// error if its status is not 0, with what it had to say.
	Exec(ctx context.Context, command ...string) ([]byte, error)
	// Dial connects, by "tcp" or "udp", to what the node itself would reach at
	// the address: its own ports, or over the network under test another node's.
	// Of datagrams each Write makes one or, beyond 1200 bytes, several.
	Dial(ctx context.Context, network, address string) (net.Conn, error)
}

// A Crossing is what one node has sent to another, by the kernel's own count at
// the bridge between them.
type Crossing struct {
	Sent        uint64 // packets of IP
	Passed      uint64 // those that were neither cut off nor lost, and have had their delay
	PassedBytes uint64
}

// Crossings tells what went from any node to any other since the run began, by
// their numbers, where they are programs of others: what a fault did, and not what
// a program says of it. What is under way counts as sent.
func (c *Cluster) Crossings() (map[[2]int]Crossing, error) {
	b, ok := c.backend.(interface {
		Crossings(context.Context) (map[[2]p2p.Addr]Crossing, error)
	})
	if !ok {
		return nil, outside{c.Addr(0), c.about.World}.why()
	}
	byAddr, err := b.Crossings(c.ctx)
	all := map[[2]int]Crossing{}
	for i := range c.nodes {
		for j := range c.nodes {
			way := [2]p2p.Addr{p2p.MakeAddr(c.Addr(i).IP(), 0), p2p.MakeAddr(c.Addr(j).IP(), 0)}
			all[[2]int{i, j}] = byAddr[way]
		}
	}
	return all, err
}

// HTTP returns a client whose requests are made inside: its URLs name ports of
// the node, "http://127.0.0.1:8080/status".
func HTTP(at Inside) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: at.Dial, DisableKeepAlives: true}}
}

// At returns the inside of node i, where it is a program of others.
func (c *Cluster) At(i int) Inside {
	b, ok := c.backend.(interface{ Inside(p2p.Addr) Inside })
	if !ok {
		return outside{c.Addr(i), c.about.World}
	}
	return b.Inside(c.Addr(i))
}

// outside is where nodes of ours are: they have a control API instead.
type outside struct {
	self  p2p.Addr
	world string
}

func (o outside) Self() p2p.Addr { return o.self }

func (o outside) why() error {
	return fmt.Errorf("%v is a node of the world %s, not a program of others that was started by harness.Image", o.self, o.world)
}

func (o outside) Exec(context.Context, ...string) ([]byte, error)        { return nil, o.why() }
func (o outside) Dial(context.Context, string, string) (net.Conn, error) { return nil, o.why() }

// admit refuses programs of others where there are no containers.
func (f *Foreign) admit(c choice) error {
	if f == nil || c.world == "docker" {
		return nil
	}
	return fmt.Errorf("the world %s (%s) cannot run the image %s, only docker can: use -backend docker", c.world, c.why, f.Ref)
}

// instruct says what the nodes to be run; nil: what their image says.
func (c *Cluster) instruct(specs []Spec) {
	f := c.set.foreign
	if f == nil || f.Command == nil {
		return
	}
	nodes := c.Addrs()
	for _, s := range specs {
		nodes = append(nodes, s.Addr)
	}
	for k := range specs {
		specs[k].Command = f.Command(len(c.nodes)+k, nodes)
	}
}
