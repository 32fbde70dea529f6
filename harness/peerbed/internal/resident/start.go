package resident

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"peerbed/harness"
)

// A note is what a resident that begins tells the command that started it, one
// line of JSON each on its standard output. The command answers the last with
// a byte. Until it has, the end of either of its pipes means that the user has
// changed his mind.
type note struct {
	Say   string `json:",omitempty"`
	Error string `json:",omitempty"`
	Ready bool   `json:",omitempty"`
}

// errGivenUp is why a resident ends whose command ended before it was ready.
var errGivenUp = errors.New("interrupted")

// Start runs this program again with these arguments, as a resident apart from
// any terminal, and returns when its cluster is up. say hears of its progress.
// If ctx ends first, or this process does, all that was begun is taken away.
func Start(ctx context.Context, args []string, say func(line string)) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(program, args...)
	if cmd.SysProcAttr, err = apart(); err != nil {
		return err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { in.Close() })
	ready, why := listen(out, say)
	if ready && stop() {
		_, err := in.Write([]byte{1})
		go cmd.Wait() // for programs that live longer than it does
		return err
	}
	in.Close()
	io.Copy(io.Discard, out)
	if err := cmd.Wait(); why == nil {
		why = fmt.Errorf("the resident ended before its cluster was up: %v", err)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return why
}

// listen hears what the resident has to tell, until it is ready or has failed.
func listen(out io.Reader, say func(string)) (ready bool, why error) {
	for d := json.NewDecoder(out); ; {
		var n note
		switch err := d.Decode(&n); {
		case err != nil:
			return false, nil
		case n.Error != "":
			return false, errors.New(n.Error)
		case n.Ready:
			return true, nil
		}
		say(n.Say)
	}
}

// A parent is the command that has started this resident, while it waits.
type parent struct {
	taken chan struct{} // closed when it knows that the cluster is up

	mu  sync.Mutex
	out io.WriteCloser // nil: it waits no more
}

// newParent watches in, and calls off when the command has gone too early.
func newParent(in io.Reader, out io.WriteCloser, off func(error)) *parent {
	p := &parent{taken: make(chan struct{}), out: out}
	go func() {
		if _, err := io.ReadFull(in, make([]byte, 1)); err != nil {
			off(errGivenUp)
			return
		}
		close(p.taken)
	}()
	return p
}

func (p *parent) tell(n note) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out != nil {
		json.NewEncoder(p.out).Encode(n) // fails if it is gone: so says in
	}
}

// Write makes each line of progress a note.
func (p *parent) Write(b []byte) (int, error) {
	for line := range bytes.Lines(b) {
		p.tell(note{Say: string(bytes.TrimSuffix(line, []byte("\n")))})
	}
	return len(b), nil
}

// hand waits until the command has heard that the cluster is up.
func (p *parent) hand(ctx context.Context) error {
	p.tell(note{Ready: true})
	select {
	case <-p.taken:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.out.Close()
	p.out = nil
	return err
}

// An Opening brings a cluster up, and writes to out what it does. If it fails,
// nothing is left.
type Opening func(ctx context.Context, out io.Writer) (*harness.Cluster, error)

// Be is the life of a resident that Start has started: it claims the name,
// brings the cluster up, tells the command so, and serves until the end.
func Be(ctx context.Context, name string, lease time.Duration, open Opening) error {
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE) // no terminal is its own, and the command may have gone
	ctx, off := context.WithCancelCause(ctx)
	p := newParent(os.Stdin, os.Stdout, off)
	err := live(ctx, p, name, lease, open)
	if err != nil {
		p.tell(note{Error: err.Error()})
	}
	return err
}

func live(ctx context.Context, p *parent, name string, lease time.Duration, open Opening) error {
	f, err := Claim(name)
	if err != nil {
		return err
	}
	log, err := f.OpenLog()
	if err != nil {
		return errors.Join(err, f.Release())
	}
	defer log.Close()
	debug.SetCrashOutput(log, debug.CrashOptions{}) // fails only for a file that is closed
	both := &tee{out: []io.Writer{log, p}}
	c, err := open(ctx, both)
	if err != nil {
		return errors.Join(err, f.Release())
	}
	r := New(f, c, lease, both)
	l, err := f.Listen()
	if err == nil {
		err = p.hand(ctx)
	}
	if err != nil {
		if l != nil {
			l.Close()
		}
		return errors.Join(err, c.Close(), f.Release())
	}
	return r.Serve(ctx, l)
}

// A tee writes to all, line by line, from any goroutine.
type tee struct {
	mu  sync.Mutex
	out []io.Writer
}

func (t *tee) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.out {
		w.Write(b) // progress that cannot be told is no failure
	}
	return len(b), nil
}
