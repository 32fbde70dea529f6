package sim_test

import (
	"errors"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/p2p"
)

// "It hears nothing, does nothing and fires no timer until Resume"; then "it
// hears what came meanwhile, and fires what is due", each once and in order.
func TestPause(t *testing.T) {
	s := strict(t, 2)
	there, _ := s.dial(0, 1)
	s.let(1, func(p *puppet) {
		p.env.After(time.Second, p2p.Tick(0))
		late := p.env.After(3*time.Second, p2p.Tick(1))
		p.on = func(_ p2p.Peer, m p2p.Msg) {
			if m == p2p.Msg(p2p.Tick(0)) { // though overdue, the other one is stopped
				p.env.Stop(late)
			}
		}
	})
	s.must(s.Pause(sim.Addr(1)))
	s.let(0, func(p *puppet) {
		p2p.Send(p.env, there, word{N: 1})
		p2p.Send(p.env, sim.Addr(1).Peer(), word{N: 2})
	})
	s.Run(2 * time.Second)
	s.let(0, func(p *puppet) {
		p2p.Send(p.env, there, word{N: 3})
		p2p.Send(p.env, p.env.Dial(sim.Addr(1), tongue{}, p), nod{})
	})
	s.Run(2 * p2p.Silence)
	s.expect(0, "up false") // "streams stay up [...], and whoever dials it hears Up"
	s.expect(1)
	s.must(s.Resume(sim.Addr(1)))
	s.expect(1, "word 1", "word 2", "tick 0", "up true", "nod")
	s.Run(0)
	s.expect(1, "word 3")
	s.Run(time.Minute)
	s.expect(0)
	s.expect(1)
}

// "The wish of a paused node waits until it resumes"; a state cannot be had.
func TestWishOfThePaused(t *testing.T) {
	s := strict(t, 1)
	s.must(s.Pause(sim.Addr(0)))
	if err := s.Pause(sim.Addr(0)); !errors.Is(err, harness.ErrPaused) {
		t.Errorf("pausing twice: %v", err)
	}
	if _, err := s.Inspect(sim.Addr(0)); !errors.Is(err, harness.ErrPaused) {
		t.Errorf("the state of the paused: %v", err)
	}
	var took []time.Duration
	wish := func() {
		s.Do(sim.Addr(0), p2p.Publish{Name: "a"}, func(o harness.Outcome) { took = append(took, o.Took) })
	}
	wish()
	s.Run(time.Minute)
	if len(took) != 0 {
		t.Fatal("a paused node has carried out a wish")
	}
	s.must(s.Resume(sim.Addr(0)))
	if len(took) != 1 || took[0] != time.Minute {
		t.Errorf("the wish took %v, want the minute of the pause", took)
	}
	if s.Resume(sim.Addr(0)) == nil {
		t.Error("what runs was resumed")
	}
	s.must(s.Pause(sim.Addr(0)))
	wish()
	s.Run(2 * p2p.MaxOp)
	if len(took) != 2 || took[1] != p2p.MaxOp {
		t.Errorf("wishes took %v: want the last to expire after %v", took, p2p.MaxOp)
	}
	s.must(s.Crash(sim.Addr(0)))
	s.must(s.Restart(sim.Addr(0)))
	s.Run(time.Second)
	if s.Pause(sim.Addr(0)) != nil {
		t.Error("a node that was paused, killed and restarted is still paused")
	}
}

// The sender to a paused node has to hold back, and hears Room once that node
// has caught up.
func TestPauseFillsStreams(t *testing.T) {
	s := strict(t, 2)
	there, _ := s.dial(0, 1)
	s.must(s.Pause(sim.Addr(1)))
	sent := 0
	s.let(0, func(p *puppet) {
		for ; !p.env.Full(there) && sent < 1000; sent++ {
			p2p.Send(p.env, there, word{Bytes: make([]byte, 32<<10)})
		}
	})
	s.Run(time.Minute)
	s.expect(0)
	if sent == 0 || sent == 1000 {
		t.Fatalf("full after %d words", sent)
	}
	s.must(s.Resume(sim.Addr(1)))
	s.Run(0)
	s.expect(0, "room")
	if got := len(s.puppets[1].heard); got != sent {
		t.Errorf("%d words heard of %d", got, sent)
	}
}
