package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/testcontainers/testcontainers-go"

	"peerbed/harness"
	"peerbed/harness/agent"
	"peerbed/protocols/p2p"
)

// This file is about the two ways to a run's agent and nodes. Where the daemon
// shares folders with this process, sockets in the run's folder lead there.
// Otherwise the run's folder is a volume that the agent's container brings
// along, the agent listens in it, and all goes through one exec of the agent's
// container: no port, no shared folder.

// A door is where a node's control connections come in.
type door interface {
	accept(context.Context) (net.Conn, error)
	Close() error
}

// A socket is a door in a folder of this machine.
type socket struct{ *net.UnixListener }

func (s socket) accept(ctx context.Context) (net.Conn, error) { return accept(ctx, s.UnixListener) }

// A held door is one that the agent holds open.
type held struct {
	agent *agent.Client
	node  int
}

// accept outlives an agent that is killed: the next one opens the door again.
func (h held) accept(ctx context.Context) (net.Conn, error) {
	for {
		c, err := h.agent.Pass(ctx, h.node)
		if !errors.Is(err, agent.ErrGone) || !breathe(ctx) {
			return c, err
		}
	}
}

func (h held) Close() error { return nil } // the agent closes all of them

// furnish makes a node's folders, with the state it is to take up.
func (b *Backend) furnish(ctx context.Context, s harness.Spec) error {
	var state []byte
	if s.State != nil {
		var err error
		if state, err = json.Marshal(s.State); err != nil {
			return fmt.Errorf("state: %w", err)
		}
	}
	if !b.engine.shares {
		return b.ask(ctx, func(ctx context.Context) error { return b.agent.Door(ctx, s.Index, state) })
	}
	if err := b.folder.forNode(s.Index); err != nil || state == nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.folder.control(s.Index), agent.StateName), state, 0o644)
}

// openDoor opens the door of a node that has been furnished.
func (b *Backend) openDoor(i int) (door, error) {
	if !b.engine.shares {
		return held{b.agent, i}, nil
	}
	l, err := listen(filepath.Join(b.folder.control(i), agent.SocketName))
	if err != nil {
		return nil, err
	}
	return socket{l}, nil
}

// user is whom nodes run as. Folders in a volume are for anybody.
func (b *Backend) user() (uid, gid int) {
	if !b.engine.shares {
		return nobody, nobody
	}
	return nodeUser()
}

// agentDialler returns what makes connections to the agent.
func (b *Backend) agentDialler() (func(context.Context) (net.Conn, error), error) {
	if !b.engine.shares {
		return func(ctx context.Context) (net.Conn, error) { return b.engine.relay(ctx, b.agentID, b.id) }, nil
	}
	l, err := listen(filepath.Join(b.folder.path, agent.HarnessEnd))
	if err != nil {
		return nil, err
	}
	b.agentLine = l
	return socket{l}.accept, nil
}

func (b *Backend) agentArguments() []string {
	args := []string{"-run", b.id, "-api", b.engine.ClientVersion()}
	if !b.engine.shares {
		args = append(args, "-hold")
	}
	return args
}

// runMount is the agent's view of the run's folder. The volume has no name, so
// the daemon removes it with the agent's container.
func (b *Backend) runMount(top string) mount.Mount {
	if b.engine.shares {
		return bind(top, agent.RunsPath, false)
	}
	return mount.Mount{Type: mount.TypeVolume, Target: path.Join(agent.RunsPath, b.id),
		VolumeOptions: &mount.VolumeOptions{Labels: b.labels("")}}
}

// findPlace learns where the nodes' folders are on the daemon's machine.
func (b *Backend) findPlace(ctx context.Context) error {
	b.place = b.folder
	if b.engine.shares {
		return nil
	}
	return call(ctx, func(ctx context.Context) error {
		c, err := b.engine.ContainerInspect(ctx, b.agentID)
		if err != nil {
			return err
		}
		for _, m := range c.Mounts {
			if m.Type == mount.TypeVolume {
				b.place = folder{path: m.Source}
				return nil
			}
		}
		return errors.New("the run's agent has no volume")
	})
}

// agentRestarts is how often the daemon itself starts an agent again that was
// killed, and the harness one that the daemon lets lie, because it was killed
// through the daemon.
const agentRestarts = 5

// outlasting has the daemon start the container again when it fails: an agent
// whose harness is gone too then finds that out, and clears up.
func outlasting(r testcontainers.ContainerRequest) testcontainers.ContainerRequest {
	modify := r.HostConfigModifier
	r.HostConfigModifier = func(h *container.HostConfig) {
		modify(h)
		h.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyOnFailure, MaximumRetryCount: agentRestarts}
	}
	return r
}

// revive starts the agent again and has it take up what is wanted. Its packet
// tables have stood meanwhile.
func (b *Backend) revive() {
	if b.ctx.Err() != nil || b.deaths.Add(1) > agentRestarts {
		b.end(errAgentDied)
		return
	}
	b.options.Progress("the run's agent has ended; starting it again")
	err := b.engine.start(b.ctx, b.agentID)
	if err == nil {
		err = b.reassert(b.ctx)
	}
	switch {
	case errdefs.IsNotFound(err), errdefs.IsConflict(err): // removed, or being removed
		b.end(errAgentDied)
	case err != nil:
		b.end(fmt.Errorf("%w: %w", errAgentDied, err))
	}
}

// reassert tells a new agent everything that an earlier one was told.
func (b *Backend) reassert(ctx context.Context) error {
	if err := b.prepareNetwork(ctx, b.before); err != nil {
		return err
	}
	b.wanted.Lock()
	defer b.wanted.Unlock()
	return b.setRules(ctx)
}

// insist repeats a call of a node that the end of a connection has cut short,
// for as long as the node lives.
func insist(ctx context.Context, call func(context.Context) error) error {
	err := call(ctx)
	for errors.Is(err, p2p.ErrGone) && breathe(ctx) {
		err = call(ctx)
	}
	return err
}

// breathe waits a moment, and reports whether ctx still lives.
func breathe(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(50 * time.Millisecond):
		return true
	}
}
