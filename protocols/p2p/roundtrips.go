package p2p

import "time"

// Waits decides how long a Calls waits for each answer, and hears what came of
// it.
type Waits interface {
	Wait(to Peer) time.Duration             // how long to wait for an answer from to
	Answered(from Peer, took time.Duration) // it came
	Missed(to Peer)                         // it did not
}

// RoundTrips waits by the round trips that were measured, as TCP does: for their
// mean and four times their mean deviation (Jacobson, SIGCOMM 1988), twice as
// long after each answer that is missed. A peer that is not known yet is waited
// for as long as all others together make likely. It remembers the peers that it
// heard of last, at most 128. The zero value with Most set is ready.
type RoundTrips struct {
	Most time.Duration // it never waits longer, and never less than a tenth of it

	all   estimate
	peers map[Addr]*estimate
	order []Addr // of peers, the oldest first
}

// mostPeers bounds what RoundTrips remembers.
const mostPeers = 128

// An estimate is of the round trips to one peer, or to all; mean 0: none yet.
type estimate struct {
	mean, dev time.Duration
	missed    uint8
}

func (e *estimate) add(took time.Duration) {
	e.missed = 0
	if took = max(took, 1); e.mean == 0 {
		e.mean, e.dev = took, took/2
		return
	}
	off := took - e.mean
	e.mean += off / 8
	if off < 0 {
		off = -off
	}
	e.dev += (off - e.dev) / 4
}

// Wait implements [Waits].
func (r *RoundTrips) Wait(to Peer) time.Duration {
	e := r.peers[to.Addr]
	if e == nil || e.mean == 0 {
		missed := uint8(0)
		if e != nil {
			missed = e.missed
		}
		e = &estimate{r.all.mean, r.all.dev, missed}
	}
	if e.mean == 0 {
		return r.Most
	}
	wait := (e.mean + 4*e.dev) << min(e.missed, 6)
	return min(max(wait, r.Most/10), r.Most)
}

// Answered implements [Waits].
func (r *RoundTrips) Answered(from Peer, took time.Duration) {
	r.all.add(took)
	r.peer(from.Addr).add(took)
}

// Missed implements [Waits].
func (r *RoundTrips) Missed(to Peer) {
	if e := r.peer(to.Addr); e.missed < 255 {
		e.missed++
	}
}

// peer returns the estimate of a peer; a new one takes the place of the oldest.
func (r *RoundTrips) peer(a Addr) *estimate {
	if e := r.peers[a]; e != nil {
		return e
	}
	if r.peers == nil {
		r.peers = map[Addr]*estimate{}
	}
	if len(r.order) == mostPeers {
		delete(r.peers, r.order[0])
		r.order = append(r.order[:0], r.order[1:]...)
	}
	r.order = append(r.order, a)
	r.peers[a] = &estimate{}
	return r.peers[a]
}
