//go:build linux || darwin

package proc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/node/control"
	"peerbed/protocols/p2p"
)

// A world is the nodes of one run. It is a harness.Backend.
type world struct {
	lease  *lease
	binary string
	began  time.Time

	mu      sync.Mutex
	nodes   map[p2p.Addr]*node
	net     fault.Net
	version int // of net, and of who has vanished
	closed  bool

	applying sync.Mutex // held while gates change
}

// Open is a harness.Opener.
func Open(ctx context.Context, o harness.Options) (harness.Backend, error) {
	l, err := take(o.Run)
	if err != nil {
		return nil, err
	}
	path, err := l.provide(ctx, o.Protocol, o.Progress)
	if err != nil {
		return nil, errors.Join(err, l.release())
	}
	return &world{lease: l, binary: path, began: time.Now(), nodes: map[p2p.Addr]*node{}}, nil
}

// IP spreads nodes over 127.X.0.1 to 127.X.255.253.
func (w *world) IP(i int) uint32 { return 127<<24 | uint32(w.lease.octet)<<16 | uint32(i+1) }

// Now is wall time.
func (w *world) Now() time.Duration { return time.Since(w.began) }

// glance is how often Advance asks whether it may end.
const glance = 2 * time.Millisecond

// Advance waits.
func (w *world) Advance(ctx context.Context, d time.Duration, until func() bool) error {
	end := time.NewTimer(d)
	defer end.Stop()
	var look <-chan time.Time
	if until != nil {
		t := time.NewTicker(glance)
		defer t.Stop()
		look = t.C
	}
	for until == nil || !until() {
		select {
		case <-look:
		case <-end.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// About names the addresses of the run.
func (w *world) About() harness.About {
	return harness.About{World: "proc", Detail: fmt.Sprintf("processes on 127.%d.0.0/16", w.lease.octet),
		Cuts: "each node's own gate", Max: room()}
}

// Spawn starts a node in a new folder.
func (w *world) Spawn(ctx context.Context, s harness.Spec) error {
	n := &node{world: w, spec: s}
	w.mu.Lock()
	_, there := w.nodes[s.Addr]
	if !there && !w.closed {
		w.nodes[s.Addr] = n
	}
	closed := w.closed
	w.mu.Unlock()
	switch {
	case closed:
		return errClosed
	case there:
		return fmt.Errorf("%v: a node was spawned there before", s.Addr)
	}
	if err := n.start(ctx); err != nil {
		w.mu.Lock()
		delete(w.nodes, s.Addr)
		w.mu.Unlock()
		return err
	}
	return nil
}

var errClosed = errors.New("the run is closed")

// Restart starts a node again in its folder.
func (w *world) Restart(ctx context.Context, a p2p.Addr) error {
	n, err := w.node(a)
	if err != nil {
		return err
	}
	if n.running() != nil {
		return fmt.Errorf("%v already runs", a)
	}
	if n.setVanished(false) {
		if err := w.update(ctx, func() {}); err != nil {
			return err
		}
	}
	return n.start(ctx)
}

// Kill ends a node's process.
func (w *world) Kill(ctx context.Context, a p2p.Addr, how harness.How) error {
	n, err := w.node(a)
	if err != nil {
		return err
	}
	p := n.running()
	if p == nil {
		return fmt.Errorf("%v %v: %w", how, a, p2p.ErrGone)
	}
	if how == harness.Vanish {
		n.setVanished(true)
		if err := w.update(ctx, func() {}); err != nil {
			return err
		}
	}
	p.kill()
	return nil
}

func (w *world) node(a p2p.Addr) (*node, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := w.nodes[a]; n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("%w: none was ever spawned at %v", p2p.ErrGone, a)
}

// Do asks the node's own control API, in the background.
func (w *world) Do(a p2p.Addr, op p2p.Op, done func(harness.Outcome)) {
	go func() { done(w.do(a, op)) }()
}

func (w *world) do(a p2p.Addr, op p2p.Op) harness.Outcome {
	var p *process
	n, err := w.node(a)
	if err == nil {
		p = n.running()
	}
	if p == nil {
		return harness.Outcome{Result: p2p.Result{Err: fmt.Errorf("%v is down: %w", a, p2p.ErrGone)}}
	}
	ctx, stop := context.WithTimeout(context.Background(), p2p.MaxOp)
	defer stop()
	r, took := p.client.Do(ctx, op)
	if ctx.Err() != nil {
		r.Err = fmt.Errorf("no outcome in %v: %w", p2p.MaxOp, p2p.ErrTimeout)
	}
	if _, leave := op.(p2p.Leave); leave && r.Err == nil {
		p.kill()
	}
	return harness.Outcome{Result: r, Took: took}
}

// Inspect reads the node's state through its control API.
func (w *world) Inspect(ctx context.Context, a p2p.Addr) (p2p.State, error) {
	n, err := w.node(a)
	if err != nil {
		return p2p.State{}, err
	}
	p := n.running()
	if p == nil {
		return p2p.State{}, n.whyDown()
	}
	if n.active() == nil {
		return p2p.State{}, fmt.Errorf("inspect %v: %w", a, harness.ErrPaused)
	}
	s, err := p.client.Inspect(ctx, n.spec.Protocol.Detail)
	if errors.Is(err, p2p.ErrGone) {
		p.wait(ctx)
		return s, errors.Join(err, n.whyDown())
	}
	return s, err
}

// Counters asks all nodes that run.
func (w *world) Counters(ctx context.Context) (map[p2p.Addr]harness.Counters, error) {
	all := map[p2p.Addr]harness.Counters{}
	var mu sync.Mutex
	err := w.each(func(a p2p.Addr, p *process) error {
		r, err := p.client.Counters(ctx)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		all[a] = harness.CountersOf(r)
		return nil
	})
	return all, err
}

// Apply gives every node its share of the network.
func (w *world) Apply(ctx context.Context, n fault.Net) error {
	return w.update(ctx, func() { w.net = n })
}

// update changes what the gates follow from, and then the gates of all nodes
// that run. A node that starts meanwhile looks at the version.
func (w *world) update(ctx context.Context, change func()) error {
	w.applying.Lock()
	defer w.applying.Unlock()
	w.mu.Lock()
	change()
	w.version++
	w.mu.Unlock()
	return w.each(func(a p2p.Addr, p *process) error {
		share, _ := w.share(a)
		return p.client.SetNet(ctx, share)
	})
}

// share returns a node's share of the network, and the version it is of.
func (w *world) share(a p2p.Addr) (control.Net, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.net
	for b, other := range w.nodes {
		if b != a && other.vanished {
			n.Cuts = append(n.Cuts[:len(n.Cuts):len(n.Cuts)], fault.Split([]p2p.Addr{a}, []p2p.Addr{b})...)
		}
	}
	notTo, notFrom := n.Share(a)
	share := control.Net{NotTo: notTo, NotFrom: notFrom, Links: n.Model().Part(a), Walled: n.Walled(a), NotCall: n.Walls}
	return share, w.version
}

// width is how many nodes are asked at once.
const width = 32

// each calls f for all processes that run and are not paused, several at a
// time. Errors of those that have ended meanwhile do not count.
func (w *world) each(f func(p2p.Addr, *process) error) error {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
		gate = make(chan struct{}, width)
	)
	for _, n := range w.list() {
		p := n.active()
		if p == nil {
			continue
		}
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			if err := f(n.spec.Addr, p); err != nil && !errors.Is(err, p2p.ErrGone) {
				mu.Lock()
				errs = append(errs, fmt.Errorf("%s: %w", n.spec.Name, err))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// list returns all nodes in the order of their addresses.
func (w *world) list() []*node {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []*node
	for _, a := range slices.Sorted(maps.Keys(w.nodes)) {
		list = append(list, w.nodes[a])
	}
	return list
}

// Close kills all nodes and removes the folder of the run.
func (w *world) Close() error {
	w.mu.Lock()
	closed := w.closed
	w.closed = true
	w.mu.Unlock()
	if closed {
		return nil
	}
	for _, n := range w.list() {
		if p := n.running(); p != nil {
			p.kill()
		}
	}
	return w.lease.release()
}
