package chord_test

import (
	"slices"
	"testing"

	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
)

// An entry is called in Hop.By as it is found in the table.
func TestEntry(t *testing.T) {
	d := chord.Detail{Successors: []p2p.Addr{11, 12}, Fingers: []chord.Finger{{Row: 3, Node: 12}, {Row: 5, Node: 13}, {Row: 5, Node: 14}},
		Predecessor: 10, Points: []chord.Detail{{Successors: []p2p.Addr{21}}}}
	for by, want := range map[string][]p2p.Addr{
		"successor": {11, 21}, "predecessor": {10}, "successor 2": {12}, "successor 3": nil, "successor 0": nil,
		"finger 3": {12}, "finger 5": {13, 14}, "finger 4": nil, "finger -1": nil, "": nil, "link": nil,
	} {
		if got := d.Entry(by); !slices.Equal(got, want) {
			t.Errorf("%q names %v, want %v", by, got, want)
		}
	}
}
