package link

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"peerbed/protocols/p2p"
)

// linger is how long a stream that this node closed waits for the other side
// to close too: closing at once could destroy what is still on its way.
const linger = 5 * time.Second

// Events are how a Conn speaks to its loop; all are called on the loop.
type Events struct {
	Post   func(func())                   // hands a function to the loop, never waits
	Got    func(n int, err error)         // answers Read; io.EOF: the other side closed
	Failed func(err error)                // the writer could not go on for a reason of its own
	Ended  func()                         // both goroutines are done, the socket is closed
	Blob   func(string) (*os.File, error) // opens what a Content names; called on the writer's goroutine
}

// A Conn is one TCP connection with its reader and its writer.
type Conn struct {
	tcp  *net.TCPConn
	q    *Queue
	on   Events
	want chan []byte // what the reader shall read into; closed: nobody listens any more
	n    int         // what it has read, and
	err  error       // why it ends; handed over with got
	got  func()
	open atomic.Int32 // goroutines that still need the socket
	rude atomic.Bool  // closed without a good-bye
	blob source
	deaf bool // the loop's: want is closed
}

// New starts the goroutines of a connection whose bytes to send come from q.
// silence is how long its peer may be silent.
func New(tcp *net.TCPConn, q *Queue, silence time.Duration, on Events) *Conn {
	c := &Conn{tcp: tcp, q: q, on: on, want: make(chan []byte, 1), blob: source{open: on.Blob}}
	c.got = func() { c.on.Got(c.n, c.err) }
	c.open.Store(2)
	tcp.SetLinger(0)
	tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: keep(silence), Interval: keep(silence), Count: 2})
	if raw, err := tcp.SyscallConn(); err == nil {
		raw.Control(beforeDial(silence))
	}
	go c.read()
	go c.write()
	return c
}

// keep is the pace of keep-alive probes: three in the time of silence. TCP
// counts it in whole seconds.
func keep(silence time.Duration) time.Duration { return max(silence/3, time.Second) }

// Read asks for bytes into b; Got answers. One Read may be under way.
func (c *Conn) Read(b []byte) { c.want <- b }

// Close says good-bye once all that is queued has gone. Got is no longer
// called.
func (c *Conn) Close() {
	c.deafen()
	c.q.Close()
}

// Abort ends the connection at once; the other side sees a reset. It may follow
// Close.
func (c *Conn) Abort() {
	c.deafen()
	c.rude.Store(true)
	c.q.kill()
	c.tcp.Close()
}

func (c *Conn) deafen() {
	if !c.deaf {
		c.deaf = true
		close(c.want)
	}
}

func (c *Conn) read() {
	defer c.done()
	for b := range c.want {
		n, err := c.tcp.Read(b)
		c.n, c.err = n, err
		if err != nil && !errors.Is(err, io.EOF) {
			c.err = Cause(err)
		}
		c.on.Post(c.got)
	}
	io.Copy(io.Discard, c.tcp) // unread bytes would turn the good-bye into a reset
}

func (c *Conn) write() {
	defer c.done()
	defer c.blob.forget()
	w := writer{c: c}
	for {
		b, pieces, ok := c.q.take()
		if !ok {
			break
		}
		if err := w.all(b, pieces); err != nil {
			c.fail(err)
			return
		}
	}
	if c.rude.Load() {
		return // a good-bye now would be a lie
	}
	c.tcp.CloseWrite()
	c.tcp.SetReadDeadline(time.Now().Add(linger))
}

// fail reports what only the writer knows. That the other side is gone the
// reader finds out by itself, after what had come before.
func (c *Conn) fail(err error) {
	if errors.Is(err, p2p.ErrDisk) {
		c.on.Post(func() { c.on.Failed(err) })
	}
}

// done is called by both goroutines; the last closes the socket.
func (c *Conn) done() {
	if c.open.Add(-1) > 0 {
		return
	}
	if !c.rude.Load() {
		c.tcp.SetLinger(-1)
	}
	c.tcp.Close()
	c.on.Post(c.on.Ended)
}

// A source keeps the last blob open, while there is more to send.
type source struct {
	open func(string) (*os.File, error)
	name string
	file *os.File
}

func (s *source) get(name string) (*os.File, error) {
	if s.file != nil && s.name == name {
		return s.file, nil
	}
	s.forget()
	file, err := s.open(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", p2p.ErrDisk, err)
	}
	s.name, s.file = name, file
	return file, nil
}

func (s *source) forget() {
	if s.file != nil {
		s.file.Close()
	}
	s.name, s.file = "", nil
}
