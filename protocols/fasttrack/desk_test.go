package fasttrack_test

import (
	"testing"

	"peerbed/protocols/fasttrack"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

// A desk is a node alone with strangers that are bytes in a test.
type desk struct{ *p2ptest.Desk }

type stream = p2ptest.Stream

const (
	selfText = "100.64.0.1:1214"
	selfUser = "peerbed-6440000104be"
)

func newDesk(t testing.TB, changes ...string) *desk {
	t.Helper()
	return newDeskOf(t, nil, changes...)
}

func newDeskOf(t testing.TB, state *p2p.State, changes ...string) *desk {
	t.Helper()
	d := &desk{p2ptest.NewDesk(t, fasttrack.Protocol, selfText)}
	d.Start(state, changes...)
	return d
}
