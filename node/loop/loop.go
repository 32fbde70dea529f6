package loop

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime/debug"
	"time"

	"peerbed/node/control"
	"peerbed/node/disk"
	"peerbed/node/link"
	"peerbed/protocols/p2p"
)

// A Config is what a Loop is made from.
type Config struct {
	Protocol *p2p.Protocol
	Settings any               // a value of Protocol.Config's type
	State    *p2p.State        // to take up; nil: join
	Seed     uint64            // of the node's random stream
	Hosts    map[string]uint32 // IPv4 addresses of names, before the DNS is asked
	Socket   *link.Socket
	Folder   *disk.Folder
	Streams  int // that others may have dialled at once; 0: 1024
	// Finished, if set, hears on the loop of every wish that is done.
	Finished func(op p2p.Op, r p2p.Result, took time.Duration)
}

// ErrStopped says that the loop has ended: the node has left, or its protocol
// panicked.
var ErrStopped = fmt.Errorf("the node has stopped: %w", p2p.ErrGone)

// A Loop runs one node. Fields below mail belong to the loop's goroutine.
type Loop struct {
	cfg     Config
	proto   *p2p.Protocol
	self    p2p.Addr
	silence time.Duration
	began   time.Time
	ended   chan struct{}
	mail    mailbox

	node    p2p.Node
	rand    *rand.Rand
	disk    *disk.Disk
	started bool
	stopped bool

	timers alarms[p2p.Msg]
	chores alarms[func()] // the world's own
	lag    time.Duration  // the worst lateness of a timer since the last read
	lags   control.Lags   // of all timers

	kinds *p2p.Index
	count [256]counter
	bad   uint64 // datagrams that their codec could not read
	free  [256][]p2p.Msg

	datagrams p2p.Codec
	scratch   []byte
	streams   map[p2p.Link]*stream
	last      p2p.Link
	inbound   map[uint32]int // streams that others dialled, by their IP
	guests    int            // all of them together
	reading   *inbox         // whose messages are being handled
	buffers   pool

	net    network
	probes probes
}

// New makes a loop whose node has not started yet.
func New(c Config) *Loop {
	l := &Loop{
		cfg: c, proto: c.Protocol, self: c.Socket.Addr, silence: c.Socket.Silence,
		began: time.Now(), ended: make(chan struct{}),
		rand: rand.New(rand.NewPCG(c.Seed, protocolStream)), kinds: c.Protocol.Index(),
		streams: map[p2p.Link]*stream{}, inbound: map[uint32]int{},
		probes: probes{asked: map[uint64]*probe{}},
	}
	l.mail.wake = make(chan struct{}, 1)
	l.net = newNetwork(c.Seed)
	l.node = c.Protocol.New(c.Settings, c.State)
	if c.Protocol.Datagrams != nil {
		l.datagrams = c.Protocol.Datagrams()
	}
	l.disk = disk.New(c.Folder, l.postToNode, l.borrow)
	return l
}

// The random streams of one seed: the protocol's own draws do not depend on
// what the link model draws.
const (
	protocolStream = 1
	networkStream  = 2
)

// Run runs the loop until Stop, Leave or a panic of the node. The error is nil
// unless it was a panic: then it has the node's message and the stack.
func (l *Loop) Run() (err error) {
	defer close(l.ended)
	defer l.cfg.Socket.Close()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the %s node at %v panicked: %v\n\n%s", l.proto.Name, l.self, p, debug.Stack())
		}
	}()
	clock, err := newClock()
	if err != nil {
		return err
	}
	defer clock.timer.stop()
	for !l.stopped {
		clock.set(l.due(), l.now())
		select {
		case <-l.mail.wake:
			l.deliver()
		case <-clock.C:
			clock.rung()
		}
		l.fire()
	}
	l.farewell()
	return nil
}

// deliver runs what lies in the mailbox.
func (l *Loop) deliver() {
	for _, f := range l.mail.take() {
		f()
	}
}

// postToNode puts f, which will call a Handler, into the mailbox.
func (l *Loop) postToNode(f func()) {
	l.mail.post(func() {
		if !l.stopped {
			f()
		}
	})
}

// tell gives m to h, unless the node has been stopped.
func (l *Loop) tell(h p2p.Handler, from p2p.Peer, m p2p.Msg) {
	if !l.stopped {
		h.Handle(from, m)
	}
}

func (l *Loop) now() time.Duration { return time.Since(l.began) }

// Start starts the node: it hears and is heard from now on.
func (l *Loop) Start() error {
	var err error
	gone := l.Call(func() {
		if l.started {
			err = errors.New("the node has been started before")
			return
		}
		l.started = true
		go l.cfg.Socket.Datagrams(l.mail.post, l.datagram)
		go l.cfg.Socket.Accept(func(c *net.TCPConn) { l.mail.post(func() { l.accept(c) }) })
		l.node.Start(env{l})
	})
	return errors.Join(err, gone)
}

// Call runs f on the loop and waits for it.
func (l *Loop) Call(f func()) error {
	done := make(chan struct{})
	l.mail.post(func() {
		f()
		close(done)
	})
	select {
	case <-done:
		return nil
	case <-l.ended:
		return ErrStopped
	}
}

// Stop ends the loop: open streams say good-bye.
func (l *Loop) Stop() { l.mail.post(func() { l.stopped = true }) }

// Ended is closed when Run has returned.
func (l *Loop) Ended() <-chan struct{} { return l.ended }

// farewellPatience bounds how long a node that leaves waits for what it has
// sent to go.
const farewellPatience = time.Second

// farewell closes all streams and waits a little for what they have queued.
func (l *Loop) farewell() {
	for _, s := range l.streams {
		s.close()
	}
	deadline := time.NewTimer(farewellPatience)
	defer deadline.Stop()
	for l.unsent() {
		clock := time.NewTimer(l.due() - l.now())
		select {
		case <-l.mail.wake:
			l.deliver()
		case <-clock.C:
		case <-deadline.C:
			return
		}
		clock.Stop()
		l.runChores()
	}
	l.disk.Close()
}

// unsent reports whether a stream still says good-bye.
func (l *Loop) unsent() bool {
	for _, s := range l.streams {
		if s.conn != nil && !s.blocked {
			return true
		}
	}
	return false
}
