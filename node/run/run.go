package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"peerbed/node/disk"
	"peerbed/node/link"
	"peerbed/node/loop"
	"peerbed/node/metrics"
	"peerbed/protocols/p2p"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

// leavePatience bounds how long a node that was told to end says good-bye.
const leavePatience = 3 * time.Second

// Main is the main function of a node that speaks these protocols, and the
// introducer's.
func Main(protocols ...*p2p.Protocol) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	os.Exit(Run(os.Args[1:], signals, os.Stdout, os.Stderr, protocols...))
}

// Run is Main with everything from outside as an argument. It returns the exit
// code.
func Run(args []string, signals <-chan os.Signal, out, complaints io.Writer, protocols ...*p2p.Protocol) int {
	c, err := parse(args, out, protocols)
	if err == nil {
		err = c.run(signals, out, complaints)
	}
	var wrong usage
	switch {
	case err == nil || errors.Is(err, errHelped):
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintf(complaints, "node: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(complaints, "node: %v\n", err)
	return exitFailed
}

// run runs the node that c describes until it ends.
func (c *config) run(signals <-chan os.Signal, out, complaints io.Writer) error {
	thrift()
	l, m, done, err := c.open()
	if err != nil {
		return err
	}
	defer done()
	ended := make(chan error, 1)
	go func() { ended <- l.Run() }()
	stopControl, err := c.control(l, m, complaints)
	if err != nil {
		l.Stop()
		<-ended
		return err
	}
	defer stopControl()
	defer c.profile(l)()
	if !c.wait {
		l.Start() // fails only if the node has ended: so says ended
	}
	fmt.Fprintf(out, "%s listens on %v, shares %s\n", c.protocol.Name, l.Health().Self, c.share)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go c.wishes(ctx, l, out)
	return waitFor(ended, signals, l)
}

// thrift makes this process a cheap one, for there are many nodes on a machine:
// less memory rather than speed, and a scheduler that need not keep two
// processors in step for one loop. What waits for the disk or for bulk data to
// go does not hold the one. GOGC and GOMAXPROCS count more.
func thrift() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
}

// open opens the folder and the port. done gives back what does not end with
// the loop.
func (c *config) open() (l *loop.Loop, m *metrics.Metrics, done func(), err error) {
	done = func() {}
	if c.share == "" {
		if c.share, err = os.MkdirTemp("", "node-share-"); err != nil {
			return nil, nil, nil, fmt.Errorf("cannot make a temporary share, give one with -share: %w", err)
		}
		done = func() { os.RemoveAll(c.share) }
	}
	folder, err := disk.Open(c.share)
	if err != nil {
		return nil, nil, nil, err
	}
	socket, err := link.Listen(c.listen, p2p.Silence)
	if err != nil {
		done()
		return nil, nil, nil, err
	}
	if c.seed == 0 {
		c.seed = rand.Uint64()
	}
	m = metrics.New(c.protocol.Name)
	l = loop.New(loop.Config{
		Protocol: c.protocol, Settings: p2p.Value(c.settings), State: c.state,
		Seed:  c.seed + (folder.Life()-1)*0x9E3779B97F4A7C15, // spread over all bits
		Hosts: c.hosts, Socket: socket, Folder: folder, Streams: int(c.streams), Finished: m.Finished,
	})
	m.Read(l)
	return l, m, done, nil
}

// waitFor returns when the node has ended, by itself or because of a signal.
func waitFor(ended <-chan error, signals <-chan os.Signal, l *loop.Loop) error {
	select {
	case err := <-ended:
		return err
	case <-signals:
	}
	ctx, cancel := context.WithTimeout(context.Background(), leavePatience)
	defer cancel()
	left := make(chan struct{})
	go func() {
		l.Do(ctx, p2p.Leave{})
		l.Stop()
		close(left)
	}()
	select {
	case <-left:
	case <-signals:
		return errors.New("ended by a second signal, before it had left")
	}
	return <-ended
}
