package docker

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/vishvananda/netns"

	"peerbed/harness"
	"peerbed/harness/agent"
	"peerbed/harness/fault"
	"peerbed/protocols/p2p"
)

// secondAt is where a daemon listens in its own network namespace.
const secondAt = "127.0.0.1:2375"

// newSecond starts a daemon that is reached by TCP alone, as one on another
// machine is, and returns how it is named.
func newSecond(t *testing.T) (d *ownDaemon, host string) {
	t.Helper()
	d = newDaemonAt(t, "", "tcp://"+secondAt)
	host = "tcp://" + d.carry(t)
	t.Setenv("DOCKER_HOST", host)
	t.Setenv(agent.RemoteSocketVariable, d.path("sock"))
	d.start(t)
	return d, host
}

// carry passes what comes to a port of this machine's loopback on to the
// daemon's, in the namespace where that is, and returns the address.
func (d *ownDaemon) carry(t *testing.T) string {
	t.Helper()
	there, err := netns.GetFromName(d.netns)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); there.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			inNamespace(t, there, func() {
				to, err := net.Dial("tcp4", secondAt)
				if err != nil {
					c.Close()
					return
				}
				go pour(to.(*net.TCPConn), c.(*net.TCPConn))
				go pour(c.(*net.TCPConn), to.(*net.TCPConn))
			})
		}
	}()
	return l.Addr().String()
}

// pour carries bytes one way; the end of one is the end of the other.
func pour(to, from *net.TCPConn) {
	io.Copy(to, from)
	to.CloseWrite()
}

// "The docker world runs against [...] a remote one by the usual environment
// variables, with control through the agent's stream": nothing but the TCP
// connection is shared with the daemon.
func TestRemoteDaemon(t *testing.T) {
	long(t)
	d, host := newSecond(t)
	e := needDaemon(t)
	b := openShards(t, 2, harness.Options{Run: "remote", Nodes: 4}, nodePackage)
	if about := b.About().Detail; !strings.Contains(about, host+" (DOCKER_HOST)") || b.engine.local || b.engine.shares {
		t.Errorf("the run is on %s (local %v, sharing folders %v), want a remote one at %s", about, b.engine.local, b.engine.shares, host)
	}
	addrs := quietNodes(t, b, 4)
	one, two := addrs[0], addrs[1]
	echoes(t, b, one, two, true)
	if err := b.Apply(t.Context(), fault.Net{Cuts: fault.Split([]p2p.Addr{one}, []p2p.Addr{two})}); err != nil {
		t.Fatal(err)
	}
	echoes(t, b, one, two, false)
	echoes(t, b, one, addrs[2], true)
	if err := b.Apply(t.Context(), fault.Net{}); err != nil {
		t.Fatal(err)
	}
	echoes(t, b, one, two, true)
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	mustBeClean(t, d, e, b.id)
}

// Where the usual socket of that machine leads to another daemon, as here, the
// agent would clean up there: the run is refused in words, and leaves nothing.
func TestRemoteDaemonElsewhere(t *testing.T) {
	long(t)
	d, _ := newSecond(t)
	t.Setenv(agent.RemoteSocketVariable, "")
	e := needDaemon(t)
	b := newBackend(harness.Options{Run: "astray", Nodes: 2, Progress: t.Logf})
	err := b.begin(t.Context(), nodePackage)
	if err == nil || !strings.Contains(err.Error(), agent.RemoteSocketVariable) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one sentence that names %s", err, agent.RemoteSocketVariable)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	mustBeClean(t, d, e, b.id)
}

// A remote daemon's machine is examined in its own place, and clean works there.
func TestRemoteExamined(t *testing.T) {
	long(t)
	_, host := newSecond(t)
	needDaemon(t)
	x := Examine(t.Context(), true, t.Logf)
	if x.Missing != nil || x.Untried != nil || x.Tried.Guard != "" || x.Tried.Rules != "" || x.Socket != host+" (DOCKER_HOST)" {
		t.Errorf("examined: %+v, want nothing missing at %s", x, host)
	}
	if x.Machine.Kernel != x.Tried.Machine.Kernel || x.Room.Memory == 0 {
		t.Errorf("the machine is %+v with room %+v, want what the agent saw", x.Machine, x.Room)
	}
}
