package link_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"peerbed/node/link"
	"peerbed/protocols/p2p"
)

var local = p2p.MakeAddr(127<<24|1, 0)

func TestListenTakesOnePortForBoth(t *testing.T) {
	s, err := link.Listen(local, p2p.Silence)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Addr.Port() == 0 || s.Addr.IP() != local.IP() {
		t.Errorf("listens on %v", s.Addr)
	}
	if _, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(link.AddrPort(s.Addr))); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("the same port of UDP: %v", err)
	}
	if _, err := link.Listen(s.Addr, p2p.Silence); err == nil {
		t.Error("one port was opened twice")
	}
}

func TestCause(t *testing.T) {
	for in, want := range map[error]error{
		syscall.ECONNREFUSED:    p2p.ErrRefused,
		syscall.ECONNRESET:      p2p.ErrReset,
		syscall.EPIPE:           p2p.ErrReset,
		syscall.ETIMEDOUT:       p2p.ErrSilent,
		syscall.EHOSTUNREACH:    p2p.ErrSilent,
		os.ErrDeadlineExceeded:  p2p.ErrSilent,
		errors.New("who knows"): p2p.ErrReset,
	} {
		if got := link.Cause(&net.OpError{Op: "read", Err: in}); p2p.Sentinel(got) != want {
			t.Errorf("%v is told as %v, want %v", in, got, want)
		}
	}
	if link.Cause(nil) != nil {
		t.Error("no error became one")
	}
}

func TestAddrPort(t *testing.T) {
	a := p2p.MakeAddr(10<<24|2<<16|3<<8|4, 5)
	if got := link.AddrPort(a); got.String() != "10.2.3.4:5" || link.FromAddrPort(got) != a {
		t.Errorf("%v became %v and %v", a, got, link.FromAddrPort(got))
	}
}

// pipe makes a Conn and the plain other end.
func pipe(t *testing.T, q *link.Queue, dir string) (c *link.Conn, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialled, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c = link.New(near.(*net.TCPConn), q, time.Minute, link.Events{
		Post: func(func()) {}, Got: func(int, error) {}, Failed: func(error) {}, Ended: func() {},
		Blob: func(name string) (*os.File, error) { return os.Open(filepath.Join(dir, name)) },
	})
	t.Cleanup(func() { dialled.Close() })
	return c, dialled.(*net.TCPConn)
}

// Two streams send one blob at the same time, in pieces of every size: each
// reads with an offset of its own.
func TestTwoStreamsOfOneBlob(t *testing.T) {
	dir := t.TempDir()
	blob := make([]byte, 4<<20)
	for i := range blob {
		blob[i] = byte(i * i >> 7)
	}
	if err := os.WriteFile(filepath.Join(dir, "b"), blob, 0o644); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 2)
	for i := range 2 {
		q := link.NewQueue(func() {})
		c, far := pipe(t, q, dir)
		var want bytes.Buffer
		for off, n := 0, 1+i; off < len(blob); off += n {
			n = min(n*3%(300<<10)+1, len(blob)-off)
			head := fmt.Sprintf("<%d>", off)
			want.WriteString(head)
			want.Write(blob[off : off+n])
			q.Put([]byte(head), p2p.Content{Blob: "b", Off: int64(off), Len: n})
		}
		c.Close()
		go func() {
			got, err := io.ReadAll(far)
			if err == nil && !bytes.Equal(got, want.Bytes()) {
				err = fmt.Errorf("%d bytes, not the %d that were sent", len(got), want.Len())
			}
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// A stream that ends without Close ends with a reset.
func TestAbortIsAReset(t *testing.T) {
	q := link.NewQueue(func() {})
	c, far := pipe(t, q, "")
	c.Abort()
	if _, err := far.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the other side read %v, want a reset", err)
	}
}

// Close first sends what is queued, also if the other side has sent what nobody
// read.
func TestCloseDelivers(t *testing.T) {
	q := link.NewQueue(func() {})
	c, far := pipe(t, q, "")
	far.Write(make([]byte, 1000))
	q.Put(bytes.Repeat([]byte("x"), 1<<20), p2p.Content{})
	c.Close()
	got, err := io.ReadAll(far)
	if err != nil || len(got) != 1<<20 {
		t.Errorf("%d bytes and %v came, want all and a clean end", len(got), err)
	}
}

func TestQueueMarks(t *testing.T) {
	drained := make(chan bool, 8)
	q := link.NewQueue(func() { drained <- true })
	big := make([]byte, link.High)
	q.Count(len(big))
	q.Put(big, p2p.Content{})
	if q.Full() {
		t.Error("full at the mark, not above it")
	}
	q.Count(1)
	q.Put([]byte{1}, p2p.Content{})
	for range 2 { // asking changes nothing
		if !q.Full() {
			t.Error("not full above the mark")
		}
	}
	_, far := pipe(t, q, "")
	if _, err := io.CopyN(io.Discard, far, link.High+1); err != nil {
		t.Fatal(err)
	}
	select {
	case <-drained:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was told that it drained")
	}
	if q.Full() || len(drained) > 0 {
		t.Error("told more than once, or full when drained")
	}
}
