package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/testcontainers/testcontainers-go"

	"peerbed/harness"
	"peerbed/harness/agent"
	"peerbed/harness/fault"
	"peerbed/protocols/introducer"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// Guests is a run whose nodes are programs of others (harness.Image). Each
// node is two containers in one network namespace: the witness, a node of ours
// that owns the address and has nothing to say, and the guest, which runs the
// program and may die, stand still and come back while its address and its
// cable stay. The witness answers probes and counts late timers; the agent holds
// the links, for the guest cannot.
type Guests struct {
	*Backend
	ref string
	how *harness.Foreign

	mu    sync.Mutex
	first map[p2p.Addr]harness.Counters // of the witness, when the guest's life began
}

// witnessPort is where witnesses listen: above what programs choose for
// themselves and kernels give away.
const witnessPort = 64999

// openGuests begins a run of containers of an image that the daemon has.
func openGuests(ctx context.Context, o harness.Options) (harness.Backend, error) {
	o.Nodes *= 2              // containers
	if o.Nodes > shardNodes { // a packet would wait in the queue of every bridge that it crosses
		return nil, fmt.Errorf("%d nodes of an image and an introducer do not fit on one bridge, and the delays of links hold on one alone; use -nodes %d", o.Nodes/2-1, shardNodes/2-1)
	}
	pkg, err := harness.NodeProgram(ctx, nil)
	if err != nil {
		return nil, err
	}
	if err := offers(ctx, o.Foreign.Ref); err != nil {
		return nil, err
	}
	b, err := open(ctx, o, pkg)
	if err != nil {
		return nil, err
	}
	return &Guests{Backend: b, ref: o.Foreign.Ref, how: o.Foreign, first: map[p2p.Addr]harness.Counters{}}, nil
}

// offers reports that the daemon has no such image. None is asked for elsewhere.
func offers(ctx context.Context, ref string) error {
	e, err := connect(ctx)
	if err != nil {
		return err
	}
	defer e.Close()
	err = call(ctx, func(ctx context.Context) error {
		_, err := e.ImageInspect(ctx, ref)
		return err
	})
	if errdefs.IsNotFound(err) {
		return fmt.Errorf("the Docker daemon has no image %q; make it with docker build or docker pull, or of an installed program with Pack of package harness/docker", ref)
	}
	return err
}

// witness is the node of ours that goes with one that is not.
func witness(s harness.Spec) harness.Spec {
	s.Name += "-witness"
	s.Protocol, s.Config, s.State, s.Hosts = introducer.Protocol, introducer.Protocol.Config, nil, nil
	s.Addr = witnessOf(s.Addr)
	return s
}

func witnessOf(a p2p.Addr) p2p.Addr { return p2p.MakeAddr(a.IP(), witnessPort) }

// Spawn starts the witness, and then the guest in its network.
func (g *Guests) Spawn(ctx context.Context, s harness.Spec) error {
	w := witness(s)
	if err := g.Backend.Spawn(ctx, w); err != nil {
		return err
	}
	beside, err := g.reach(w.Addr)
	if err != nil {
		return err
	}
	n := &node{spec: s, door: noDoor{}}
	n.changing.Lock()
	defer n.changing.Unlock()
	if n.container, err = g.engine.create(ctx, g.guestRequest(s, beside.node.container)); err != nil {
		return fmt.Errorf("%s: cannot make its container: %w", s.Name, err)
	}
	g.nodes.Lock()
	g.nodes.byAddr[s.Addr], g.nodes.byContainer[n.container] = n, n
	g.nodes.Unlock()
	// Without its witness it has no network.
	context.AfterFunc(beside.life.ctx, func() { g.lose(n) })
	return g.bringUp(ctx, n)
}

// noDoor is the door of a node that has none.
type noDoor struct{}

func (noDoor) accept(context.Context) (net.Conn, error) { return nil, errors.ErrUnsupported }
func (noDoor) Close() error                             { return nil }

// lose ends a guest whose witness has ended by itself.
func (g *Guests) lose(n *node) {
	if g.ctx.Err() == nil {
		// Refused if it is down.
		_ = call(g.ctx, func(ctx context.Context) error { return g.engine.ContainerKill(ctx, n.container, "KILL") })
	}
}

// guestRequest describes a guest's container.
func (g *Guests) guestRequest(s harness.Spec, beside string) testcontainers.ContainerRequest {
	uid, gid := g.user()
	return testcontainers.ContainerRequest{
		Name:       "peerbed-" + g.id + "-" + s.Name,
		Image:      g.ref,
		Entrypoint: s.Command,
		Labels:     g.labels(agent.RoleNode),
		ConfigModifier: func(c *container.Config) {
			c.User = fmt.Sprintf("%d:%d", uid, gid)
		},
		HostConfigModifier: func(h *container.HostConfig) {
			g.engine.lockDown(h)
			h.DNS = nil // the witness's
			h.NetworkMode = container.NetworkMode("container:" + beside)
			h.Mounts = []mount.Mount{bind(g.place.data(s.Index), dataPath, false)}
			h.Tmpfs = map[string]string{"/tmp": "size=16m,mode=1777"}
		},
	}
}

// bringUp starts a guest's container and waits until it is up.
func (g *Guests) bringUp(ctx context.Context, n *node) error {
	was, err := g.Backend.Counters(ctx)
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.first[n.spec.Addr] = was[witnessOf(n.spec.Addr)]
	g.mu.Unlock()
	l := n.begin(g.ctx)
	ctx, stop := both(ctx, l.ctx)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, dialling, fmt.Errorf("it was not ready within %v", dialling))
	defer cancel()
	if err = g.engine.start(ctx, n.container); err == nil {
		err = g.await(ctx, n)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && context.Cause(ctx) != err {
		err = fmt.Errorf("%w (%v)", context.Cause(ctx), err)
	}
	defer g.abandon(n, l, err)
	return fmt.Errorf("%s did not start: %w; its last words: %s", n.spec.Name, err, g.engine.lastWords(ctx, n.container))
}

// await returns when a guest is up: what Ready asks for is so, one after the other.
func (g *Guests) await(ctx context.Context, n *node) error {
	r, at := g.how.Ready, g.inside(n)
	for _, ready := range []func() error{
		func() error { return at.hasSaid(ctx, r.Log) },
		func() error { return at.takesConnections(ctx, r.TCP) },
		func() error { return at.succeeds(ctx, r.Exec) },
	} {
		for err := ready(); err != nil; err = ready() {
			if !breathe(ctx) {
				return err
			}
		}
	}
	return nil
}

// Restart starts the guest's container again, after its end.
func (g *Guests) Restart(ctx context.Context, a p2p.Addr) error {
	n, err := g.node(a)
	if err != nil {
		return err
	}
	if err := g.startSlot(ctx); err != nil {
		return err
	}
	defer g.freeSlot()
	n.changing.Lock()
	defer n.changing.Unlock()
	if n.alive() != nil {
		return fmt.Errorf("%s (%v) runs already", n.spec.Name, a)
	}
	if err := g.silence(ctx, a, false); err != nil {
		return err
	}
	return g.bringUp(ctx, n)
}

// living returns a guest that is up and not paused, and the context of its life.
func (g *Guests) living(a p2p.Addr) (*node, context.Context, error) {
	n, err := g.node(a)
	if err != nil {
		return nil, nil, err
	}
	l := n.alive()
	switch {
	case l == nil:
		return nil, nil, fmt.Errorf("%w: %s (%v) is down", p2p.ErrGone, n.spec.Name, a)
	case n.frozen():
		return nil, nil, fmt.Errorf("%s: %w", n.spec.Name, harness.ErrPaused)
	}
	return n, l.ctx, nil
}

// Pause freezes the guest's container, and leaves the witness.
func (g *Guests) Pause(ctx context.Context, a p2p.Addr) error {
	n, _, err := g.living(a)
	if err != nil {
		return fmt.Errorf("cannot pause: %w", err)
	}
	n.changing.Lock()
	defer n.changing.Unlock()
	if err := call(ctx, func(ctx context.Context) error { return g.engine.ContainerPause(ctx, n.container) }); err != nil {
		return fmt.Errorf("cannot pause %s: %w", n.spec.Name, err)
	}
	n.freeze(n.alive())
	return nil
}

// Resume lets the guest's container go on.
func (g *Guests) Resume(ctx context.Context, a p2p.Addr) error {
	n, err := g.node(a)
	if err != nil {
		return err
	}
	n.changing.Lock()
	defer n.changing.Unlock()
	if !n.frozen() {
		return fmt.Errorf("cannot resume %s: it is not paused", n.spec.Name)
	}
	if err := call(ctx, func(ctx context.Context) error { return g.engine.ContainerUnpause(ctx, n.container) }); err != nil {
		return fmt.Errorf("cannot resume %s: %w", n.spec.Name, err)
	}
	n.freeze(nil)
	return nil
}

// Apply has the agent make all of the network, the links too.
func (g *Guests) Apply(ctx context.Context, n fault.Net) error {
	if err := n.Check(); err != nil {
		return err
	}
	g.wanted.Lock()
	defer g.wanted.Unlock()
	before, held := g.wanted.net, g.wanted.held
	g.wanted.held, n.Links = n.Links, linkmodel.Model{}
	g.wanted.net = n
	if err := g.setRules(ctx); err != nil {
		g.wanted.net, g.wanted.held = before, held
		return err
	}
	return nil
}

// Probe has one witness probe another: what it finds is so of the network, for
// whatever the guests do.
func (g *Guests) Probe(ctx context.Context, from, to p2p.Addr, p harness.Probing) (harness.Echo, error) {
	return g.Backend.Probe(ctx, witnessOf(from), witnessOf(to), p)
}

// Counters is what has passed at the guests' interfaces since their lives began.
func (g *Guests) Counters(ctx context.Context) (map[p2p.Addr]harness.Counters, error) {
	byWitness, err := g.Backend.Counters(ctx)
	all := map[p2p.Addr]harness.Counters{}
	g.mu.Lock()
	defer g.mu.Unlock()
	for a, first := range g.first {
		now, there := byWitness[witnessOf(a)]
		if n, err := g.node(a); err != nil || n.alive() == nil || n.frozen() || !there {
			continue
		}
		all[a] = harness.Counters{SeenIn: now.SeenIn - first.SeenIn, SeenOut: now.SeenOut - first.SeenOut, Load: harness.Load{
			Lags:      now.Load.Lags.Since(first.Load.Lags),
			CPU:       now.Load.CPU - first.Load.CPU,
			Throttled: now.Load.Throttled - first.Load.Throttled}}
	}
	return all, err
}

// Crossings reads what has passed between any two guests, by their IPs and port 0.
func (g *Guests) Crossings(ctx context.Context) (map[[2]p2p.Addr]harness.Crossing, error) {
	var all agent.Crossings
	err := g.ask(ctx, func(ctx context.Context) (err error) {
		all, err = g.agent.Crossings(ctx)
		return err
	})
	byWay := map[[2]p2p.Addr]harness.Crossing{}
	for _, c := range all {
		x := byWay[[2]p2p.Addr{c.From, c.To}]
		x.Sent += c.Sent.Packets
		x.Passed += c.Passed.Packets
		x.PassedBytes += c.Passed.Bytes
		byWay[[2]p2p.Addr{c.From, c.To}] = x
	}
	return byWay, err
}

// goodbye is how long a guest has to end after SIGTERM.
const goodbye = 10 * time.Second

// leave has a guest end by itself.
func (g *Guests) leave(ctx context.Context, n *node) error {
	n.changing.Lock()
	defer n.changing.Unlock()
	l, patience := n.alive(), int(goodbye/time.Second)
	if l == nil {
		return fmt.Errorf("%w: %s is down", p2p.ErrGone, n.spec.Name)
	}
	err := call(ctx, func(ctx context.Context) error {
		return g.engine.ContainerStop(ctx, n.container, container.StopOptions{Timeout: &patience})
	})
	if err != nil {
		return fmt.Errorf("cannot stop %s: %w", n.spec.Name, err)
	}
	return g.awaitEnd(ctx, l)
}

// mostGuests is how many fit on one bridge, with their witnesses among a run's
// containers: over several, a packet would wait in the queue more than once.
const mostGuests = 480

// About says that nodes are not ours.
func (g *Guests) About() harness.About {
	a := g.Backend.About()
	a.Detail += ", image " + g.ref
	a.Max = mostGuests
	return a
}
