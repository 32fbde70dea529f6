// Package all is the table of the protocols by name, and the only place that
// lists them. A new protocol is one line here; the node binary, the simulator,
// the experiments and the tests of the house then know it.
package all

import (
	"fmt"
	"slices"
	"strings"

	"peerbed/protocols/bittorrent"
	"peerbed/protocols/chord"
	"peerbed/protocols/fasttrack"
	"peerbed/protocols/gnutella"
	"peerbed/protocols/introducer"
	"peerbed/protocols/kelips"
	"peerbed/protocols/napster"
	"peerbed/protocols/p2p"
	"peerbed/protocols/pastry"
)

// All is every protocol, the introducer included.
var All = []*p2p.Protocol{
	introducer.Protocol,
	bittorrent.Protocol,
	chord.Protocol,
	fasttrack.Protocol,
	gnutella.Protocol,
	kelips.Protocol,
	napster.Protocol,
	pastry.Protocol,
}

// Find returns the protocol of that name. The error lists those there are.
func Find(name string) (*p2p.Protocol, error) {
	names := make([]string, len(All))
	for i, p := range All {
		if p.Name == name {
			return p, nil
		}
		names[i] = p.Name
	}
	slices.Sort(names)
	return nil, fmt.Errorf("no protocol %q; there are %s", name, strings.Join(names, ", "))
}
