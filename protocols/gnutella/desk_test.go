package gnutella_test

import (
	"testing"

	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

// A desk is a servent alone with strangers that are bytes in a test.
type desk struct{ *p2ptest.Desk }

type stream = p2ptest.Stream

const selfText = "100.64.0.1:7000"

func newDesk(t testing.TB, changes ...string) *desk {
	t.Helper()
	return newDeskOf(t, nil, changes...)
}

// calling is a desk whose servent dials a stranger at once.
func calling(t testing.TB, to string, changes ...string) (*desk, *stream) {
	t.Helper()
	a := addr(t, to)
	d := newDeskOf(t, &p2p.State{Neighbours: []p2p.Addr{a},
		Detail: gnutella.Detail{Links: []gnutella.LinkState{{Addr: a}}}}, changes...)
	if len(d.Streams) != 1 || d.Streams[0].Peer.Addr != a {
		t.Fatalf("the servent has dialled %v, want %v", d.Streams, a)
	}
	return d, d.Streams[0]
}

func newDeskOf(t testing.TB, state *p2p.State, changes ...string) *desk {
	t.Helper()
	d := &desk{p2ptest.NewDesk(t, gnutella.Protocol, selfText)}
	d.Saved["servent"] = servent[:]
	d.Start(state, changes...)
	return d
}
