package napster_test

import (
	"testing"

	"peerbed/protocols/napster"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

// A desk is a node alone with strangers that are bytes in a test.
type desk struct{ *p2ptest.Desk }

type stream = p2ptest.Stream

var addr = p2ptest.Addr

const selfText = "100.64.0.1:7000"

// newServer is a desk with a server.
func newServer(t testing.TB, changes ...string) *desk {
	t.Helper()
	return newDesk(t, nil, append(changes, "role=server")...)
}

// newClient is a desk with a client, and the stream to its server, which stands.
func newClient(t testing.TB, changes ...string) (*desk, *stream) {
	t.Helper()
	d := newDesk(t, &p2p.State{Neighbours: []p2p.Addr{addr(t, "100.64.0.9:8888")}}, append(changes, "nick=eve")...)
	if len(d.Streams) != 1 {
		t.Fatalf("the client has dialled %d streams, want one", len(d.Streams))
	}
	d.Streams[0].Stands()
	return d, d.Streams[0]
}

func newDesk(t testing.TB, state *p2p.State, changes ...string) *desk {
	t.Helper()
	d := &desk{p2ptest.NewDesk(t, napster.Protocol, selfText)}
	d.Start(state, changes...)
	return d
}
