package docker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/strslice"
	"github.com/testcontainers/testcontainers-go"

	"peerbed/harness/agent"
)

// dialling is how long a started process may take to dial its socket.
const dialling = 30 * time.Second

// neighboursFit is up to how many nodes of a full mesh the kernel's default
// neighbour limits hold.
const neighboursFit = 30

// startAgent starts the run's agent and waits until it has dialled in.
func (b *Backend) startAgent(ctx context.Context, top string, before agent.Limits) (err error) {
	dial, err := b.agentDialler()
	if err != nil {
		return err
	}
	r := b.agentRequest(top, before)
	if b.agentID, err = b.engine.create(ctx, outlasting(r)); err != nil {
		return fmt.Errorf("cannot make the run's agent: %w", err)
	}
	if err := b.findPlace(ctx); err != nil {
		return err
	}
	if err := b.engine.start(ctx, b.agentID); err != nil {
		return fmt.Errorf("cannot start the run's agent: %w", err)
	}
	b.before, b.agent = before, agent.NewClient(dial)
	ctx, cancel := context.WithTimeoutCause(ctx, dialling, errSilentStart)
	defer cancel()
	if err := b.agent.Greet(ctx); err != nil {
		return fmt.Errorf("the run's agent did not start: %w; its last words: %s", err, b.engine.lastWords(ctx, b.agentID))
	}
	return nil
}

// agentRequest describes the agent's container. NET_ADMIN is for packet rules;
// DAC_OVERRIDE to reach the harness's socket and clear away the nodes' files,
// which belong to other users than root.
func (b *Backend) agentRequest(top string, before agent.Limits) testcontainers.ContainerRequest {
	labels := b.labels(agent.RoleAgent)
	labels[agent.LabelLimits] = before.String()
	return testcontainers.ContainerRequest{
		Name:       "peerbed-" + b.id + "-agent",
		Image:      b.image,
		Entrypoint: []string{"/" + agentProgram},
		Cmd:        b.agentArguments(),
		Labels:     labels,
		ConfigModifier: func(c *container.Config) {
			c.User = "0:0"
		},
		HostConfigModifier: func(h *container.HostConfig) {
			b.engine.lockDown(h)
			h.NetworkMode = "host"
			h.CapAdd = strslice.StrSlice{"NET_ADMIN", "DAC_OVERRIDE"}
			h.Mounts = []mount.Mount{
				bind(b.engine.socket, agent.SocketPath, false),
				bind(hostLimits, agent.LimitsPath, false),
				b.runMount(top),
			}
		},
	}
}

// hostLimits is where the machine's neighbour limits lie.
const hostLimits = "/proc/sys/net/ipv4/neigh"

// lockDown takes from a container what neither nodes nor the agent need.
func (e *engine) lockDown(h *container.HostConfig) {
	pids := int64(128) // threads count; a Go program needs about 12
	h.CapDrop = strslice.StrSlice{"ALL"}
	h.SecurityOpt = []string{"no-new-privileges"}
	if e.calls != "" {
		h.SecurityOpt = append(h.SecurityOpt, "seccomp="+e.calls)
	}
	h.ReadonlyRootfs = true
	h.DNS = []string{"127.0.0.1"} // the daemon's own server would be a way out
	h.Resources = container.Resources{Memory: memory, PidsLimit: &pids, NanoCPUs: 1e9}
	h.LogConfig = container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "256k", "max-file": "1"}}
}

// memory is a container's limit, in bytes; goMemory what its Go program is told
// to stay below, since the page cache of its files counts too.
const (
	memory   = 128 << 20
	goMemory = "96MiB"
)

func bind(from, to string, readOnly bool) mount.Mount {
	return mount.Mount{Type: mount.TypeBind, Source: from, Target: to, ReadOnly: readOnly}
}

// prepareNetwork closes the network before there is any node on it, and makes
// room for many neighbours.
func (b *Backend) prepareNetwork(ctx context.Context, before agent.Limits) error {
	err := b.ask(ctx, func(ctx context.Context) error {
		return b.agent.Guard(ctx, agent.Guard{Subnet: b.subnet.String(), Shards: b.shards(), Ways: b.options.Foreign != nil})
	})
	switch {
	case err == nil:
		b.guarded = true
		return b.raiseNeighbours(ctx, before)
	case ctx.Err() != nil || b.ctx.Err() != nil:
		return err
	}
	return fmt.Errorf("%w; \"go run ./harness/peerbed doctor\" tells how to get what is missing, or use -backend proc", err)
}

// ask makes one call of the agent, with a time limit and the run's own end as
// another.
func (b *Backend) ask(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := both(ctx, b.ctx)
	defer cancel()
	ctx, stop := context.WithTimeoutCause(ctx, patience, errAgentSlow)
	defer stop()
	err := f(ctx)
	for errors.Is(err, agent.ErrGone) && breathe(ctx) { // it is being started again
		err = f(ctx)
	}
	switch {
	case err == nil:
		return nil
	case b.ctx.Err() != nil:
		return context.Cause(b.ctx)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

var errAgentSlow = fmt.Errorf("the run's agent did not answer within %v; this machine may be overloaded, use fewer nodes", patience)

// both returns a context that ends with either, for the cause of the first.
func both(a, b context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(a)
	stop := context.AfterFunc(b, func() { cancel(context.Cause(b)) })
	return ctx, func() { stop(); cancel(nil) }
}

// errAgentDied ends a run whose agent is gone for good: cuts could no longer be
// made, nor would anything be removed if the harness were killed.
var errAgentDied = errors.New("the run's agent was stopped, by hand or because the Docker daemon is being stopped, and cannot be started again; the run is over")

// watch hears of every container of the run that ends, until the run does.
func (b *Backend) watch() {
	f := labelled(agent.LabelRun + "=" + b.id)
	f.Add("type", "container")
	f.Add("event", "die")
	messages, errs := b.engine.Events(b.ctx, events.ListOptions{Filters: f})
	go func() {
		for {
			select {
			case m := <-messages:
				b.ended(m.Actor.ID, m.Actor.Attributes["exitCode"])
			case <-errs: // or the run has ended, and has its cause already
				b.end(errDaemonGone)
				return
			}
		}
	}()
}

// ended notes that a container's process has.
func (b *Backend) ended(id, exitCode string) {
	if id == b.agentID {
		go b.revive()
		return
	}
	b.nodes.Lock()
	n := b.nodes.byContainer[id]
	b.nodes.Unlock()
	if n != nil {
		n.ended(exitCode)
	}
}
