package harness

import (
	"cmp"
	"context"
	"time"

	"peerbed/node/control"
	"peerbed/protocols/p2p"
)

// A Carrier is what a probe travels on.
type Carrier int

const (
	Datagram Carrier = iota
	Stream           // of its own, dialled for the probe
)

func (c Carrier) String() string { return [...]string{"datagram", "stream"}[c] }

// A Probing says what probes are to be like.
type Probing struct {
	By       Carrier
	Count    int           // how many datagrams; 0: one. A stream carries one
	Patience time.Duration // how long each waits for its answer; 0: a second
}

// Longest is how long one probe waits for its answer.
func (p Probing) Longest() time.Duration { return cmp.Or(p.Patience, time.Second) }

// An Echo is what came of probes. Of datagrams it tells the two directions
// apart; a stream needs both, so that one whose answer is lost counts as one
// that never arrived.
type Echo struct {
	Sent  int
	There int             // how many reached the other node
	Back  int             // how many of these were answered in time
	RTTs  []time.Duration // of those
	Outs  []time.Duration // how much of each of RTTs was the way there; the rest was the way back
}

// Probe has one node ask another for signs of life, through the network that
// they use but below their protocol, and tells what came of it. It may be called
// while Run runs.
func (c *Cluster) Probe(from, to int, p Probing) (Echo, error) {
	return c.backend.Probe(c.ctx, c.Addr(from), c.Addr(to), p)
}

// ProbeBy carries out Backend.Probe where nodes are reached through their
// control API. A nil target is one that is down.
func ProbeBy(ctx context.Context, from, target *control.Client, to p2p.Addr, p Probing) (Echo, error) {
	r, err := from.Probe(ctx, control.ProbeRequest{To: to, Timeout: p.Longest(), Stream: p.By == Stream, Count: p.Count})
	if err != nil {
		return Echo{}, err
	}
	e := Echo{Sent: r.Sent, There: len(r.RTTs), Back: len(r.RTTs), RTTs: r.RTTs, Outs: r.Outs}
	if p.By == Stream || e.Back == e.Sent || target == nil {
		return e, nil
	}
	// Of one that ends now, or is paused, no more is known.
	ctx, cancel := context.WithTimeout(ctx, p.Longest())
	defer cancel()
	if heard, err := target.Heard(ctx, r.Series); err == nil {
		e.There = max(e.There, heard)
	}
	return e, nil
}
