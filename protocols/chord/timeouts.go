package chord

import "peerbed/protocols/p2p"

// Timeouts say how long a node waits for an answer.
type Timeouts uint8

const (
	// Fixed: Patience, for everybody.
	Fixed Timeouts = iota
	// Adaptive: as long as the round trips to a node make likely, and never
	// longer than Patience. A dead node is noticed earlier, which under churn
	// is most of what a lookup takes (Rhea et al., USENIX ATC 2004).
	Adaptive
)

var timeoutsNames = []string{Fixed: "fixed", Adaptive: "adaptive"}

// MarshalText writes the name of the timeouts.
func (t Timeouts) MarshalText() ([]byte, error) { return []byte(timeoutsNames[t]), nil }

// UnmarshalText reads it.
func (t *Timeouts) UnmarshalText(b []byte) (err error) {
	*t, err = pick[Timeouts](b, timeoutsNames)
	return err
}

// waits makes what the node's calls wait by; nil: Patience.
func (c *Chord) waits() p2p.Waits {
	if c.cfg.Timeouts == Adaptive {
		return &p2p.RoundTrips{Most: c.cfg.Patience}
	}
	return nil
}
