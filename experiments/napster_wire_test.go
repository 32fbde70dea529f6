package experiments

import (
	"bytes"
	"net"
	"testing"
	"time"

	"peerbed/node/disk"
	"peerbed/node/link"
	"peerbed/node/loop"
	"peerbed/protocols/napster"
	"peerbed/protocols/p2p"
)

// TestNapsterN10Password listens in place of a server (claim N10: "no security",
// passwords go in plain text): what a real client says first is its user's password,
// for whoever is on the way to read. This documents the claim; the protocol has no
// other way to say it.
func TestNapsterN10Password(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	socket, err := link.Listen(p2p.MakeAddr(127<<24|1, 0), p2p.Silence)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := disk.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := p2p.With(napster.Protocol.Config, "server="+server.Addr().String(), "nick=penny", "password=hunter2")
	if err != nil {
		t.Fatal(err)
	}
	l := loop.New(loop.Config{Protocol: napster.Protocol, Settings: cfg, Seed: 1, Socket: socket, Folder: folder})
	go l.Run()
	defer func() {
		l.Stop()
		<-l.Ended()
	}()
	if err := l.Start(); err != nil {
		t.Fatal(err)
	}
	c, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	said := make([]byte, 512)
	n, err := c.Read(said)
	if err != nil || !bytes.Contains(said[:n], []byte("penny hunter2 ")) {
		t.Errorf("on the wire is %q, error %v; want the password in it", said[:n], err)
	}
}
