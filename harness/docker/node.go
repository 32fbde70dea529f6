package docker

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/testcontainers/testcontainers-go"

	"peerbed/harness"
	"peerbed/harness/agent"
	"peerbed/node/control"
	"peerbed/protocols/p2p"
)

// Where a node's container finds its folders.
const (
	controlPath = "/ctl"
	dataPath    = "/data"
)

// A node is one container. It keeps its listener, its address and its folders
// through all its lives.
type node struct {
	spec      harness.Spec
	container string // its id
	door      door
	changing  sync.Mutex // held while it is killed or started

	mu     sync.Mutex
	life   *life // nil: it is down
	paused *life // that life, while it is frozen
}

// A life is the time from one start of a node's process to its end.
type life struct {
	// ctx ends with the process, for the cause that says how, or with the run.
	ctx     context.Context
	end     context.CancelCauseFunc
	control *control.Client // nil until the process has dialled in
}

// Spawn makes the node's container and starts it.
func (b *Backend) Spawn(ctx context.Context, s harness.Spec) error {
	if err := b.startSlot(ctx); err != nil {
		return err
	}
	defer b.freeSlot()
	n, err := b.newNode(ctx, s)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	n.changing.Lock()
	defer n.changing.Unlock()
	if n.container, err = b.engine.create(ctx, b.nodeRequest(s)); err != nil {
		return fmt.Errorf("%s: cannot make its container: %w", s.Name, err)
	}
	b.nodes.Lock()
	b.nodes.byContainer[n.container] = n
	b.nodes.Unlock()
	return b.live(ctx, n)
}

// startSlot waits until another container may be started.
func (b *Backend) startSlot(ctx context.Context) error {
	select {
	case b.starts <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-b.ctx.Done():
		return context.Cause(b.ctx)
	}
}

func (b *Backend) freeSlot() { <-b.starts }

// newNode makes what a node needs before its container, and enters it.
func (b *Backend) newNode(ctx context.Context, s harness.Spec) (*node, error) {
	if err := b.furnish(ctx, s); err != nil {
		return nil, err
	}
	b.nodes.Lock()
	defer b.nodes.Unlock()
	if b.ctx.Err() != nil {
		return nil, context.Cause(b.ctx)
	}
	if b.nodes.byAddr[s.Addr] != nil {
		return nil, fmt.Errorf("there is a node at %v already", s.Addr)
	}
	d, err := b.openDoor(s.Index)
	if err != nil {
		return nil, err
	}
	n := &node{spec: s, door: d}
	b.nodes.byAddr[s.Addr] = n
	return n, nil
}

// nodeRequest describes a node's container.
func (b *Backend) nodeRequest(s harness.Spec) testcontainers.ContainerRequest {
	uid, gid := b.user()
	return testcontainers.ContainerRequest{
		Name:       "peerbed-" + b.id + "-" + s.Name,
		Image:      b.image,
		Entrypoint: []string{"/" + nodeProgram},
		Cmd:        arguments(s),
		Env:        map[string]string{"GOMEMLIMIT": goMemory},
		Labels:     b.labels(agent.RoleNode),
		ConfigModifier: func(c *container.Config) {
			c.User = fmt.Sprintf("%d:%d", uid, gid)
			c.Hostname = s.Name
		},
		HostConfigModifier: func(h *container.HostConfig) {
			b.engine.lockDown(h)
			h.NetworkMode = container.NetworkMode(b.network())
			h.Mounts = []mount.Mount{
				bind(b.place.control(s.Index), controlPath, true),
				bind(b.place.data(s.Index), dataPath, false),
			}
		},
		EndpointSettingsModifier: func(e map[string]*network.EndpointSettings) {
			ip := address(s.Addr.IP()).String()
			e[b.network()] = &network.EndpointSettings{IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: ip}}
		},
	}
}

// arguments are the node's flags. It waits for its network to be as wanted
// before it starts.
func arguments(s harness.Spec) []string {
	args := []string{
		"-protocol", s.Protocol.Name, "-listen", s.Addr.String(), "-share", dataPath,
		"-seed", strconv.FormatUint(s.Seed, 10), "-control", "unix:" + controlPath + "/" + agent.SocketName, "-wait",
	}
	if len(s.Hosts) > 0 {
		args = append(args, "-hosts", hosts(s.Hosts))
	}
	if s.State != nil {
		args = append(args, "-state", controlPath+"/"+agent.StateName)
	}
	if s.Config != nil {
		for _, change := range p2p.Changes(s.Config) {
			args = append(args, "-"+change)
		}
	}
	return args
}

// hosts writes "name=ip,name=ip", in order.
func hosts(byName map[string]p2p.Addr) string {
	var list []string
	for name, a := range byName {
		list = append(list, name+"="+address(a.IP()).String())
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

// Restart starts the node's container again, after a kill.
func (b *Backend) Restart(ctx context.Context, a p2p.Addr) error {
	n, err := b.node(a)
	if err != nil {
		return err
	}
	if err := b.startSlot(ctx); err != nil {
		return err
	}
	defer b.freeSlot()
	n.changing.Lock()
	defer n.changing.Unlock()
	if n.alive() != nil {
		return fmt.Errorf("%s (%v) runs already", n.spec.Name, a)
	}
	if err := b.silence(ctx, a, false); err != nil {
		return err
	}
	return b.live(ctx, n)
}

// live starts the container and returns when the node has been started in the
// network that is wanted.
func (b *Backend) live(ctx context.Context, n *node) error {
	l := n.begin(b.ctx)
	ctx, cancel := both(ctx, l.ctx)
	defer cancel()
	err := b.engine.start(ctx, n.container)
	if err == nil {
		err = b.greet(ctx, n, l)
	}
	if err == nil {
		err = insist(ctx, l.control.Start)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	defer b.abandon(n, l, err)
	return fmt.Errorf("%s did not start: %w; its last words: %s", n.spec.Name, err, b.engine.lastWords(ctx, n.container))
}

// abandon ends a life that did not begin well.
func (b *Backend) abandon(n *node, l *life, why error) {
	l.end(why)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.life == l {
		n.life = nil
	}
	// Refused if it has ended already, and what matters has been said.
	_ = call(context.Background(), func(ctx context.Context) error { return b.engine.ContainerKill(ctx, n.container, "KILL") })
}

// greet waits for the process to dial in and gives it the wanted network. From
// then on Apply reaches it.
func (b *Backend) greet(ctx context.Context, n *node, l *life) error {
	ctx, cancel := context.WithTimeoutCause(ctx, dialling, errSilentStart)
	defer cancel()
	c := control.NewRedialClient(n.door.accept)
	context.AfterFunc(l.ctx, func() { c.Close() })
	err := insist(ctx, func(ctx context.Context) error {
		_, err := c.Health(ctx)
		return err
	})
	if err != nil {
		return err
	}
	b.wanted.RLock()
	defer b.wanted.RUnlock()
	if links := b.wanted.net.Links.Part(n.spec.Addr); !links.Perfect() {
		if err := insist(ctx, func(ctx context.Context) error { return c.SetNet(ctx, control.Net{Links: links}) }); err != nil {
			return err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	l.control = c
	return nil
}

var errSilentStart = fmt.Errorf("it did not dial its control socket within %v; this machine may be overloaded, use fewer nodes", dialling)

// begin enters a new life.
func (n *node) begin(run context.Context) *life {
	l := &life{}
	l.ctx, l.end = context.WithCancelCause(run)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.life = l
	return l
}

// alive returns the node's life, or nil if it is down.
func (n *node) alive() *life {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.life
}

// ended closes the node's life.
func (n *node) ended(exitCode string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.life != nil {
		n.life.end(fmt.Errorf("%w: %s (%v) ended with exit status %s", p2p.ErrGone, n.spec.Name, n.spec.Addr, exitCode))
		n.life = nil
	}
}
