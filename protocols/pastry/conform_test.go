package pastry_test

import (
	"strings"
	"testing"

	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
	"peerbed/protocols/pastry"
)

func TestConform(t *testing.T) { p2ptest.Conform(t, pastry.Protocol) }

// The variants keep the contract too, each of them at least once.
func TestConformVariants(t *testing.T) {
	for _, changes := range [][]string{
		{"operations=published", "answer=root", "b=1", "leaves=4", "mend=off"},
		{"collect=sl", "answer=estimate", "merge=0s", "near=0", "proximity=first"},
	} {
		p := *pastry.Protocol
		cfg, err := p2p.With(p.Config, changes...)
		if err != nil {
			t.Fatal(err)
		}
		p.Config = cfg
		t.Run(strings.Join(changes, ","), func(t *testing.T) { p2ptest.Conform(t, &p) })
	}
}
