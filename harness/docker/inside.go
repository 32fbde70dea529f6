package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"peerbed/harness"
	"peerbed/harness/agent"
	"peerbed/protocols/p2p"
)

// An inside is a guest's container, and the network namespace that it shares
// with its witness.
type inside struct {
	g *Guests
	n *node
}

func (g *Guests) inside(n *node) inside { return inside{g, n} }

// Inside is the way to a guest, whether it is up or not.
func (g *Guests) Inside(a p2p.Addr) harness.Inside {
	n, err := g.node(a)
	if err != nil {
		n = &node{spec: harness.Spec{Addr: a}}
	}
	return g.inside(n)
}

func (i inside) Self() p2p.Addr { return i.n.spec.Addr }

// Exec runs a command in the guest's container.
func (i inside) Exec(ctx context.Context, command ...string) ([]byte, error) {
	var out, words bytes.Buffer
	err := call(ctx, func(ctx context.Context) error {
		p, err := i.g.engine.ContainerExecCreate(ctx, i.n.container, container.ExecOptions{Cmd: command, AttachStdout: true, AttachStderr: true})
		if err != nil {
			return err
		}
		s, err := i.g.engine.ContainerExecAttach(ctx, p.ID, container.ExecAttachOptions{})
		if err != nil {
			return err
		}
		defer context.AfterFunc(ctx, s.Close)()
		defer s.Close()
		if _, err := stdcopy.StdCopy(&out, &words, s.Reader); err != nil {
			return err
		}
		x, err := i.g.engine.ContainerExecInspect(ctx, p.ID)
		if err == nil && x.ExitCode != 0 {
			err = fmt.Errorf("%s: exit status %d: %s", command[0], x.ExitCode, strings.TrimSpace(words.String()+" "+out.String()))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("in %s: %w", i.n.spec.Name, err)
	}
	return out.Bytes(), nil
}

// Dial has a process of ours connect, beside the guest.
func (i inside) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	w, err := i.g.node(witnessOf(i.Self()))
	if err != nil {
		return nil, err
	}
	c, err := i.g.engine.exec(ctx, w.container, "/"+agentProgram, "-dial", network+" "+address)
	if err != nil {
		return nil, fmt.Errorf("beside %s: %w", i.n.spec.Name, explain(ctx, err))
	}
	stop := context.AfterFunc(ctx, func() { c.SetReadDeadline(past) })
	var first [1]byte
	if _, err = io.ReadFull(c, first[:]); err == nil && first[0] != agent.Dialled {
		err = errors.New("it says something else than that it is connected")
	}
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("%s to %s from %s: %w", network, address, i.n.spec.Name, err)
	}
	return c, nil
}

// hasSaid reports that a guest has not printed this in its present life.
func (i inside) hasSaid(ctx context.Context, text string) error {
	if text == "" {
		return nil
	}
	var out bytes.Buffer
	err := call(ctx, func(ctx context.Context) error {
		c, err := i.g.engine.ContainerInspect(ctx, i.n.container)
		if err != nil {
			return err
		}
		lives := container.LogsOptions{ShowStdout: true, ShowStderr: true}
		if ended, err := time.Parse(time.RFC3339Nano, c.State.FinishedAt); err == nil && ended.Year() > 1 { // when it began is noted too late
			lives.Since = c.State.FinishedAt
		}
		r, err := i.g.engine.ContainerLogs(ctx, i.n.container, lives)
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = stdcopy.StdCopy(&out, &out, r)
		return err
	})
	if err == nil && !strings.Contains(out.String(), text) {
		err = fmt.Errorf("it has not printed %q", text)
	}
	return err
}

func (i inside) takesConnections(ctx context.Context, port int) error {
	if port == 0 {
		return nil
	}
	c, err := i.Dial(ctx, "tcp", fmt.Sprintf("%v:%d", address(i.Self().IP()), port))
	if err == nil {
		c.Close()
	}
	return err
}

func (i inside) succeeds(ctx context.Context, command []string) error {
	if len(command) == 0 {
		return nil
	}
	_, err := i.Exec(ctx, command...)
	return err
}

// Do hands a wish to the guest's ops.
func (g *Guests) Do(a p2p.Addr, op p2p.Op, done func(harness.Outcome)) {
	go func() {
		began := time.Now()
		r := g.wish(a, op)
		done(harness.Outcome{Result: r, Took: time.Since(began)})
	}()
}

// wish carries out a wish. That of a paused guest waits.
func (g *Guests) wish(a p2p.Addr, op p2p.Op) p2p.Result {
	ctx, cancel := context.WithTimeoutCause(g.ctx, wishes, fmt.Errorf("%w: no outcome within %v", p2p.ErrGone, wishes))
	defer cancel()
	n, life, err := g.living(a)
	for errors.Is(err, harness.ErrPaused) && breathe(ctx) {
		n, life, err = g.living(a)
	}
	if err != nil {
		return p2p.Result{Err: err}
	}
	if _, leaves := op.(p2p.Leave); leaves {
		return p2p.Result{Err: g.leave(ctx, n)}
	}
	if g.how.Ops.Do == nil {
		return p2p.Result{Err: fmt.Errorf("%s has no operations: give harness.Image some", n.spec.Name)}
	}
	ctx, stop := both(ctx, life)
	defer stop()
	r := g.how.Ops.Do(ctx, g.inside(n), op)
	if r.Err != nil && life.Err() != nil {
		r.Err = context.Cause(life)
	}
	return r
}

// Inspect asks the guest's ops.
func (g *Guests) Inspect(ctx context.Context, a p2p.Addr) (p2p.State, error) {
	n, life, err := g.living(a)
	if err != nil || g.how.Ops.Inspect == nil {
		return p2p.State{Self: a}, err
	}
	ctx, stop := both(ctx, life)
	defer stop()
	s, err := g.how.Ops.Inspect(ctx, g.inside(n))
	if err != nil && life.Err() != nil {
		err = context.Cause(life)
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w", n.spec.Name, err)
	}
	s.Self = a
	return s, nil
}

// errForeign is why a guest has no blobs.
var errForeign = errors.New("its disk is its own affair: it is a program of others, see harness.Inside.Exec")

// Put is not for guests.
func (g *Guests) Put(_ context.Context, a p2p.Addr, _ string, _ io.Reader) error {
	return fmt.Errorf("%v: %w", a, errForeign)
}

// Get is not for guests.
func (g *Guests) Get(_ context.Context, a p2p.Addr, _ string, _ io.Writer) error {
	return fmt.Errorf("%v: %w", a, errForeign)
}
