package bittorrent_test

import (
	"testing"

	"peerbed/protocols/bittorrent"
	"peerbed/protocols/p2p/p2ptest"
)

func TestConform(t *testing.T) { p2ptest.Conform(t, bittorrent.Protocol) }
