package chord_test

import (
	"testing"

	"peerbed/protocols/chord"
	"peerbed/protocols/p2p/p2ptest"
)

func TestConform(t *testing.T) { p2ptest.Conform(t, chord.Protocol) }
