//go:build linux || darwin

package proc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"peerbed/harness"
	"peerbed/node/control"
	"peerbed/protocols/p2p"
)

// A node is one place of the world: an address and a folder, through as many
// processes as it is restarted.
type node struct {
	world    *world
	spec     harness.Spec
	vanished bool // world.mu guards it

	mu      sync.Mutex
	process *process // the last one
	paused  *process // that process, while it is stopped
}

// A process is one life of a node.
type process struct {
	cmd    *exec.Cmd
	client *control.Client
	ended  chan struct{} // closed when it has exited
	err    error         // of its exit
}

// running returns the process that runs and is ready, or nil.
func (n *node) running() *process {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process == nil || n.process.over() {
		return nil
	}
	return n.process
}

func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// active returns the process that runs and can answer, or nil.
func (n *node) active() *process {
	p := n.running()
	n.mu.Lock()
	defer n.mu.Unlock()
	if p == n.paused {
		return nil
	}
	return p
}

// setVanished returns whether that is news.
func (n *node) setVanished(v bool) bool {
	n.world.mu.Lock()
	defer n.world.mu.Unlock()
	was := n.vanished
	n.vanished = v
	return was != v
}

// patience is how long a process may take to say that it is there.
const patience = 30 * time.Second

// start runs the node's process until it is ready for Do, with the gate that
// the network wants.
func (n *node) start(ctx context.Context) error {
	ctx, stop := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not ready after %v", patience))
	defer stop()
	p, err := n.launch(ctx)
	if err != nil {
		return err
	}
	if err = n.admit(ctx, p); err == nil {
		return nil
	}
	if p.over() {
		err = n.lastWords(p)
	}
	p.kill()
	return err
}

// launch starts the process and waits until it has dialled the harness.
func (n *node) launch(ctx context.Context) (*process, error) {
	l, err := net.Listen("unix", n.path("control"))
	if err != nil {
		return nil, err
	}
	defer l.Close()
	p, err := n.run()
	if err != nil {
		return nil, err
	}
	dialled := make(chan net.Conn, 1)
	go func() {
		defer close(dialled)
		if c, err := l.Accept(); err == nil {
			dialled <- c
		}
	}()
	select {
	case c := <-dialled:
		p.client = control.NewClient(c)
		return p, nil
	case <-p.ended:
		return nil, n.lastWords(p)
	case <-ctx.Done():
		p.kill()
		return nil, context.Cause(ctx)
	}
}

// admit shows the process the network as it is wanted now, and starts its
// Node.
func (n *node) admit(ctx context.Context, p *process) error {
	for {
		share, version := n.world.share(n.spec.Addr)
		if err := p.client.SetNet(ctx, share); err != nil {
			return err
		}
		if n.register(p, version) {
			return p.client.Start(ctx)
		}
	}
}

// register makes p known, so that later changes of the network reach it, unless
// the network has changed since that version.
func (n *node) register(p *process, version int) bool {
	n.world.mu.Lock()
	defer n.world.mu.Unlock()
	if n.world.version != version {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.process = p
	return true
}

// run starts the binary, with its output in a file.
func (n *node) run() (*process, error) {
	args, err := n.args()
	if err != nil {
		return nil, err
	}
	out, err := os.Create(n.path("log"))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{cmd: exec.Command(n.world.binary, args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Dir = n.world.lease.dir
	if err := n.world.lease.start(p.cmd); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// args are the flags of the node binary.
func (n *node) args() ([]string, error) {
	s := &n.spec
	var hosts []string
	for name, a := range s.Hosts {
		ip, _, _ := strings.Cut(a.String(), ":")
		hosts = append(hosts, name+"="+ip)
	}
	slices.Sort(hosts)
	args := []string{"-protocol", s.Protocol.Name, "-listen", s.Addr.String(), "-share", n.path("share"),
		"-seed", fmt.Sprint(s.Seed), "-control", "unix:" + n.path("control"), "-wait"}
	if len(hosts) > 0 {
		args = append(args, "-hosts", strings.Join(hosts, ","))
	}
	if s.Config != nil {
		for _, change := range p2p.Changes(s.Config) {
			args = append(args, "-"+change)
		}
	}
	if s.State == nil {
		return args, nil
	}
	b, err := json.Marshal(s.State)
	if err != nil {
		return nil, fmt.Errorf("the state to start from: %w", err)
	}
	return append(args, "-state", n.path("state")), os.WriteFile(n.path("state"), b, 0o600)
}

// path is a file or folder of this node.
func (n *node) path(kind string) string {
	return filepath.Join(n.world.lease.dir, fmt.Sprintf("%s-%d", kind, n.spec.Index))
}

// kill ends the process and waits until it is gone, and its streams with it.
func (p *process) kill() {
	p.cmd.Process.Kill() // it fails only if the process has ended
	<-p.ended
	if p.client != nil {
		p.client.Close()
	}
}

// wait returns when the process has ended, or ctx or a second has.
func (p *process) wait(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	select {
	case <-p.ended:
	case <-ctx.Done():
	}
}

// whyDown says that the node is down and, if it died by itself, what it said.
func (n *node) whyDown() error {
	n.mu.Lock()
	p := n.process
	n.mu.Unlock()
	if p == nil || !p.over() {
		return fmt.Errorf("%s (%v): %w", n.spec.Name, n.spec.Addr, p2p.ErrGone)
	}
	return fmt.Errorf("%w: %w", p2p.ErrGone, n.lastWords(p))
}

// lastWords tells how a process ended, and what it said.
func (n *node) lastWords(p *process) error {
	b, err := os.ReadFile(n.path("log"))
	if err != nil {
		b = []byte(err.Error())
	}
	why := errors.New("it ended")
	if p.err != nil {
		why = p.err
	}
	return fmt.Errorf("the process of %s ended (%w) and said: %s", n.spec.Name, why, telling(b))
}

// telling is the part of a log that says why a process ended: of a Go program
// that crashed the beginning of its report, else the last lines.
func telling(log []byte) []byte {
	const most = 1500
	log = bytes.TrimSpace(log)
	for _, mark := range []string{"panic: ", "fatal error: ", "SIG"} {
		at := bytes.Index(log, []byte("\n"+mark))
		if bytes.HasPrefix(log, []byte(mark)) {
			at = 0
		}
		if at >= 0 {
			return bytes.TrimSpace(log[at:min(len(log), at+most)])
		}
	}
	return log[max(0, len(log)-most):]
}
