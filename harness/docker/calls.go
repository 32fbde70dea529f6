package docker

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	"peerbed/harness"
	"peerbed/harness/agent"
	"peerbed/harness/fault"
	"peerbed/node/control"
	"peerbed/protocols/p2p"
)

// wishes is how long a wish may take. Protocols give up much earlier; this is
// for a process that no longer does anything.
const wishes = 5 * time.Minute

// node returns the node with this address.
func (b *Backend) node(a p2p.Addr) (*node, error) {
	if b.ctx.Err() != nil {
		return nil, context.Cause(b.ctx)
	}
	b.nodes.Lock()
	defer b.nodes.Unlock()
	if n := b.nodes.byAddr[a]; n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("%w: there is no node %v", p2p.ErrGone, a)
}

// A line is a node that can be spoken to.
type line struct {
	node    *node
	life    *life
	control *control.Client
}

// reach returns the line to a node that is up.
func (b *Backend) reach(a p2p.Addr) (line, error) {
	n, err := b.node(a)
	if err != nil {
		return line{}, err
	}
	return n.reach()
}

func (n *node) reach() (line, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.life == nil || n.life.control == nil {
		return line{}, fmt.Errorf("%w: %s (%v) is down", p2p.ErrGone, n.spec.Name, n.spec.Addr)
	}
	return line{n, n.life, n.life.control}, nil
}

// until bounds a call of the node by its life and a time.
func (l line) until(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, stop := both(ctx, l.life.ctx)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w: %s did not answer the harness within %v", p2p.ErrGone, l.node.spec.Name, limit))
	return ctx, func() { cancel(); stop() }
}

// Do speaks to the node in the background.
func (b *Backend) Do(a p2p.Addr, op p2p.Op, done func(harness.Outcome)) {
	go func() { done(b.do(a, op)) }()
}

func (b *Backend) do(a p2p.Addr, op p2p.Op) harness.Outcome {
	l, err := b.reach(a)
	if err != nil {
		return harness.Outcome{Result: p2p.Result{Err: err}}
	}
	ctx, cancel := l.until(context.Background(), wishes)
	defer cancel()
	r, took := l.control.Do(ctx, op)
	return harness.Outcome{Result: r, Took: took}
}

// Inspect asks the node itself.
func (b *Backend) Inspect(ctx context.Context, a p2p.Addr) (p2p.State, error) {
	l, err := b.reach(a)
	if err != nil {
		return p2p.State{}, err
	}
	if l.node.frozen() {
		return p2p.State{}, fmt.Errorf("%s: %w", l.node.spec.Name, harness.ErrPaused)
	}
	ctx, cancel := l.until(ctx, patience)
	defer cancel()
	var s p2p.State
	err = insist(ctx, func(ctx context.Context) (err error) {
		s, err = l.control.Inspect(ctx, l.node.spec.Protocol.Detail)
		return err
	})
	if err != nil {
		return s, fmt.Errorf("%s: %w", l.node.spec.Name, err)
	}
	return s, nil
}

// Counters asks all nodes at once, and the agent for the interfaces. A node
// that ends meanwhile is left out.
func (b *Backend) Counters(ctx context.Context) (map[p2p.Addr]harness.Counters, error) {
	lines := b.lines()
	replies, errs := make([]control.CountersReply, len(lines)), make([]error, len(lines))
	each(lines, func(i int, l line) {
		ctx, cancel := l.until(ctx, patience)
		defer cancel()
		errs[i] = insist(ctx, func(ctx context.Context) (err error) {
			replies[i], err = l.control.Counters(ctx)
			return err
		})
	})
	var seen agent.Seen
	err := b.ask(ctx, func(ctx context.Context) (err error) {
		seen, err = b.agent.Seen(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	all := map[p2p.Addr]harness.Counters{}
	for i, l := range lines {
		a := l.node.spec.Addr
		if errs[i] == nil {
			bytes := seen[p2p.MakeAddr(a.IP(), 0)]
			counted := harness.CountersOf(replies[i])
			counted.SeenIn, counted.SeenOut = bytes.In, bytes.Out
			all[a] = counted
		}
	}
	return all, ctx.Err()
}

// lines returns those of all nodes that are up and can answer.
func (b *Backend) lines() []line {
	b.nodes.Lock()
	defer b.nodes.Unlock()
	var list []line
	for _, n := range b.nodes.byAddr {
		if l, err := n.reach(); err == nil && !n.frozen() {
			list = append(list, l)
		}
	}
	return list
}

// each calls f for all lines at once. The nodes do the work, not this process.
func each(lines []line, f func(i int, l line)) {
	var all sync.WaitGroup
	for i, l := range lines {
		all.Go(func() { f(i, l) })
	}
	all.Wait()
}

// Kill sends SIGKILL, and for Vanish silences the node first: its kernel would
// tell the others that its streams are closed.
func (b *Backend) Kill(ctx context.Context, a p2p.Addr, how harness.How) error {
	n, err := b.node(a)
	if err != nil {
		return err
	}
	n.changing.Lock()
	defer n.changing.Unlock()
	l := n.alive()
	if l == nil {
		return fmt.Errorf("cannot %v %s (%v): %w: it is down", how, n.spec.Name, a, p2p.ErrGone)
	}
	if how == harness.Vanish {
		if err := b.silence(ctx, a, true); err != nil {
			return err
		}
	}
	err = call(ctx, func(ctx context.Context) error { return b.engine.ContainerKill(ctx, n.container, "KILL") })
	if err != nil {
		return fmt.Errorf("cannot %v %s: %w", how, n.spec.Name, err)
	}
	return b.awaitEnd(ctx, l)
}

// awaitEnd returns when the daemon has said that the process has ended.
func (b *Backend) awaitEnd(ctx context.Context, l *life) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errSlow)
	defer cancel()
	select {
	case <-l.ctx.Done():
		if b.ctx.Err() != nil {
			return context.Cause(b.ctx)
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Apply has the agent cut in one step, then all nodes take up their links.
func (b *Backend) Apply(ctx context.Context, n fault.Net) error {
	if err := n.Check(); err != nil {
		return err
	}
	b.wanted.Lock()
	defer b.wanted.Unlock()
	before := b.wanted.net
	b.wanted.net = n
	if err := b.setRules(ctx); err != nil {
		return err
	}
	if reflect.DeepEqual(before.Links, n.Links) {
		return nil
	}
	return b.setLinks(ctx)
}

// setLinks gives all nodes their share of the wanted links. The caller holds
// b.wanted.
func (b *Backend) setLinks(ctx context.Context) error {
	lines := b.lines()
	errs := make([]error, len(lines))
	each(lines, func(i int, l line) {
		ctx, cancel := l.until(ctx, patience)
		defer cancel()
		n := control.Net{Links: b.wanted.net.Links.Part(l.node.spec.Addr)}
		err := insist(ctx, func(ctx context.Context) error { return l.control.SetNet(ctx, n) })
		if err != nil && l.life.ctx.Err() == nil {
			errs[i] = fmt.Errorf("%s: cannot set its links: %w", l.node.spec.Name, err)
		}
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// silence takes a node off the network, or puts it back.
func (b *Backend) silence(ctx context.Context, a p2p.Addr, silent bool) error {
	b.wanted.Lock()
	defer b.wanted.Unlock()
	ip := p2p.MakeAddr(a.IP(), 0)
	if b.wanted.silent[ip] == silent {
		return nil
	}
	if silent {
		b.wanted.silent[ip] = true
	} else {
		delete(b.wanted.silent, ip)
	}
	return b.setRules(ctx)
}

// setRules makes the wanted cuts and silences hold. The caller holds b.wanted.
func (b *Backend) setRules(ctx context.Context) error {
	n := &b.wanted.net
	r := agent.Rules{Cuts: n.Cuts, Walls: n.Walls, Drops: n.Drops, Links: b.wanted.held}
	for ip := range b.wanted.silent {
		r.Silent = append(r.Silent, ip)
	}
	return b.ask(ctx, func(ctx context.Context) (err error) {
		b.wanted.took, err = b.agent.SetRules(ctx, r)
		return err
	})
}

// hangUp ends every conversation with nodes.
func (b *Backend) hangUp() {
	b.nodes.Lock()
	defer b.nodes.Unlock()
	for _, n := range b.nodes.byAddr {
		n.door.Close()
	}
}
