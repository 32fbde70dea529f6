package chord_test

import (
	"strings"
	"testing"

	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

func TestConform(t *testing.T) { p2ptest.Conform(t, chord.Protocol) }

// The variants keep the contract too, each of them at least once.
func TestConformVariants(t *testing.T) {
	for _, changes := range [][]string{
		{"operations=published", "lookup=recursive", "place=both"},
		{"store=pointers", "successors=0", "timeouts=adaptive", "merge=2s"},
		{"points=2", "proximity=4", "merge=2s"},
		{"stabilizer=strong", "lookup=unacknowledged"},
	} {
		p := *chord.Protocol
		cfg, err := p2p.With(p.Config, changes...)
		if err != nil {
			t.Fatal(err)
		}
		p.Config = cfg
		t.Run(strings.Join(changes, ","), func(t *testing.T) { p2ptest.Conform(t, &p) })
	}
}
