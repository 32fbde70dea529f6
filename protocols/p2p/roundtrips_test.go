package p2p_test

import (
	"testing"
	"time"

	"peerbed/protocols/p2p"
)

// Round trips decide how long to wait: more for a peer far off, twice as long
// after each answer that is missed, and within bounds.
func TestRoundTrips(t *testing.T) {
	const ms = time.Millisecond
	near, far, unknown := p2p.Addr(1).Peer(), p2p.Addr(2).Peer(), p2p.Addr(3).Peer()
	r := &p2p.RoundTrips{Most: time.Second}
	if got := r.Wait(near); got != time.Second {
		t.Errorf("before anything is known it waits %v, want %v", got, time.Second)
	}
	for range 100 {
		r.Answered(near, 30*ms)
		r.Answered(far, 300*ms)
	}
	if got := r.Wait(near); got != 100*ms {
		t.Errorf("for a peer 30 ms away it waits %v, want a tenth of Most", got)
	}
	if got := r.Wait(far); got < 300*ms || got > 320*ms {
		t.Errorf("for a peer that always takes 300 ms it waits %v", got)
	}
	if got := r.Wait(unknown); got < 500*ms {
		t.Errorf("for a peer it does not know it waits %v, though some take 300 ms and others 30", got)
	}
	r.Missed(far)
	if got := r.Wait(far); got < 600*ms || got > 640*ms {
		t.Errorf("after one answer was missed it waits %v, want twice as long", got)
	}
	for range 300 {
		r.Missed(far)
	}
	if got := r.Wait(far); got != time.Second {
		t.Errorf("after many were missed it waits %v, want Most", got)
	}
	r.Answered(far, 300*ms)
	if got := r.Wait(far); got > 320*ms {
		t.Errorf("after an answer it waits %v, want as before", got)
	}
}

// However many peers there are, it remembers no more than its bound: the oldest
// is forgotten.
func TestRoundTripsForget(t *testing.T) {
	r := &p2p.RoundTrips{Most: time.Second}
	first := p2p.Addr(1).Peer()
	r.Answered(first, 900*time.Millisecond)
	for a := range p2p.Addr(1000) {
		r.Answered((a + 2).Peer(), 10*time.Millisecond)
	}
	if got := r.Wait(first); got > 300*time.Millisecond {
		t.Errorf("1000 peers later it still waits %v for the first", got)
	}
}
