package bittorrent

import "peerbed/protocols/p2p"

// accept tells the languages of the one port apart by their first bytes.
func accept(first []byte) (p2p.Codec, error) {
	for _, l := range []struct {
		start string
		codec func() p2p.Codec
	}{
		{greets[:8], newFrames},
		{"GET /", newTracking},
		{"PUT /", newTracking},
	} {
		n := min(len(first), len(l.start))
		switch {
		case string(first[:n]) != l.start[:n]:
		case n < len(l.start):
			return nil, nil
		default:
			return l.codec(), nil
		}
	}
	return nil, malformed("a stream that begins with %q; peers and HTTP are known, and no encryption", first)
}
