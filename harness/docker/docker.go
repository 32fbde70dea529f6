package docker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"peerbed/harness"
	"peerbed/harness/agent"
	"peerbed/harness/fault"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// A Backend is a run on containers; see harness.Backend for what each method
// does.
type Backend struct {
	options   harness.Options
	id        string // 8 hexadecimal digits
	engine    *engine
	image     string
	subnet    netip.Prefix
	perBridge int // how many nodes a bridge takes: shardNodes, fewer in tests
	folder    folder
	place     folder // of the nodes' folders, as the daemon sees it: folder itself, or a volume
	before    agent.Limits
	stock     supply // of the daemon's machine
	release   func() // gives the turn back
	began     time.Time

	// ctx ends with the run: by Close, or when the daemon or the agent is
	// lost, which its cause then says. end ends it.
	ctx context.Context
	end context.CancelCauseFunc

	agent     *agent.Client
	agentID   string       // of its container
	agentLine net.Listener // where it dials in, if it can
	guarded   bool         // by packet tables, which must go
	deaths    atomic.Int32 // of agents
	watcher   struct {
		process *exec.Cmd
		life    io.Closer // its input: when it ends, the watch clears up
	}

	starts chan struct{} // as many slots as containers may start at once

	nodes struct {
		sync.Mutex
		byAddr      map[p2p.Addr]*node
		byContainer map[string]*node
	}
	wanted struct {
		sync.RWMutex // read-held while a node takes up what is wanted
		net          fault.Net
		held         linkmodel.Model   // the links that the agent makes, of nodes that make none
		silent       map[p2p.Addr]bool // taken off the network, by IP and port 0
		took         time.Duration     // by the agent, to make the last rules hold
	}
	closing sync.Once
	closed  error
}

// errClosed is the cause of calls after Close.
var errClosed = fmt.Errorf("%w: the run has ended", p2p.ErrGone)

// startsPerCore is how many starts per processor the daemon does fastest;
// beyond it only latency grows.
const startsPerCore = 3

// Open begins a run on the daemon of this machine: it compiles the node,
// makes the image and the network, and starts the agent. An error says in one
// sentence what would help; nothing is then left.
func Open(ctx context.Context, o harness.Options) (harness.Backend, error) {
	if o.Foreign != nil {
		return openGuests(ctx, o)
	}
	pkg, err := harness.NodeProgram(ctx, o.Protocol)
	if err != nil {
		return nil, err
	}
	b, err := open(ctx, o, pkg)
	if err != nil {
		return nil, err // not b, which is nil of another type
	}
	return b, nil
}

// open is Open with the package of the node to compile.
func open(ctx context.Context, o harness.Options, pkg string) (*Backend, error) {
	b := newBackend(o)
	if err := b.begin(ctx, pkg); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func newBackend(o harness.Options) *Backend {
	b := &Backend{options: o, id: newID(), began: time.Now(), perBridge: shardNodes, starts: make(chan struct{}, startsPerCore*runtime.NumCPU())}
	b.nodes.byAddr, b.nodes.byContainer = map[p2p.Addr]*node{}, map[string]*node{}
	b.wanted.silent = map[p2p.Addr]bool{}
	b.ctx, b.end = context.WithCancelCause(context.Background())
	return b
}

func newID() string {
	var id [4]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

// begin takes the steps of Open in their order: what it makes is covered by
// the watch and the folder's lock first and by the agent's lease as soon as
// possible.
func (b *Backend) begin(ctx context.Context, pkg string) (err error) {
	if b.engine, err = connect(ctx); err != nil {
		return err
	}
	if b.engine.at.host != "" { // somebody chose it
		b.options.Progress("Docker Engine %s", b.engine.name())
	}
	if err := b.engine.prepare(); err != nil {
		return err
	}
	top, err := home()
	if err != nil {
		return err
	}
	if b.release, err = takeTurn(ctx, top, b.options.Progress); err != nil {
		return err
	}
	made, err := b.compile(ctx, top, pkg)
	if err != nil {
		return err
	}
	if err := b.startWatch(ctx, top); err != nil {
		return err
	}
	if b.folder, err = newFolder(ctx, filepath.Join(top, b.id)); err != nil {
		return err
	}
	before := b.engine.sweep(ctx, top, b.options.Progress)
	if b.engine.local { // or there must be an image first
		err = b.takeStock(ctx)
	}
	if err == nil {
		err = b.bake(ctx, made)
	}
	if err == nil && !b.engine.local {
		err = b.takeStock(ctx)
	}
	if err != nil {
		return err
	}
	if before == (agent.Limits{}) { // no run has raised them; zero: they cannot be read, and are not touched
		before = b.stock.neighbours
	}
	if err := b.startAgent(ctx, top, before); err != nil {
		return err
	}
	if err := b.connect(ctx); err != nil {
		return err
	}
	b.watch()
	b.began = time.Now()
	return b.prepareNetwork(ctx, before)
}

// makeImage makes the image of the run from its source.
func (b *Backend) makeImage(ctx context.Context, top, pkg string) error {
	made, err := b.compile(ctx, top, pkg)
	if err != nil {
		return err
	}
	return b.bake(ctx, made)
}

func (b *Backend) compile(ctx context.Context, top, pkg string) (binaries, error) {
	ctx, cancel := context.WithTimeout(ctx, wholeWork)
	defer cancel()
	late := time.AfterFunc(time.Second, func() { b.options.Progress("compiling the node") })
	defer late.Stop()
	return compile(ctx, top, b.engine.arch, pkg)
}

// bake makes an image of the programs.
func (b *Backend) bake(ctx context.Context, made binaries) (err error) {
	ctx, cancel := context.WithTimeout(ctx, wholeWork)
	defer cancel()
	if b.image, err = b.engine.build(ctx, made, b.options.Progress); err != nil {
		return fmt.Errorf("cannot make the image of the nodes: %w", err)
	}
	keep := []string{b.image}
	if f := b.options.Foreign; f != nil {
		keep = append(keep, f.Ref)
	}
	return b.engine.forgetImages(ctx, keep...)
}

// labels are what everything of this run carries.
func (b *Backend) labels(role string) map[string]string {
	l := map[string]string{
		agent.LabelBed:     "1",
		agent.LabelRun:     b.id,
		agent.LabelName:    b.options.Run,
		agent.LabelStarted: strconv.FormatInt(time.Now().Unix(), 10),
	}
	if role != "" {
		l[agent.LabelRole] = role
	}
	return l
}

// IP is fixed from the start: the second address after the gateway is node
// 0's, and so on.
func (b *Backend) IP(i int) uint32 { return number(b.subnet.Addr()) + 2 + uint32(i) }

// Now is the time since Open returned.
func (b *Backend) Now() time.Duration { return time.Since(b.began) }

// pollEvery is how often Advance asks whether it may end early.
const pollEvery = 5 * time.Millisecond

// Advance waits: time here is real.
func (b *Backend) Advance(ctx context.Context, d time.Duration, until func() bool) error {
	over := time.NewTimer(d)
	defer over.Stop()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for until == nil || !until() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-b.ctx.Done():
			return context.Cause(b.ctx)
		case <-over.C:
			return nil
		case <-poll.C:
		}
	}
	return nil
}

// About says which engine and which addresses.
func (b *Backend) About() harness.About {
	return harness.About{
		World:  "docker",
		Detail: fmt.Sprintf("Docker Engine %s, bridge %s", b.engine.name(), b.subnet),
		Cuts:   "nftables in the kernel",
		Max:    room(b.subnet.Bits()),
	}
}

// Close ends the run: nothing is said to nodes any more, then the agent
// removes all of it and is removed. It reports what would not go; the next run
// tries again.
func (b *Backend) Close() error {
	b.closing.Do(func() { b.closed = b.close() })
	return b.closed
}

func (b *Backend) close() error {
	b.end(errClosed)
	ctx, cancel := context.WithTimeout(context.Background(), wholeWork+time.Duration(b.options.Nodes)*goneIn)
	defer cancel()
	b.hangUp()
	var err error
	if b.agentID != "" {
		err = b.removeAll(ctx)
	}
	if b.agentLine != nil {
		b.agentLine.Close()
	}
	err = errors.Join(err, b.folder.remove())
	b.stopWatch(err == nil)
	if b.engine != nil {
		err = errors.Join(err, b.engine.Close())
	}
	if b.release != nil {
		b.release()
	}
	return err
}

// removeAll has the agent remove the run, does it itself if the agent cannot,
// and removes the agent. Without a daemon neither can: the agent goes on trying
// for some minutes, and the next run sweeps.
func (b *Backend) removeAll(ctx context.Context) error {
	if b.dismiss(ctx) == nil {
		return b.engine.remove(ctx, b.agentID)
	}
	err := b.engine.removeRun(ctx, b.id)
	if err == nil || errors.Is(err, errStuck) {
		err = errors.Join(err, b.uproot(ctx))
	}
	switch {
	case errors.Is(err, errStuck):
		b.options.Progress("run %s has ended; %v", b.id, err)
	case err != nil:
		return fmt.Errorf("some of run %s remains: %w", b.id, err)
	}
	return nil
}

// uproot removes the packet tables and trunks of a run whose agent has gone
// before it did so.
func (b *Backend) uproot(ctx context.Context) error {
	if !b.guarded {
		return nil
	}
	_, err := desk{b, []string{"NET_ADMIN"}}.do(ctx, agent.Job{Drop: []string{b.id}})
	return err
}

// present returns an error if no agent answers: it was killed and will not come
// back. One on a machine that is busy with many nodes may take its time.
func (b *Backend) present(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return b.agent.Greet(ctx)
}

// dismiss asks the agent to remove all but itself.
func (b *Backend) dismiss(ctx context.Context) error {
	if b.agent == nil {
		return errors.New("there is no agent")
	}
	defer b.agent.Close()
	if err := b.present(ctx); err != nil {
		return err
	}
	left, err := b.agent.End(ctx)
	for _, what := range left {
		err = errors.Join(err, errors.New(what))
	}
	return err
}
