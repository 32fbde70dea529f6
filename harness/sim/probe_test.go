package sim_test

import (
	"errors"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// A run that is probed is the same, event by event, as one that is not, over
// links that draw, lose and queue.
func TestProbesLeaveNoTrace(t *testing.T) {
	rough := linkmodel.Link{Delay: 10 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.3, Rate: 1000}
	play := func(probing bool) (hash, events uint64) {
		s := open(t, 3, sim.Config{Seed: 5, Model: linkmodel.Model{Default: rough}})
		back := 0
		for i := range 30 {
			for _, by := range []harness.Carrier{harness.Datagram, harness.Stream} {
				if probing {
					e, err := s.Probe(sim.Addr(0), sim.Addr(i%2+1), harness.Probing{By: by, Count: 2, Patience: time.Minute})
					s.must(err)
					back += e.Back
				}
			}
			s.let(0, func(p *puppet) { p2p.Send(p.env, sim.Addr(i%2+1).Peer(), word{N: uint32(i), Bytes: make([]byte, 50)}) })
			s.Run(20 * time.Millisecond)
		}
		if probing && (back < 30 || back == 90) {
			t.Errorf("%d of 90 probes were answered over links that lose 3 of 10 datagrams, want streams and some", back)
		}
		return s.Hash(), s.Events()
	}
	hash, events := play(false)
	if h, n := play(true); h != hash || n != events {
		t.Errorf("probed: hash %x after %d events; not probed: %x after %d", h, n, hash, events)
	}
}

func TestProbesOfTheDown(t *testing.T) {
	s := open(t, 2, sim.Config{})
	s.must(s.Crash(sim.Addr(1)))
	for _, by := range []harness.Carrier{harness.Datagram, harness.Stream} {
		if e, err := s.Probe(sim.Addr(0), sim.Addr(1), harness.Probing{By: by}); err != nil || e.Sent != 1 || e.There != 0 {
			t.Errorf("%v to a node that is down: %+v, error %v", by, e, err)
		}
		if _, err := s.Probe(sim.Addr(1), sim.Addr(0), harness.Probing{By: by}); !errors.Is(err, p2p.ErrGone) {
			t.Errorf("%v from a node that is down: error %v, want ErrGone", by, err)
		}
	}
	s.must(s.Restart(sim.Addr(1)))
	slow := harness.Probing{Patience: 19 * time.Millisecond} // the way takes 20
	if e, err := s.Probe(sim.Addr(0), sim.Addr(1), slow); err != nil || e.There != 1 || e.Back != 0 {
		t.Errorf("given up before the answer: %+v, error %v", e, err)
	}
}
