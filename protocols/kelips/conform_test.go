package kelips_test

import (
	"strings"
	"testing"

	"peerbed/protocols/kelips"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

func TestConform(t *testing.T) { p2ptest.Conform(t, kelips.Protocol) }

// The variants keep the contract too.
func TestConformVariants(t *testing.T) {
	for _, changes := range [][]string{
		{"place=paper", "eviction=farthest"},
		{"groups=40", "contacts=1", "weight=0"}, // most groups are empty
	} {
		p := *kelips.Protocol
		p.Cast = nil
		cfg, err := p2p.With(p.Config, changes...)
		if err != nil {
			t.Fatal(err)
		}
		p.Config = cfg
		t.Run(strings.Join(changes, ","), func(t *testing.T) { p2ptest.Conform(t, &p) })
	}
}
