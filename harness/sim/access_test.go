package sim_test

import (
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/harness/sim"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// "No stream that others dial gets to them [...], while those that they dial
// and those that stand go on. Datagrams pass both ways."
func TestWalls(t *testing.T) {
	s := strict(t, 3)
	there, back := s.dial(0, 1)
	s.must(s.Apply(fault.Net{Walls: []p2p.Addr{sim.Addr(1)}}))
	s.let(0, func(p *puppet) {
		p2p.Send(p.env, there, word{N: 1})
		p2p.Send(p.env, sim.Addr(1).Peer(), word{N: 2})
		p2p.Send(p.env, p.env.Dial(sim.Addr(1), tongue{}, p), nod{})
	})
	s.let(1, func(p *puppet) { p2p.Send(p.env, back, word{N: 3}) })
	s.Run(delay)
	s.expect(1, "word 1", "word 2")
	s.expect(0, "word 3")
	s.dial(1, 2)
	s.Run(p2p.Silence)
	s.expect(0, "down silent")
	s.let(0, func(p *puppet) { p2p.Send(p.env, p.env.Dial(sim.Addr(1), tongue{}, p), nod{}) })
	s.Run(time.Second)
	s.must(s.Apply(fault.Net{})) // a handshake is tried again
	s.Run(time.Second)
	s.expect(0, "up false")
	s.expect(1, "up true", "nod")
}

// Drops come on top of the usual links and lose datagrams; streams recover.
func TestDrops(t *testing.T) {
	s := strict(t, 3)
	there, _ := s.dial(0, 1)
	drop := linkmodel.Drop{From: []p2p.Addr{sim.Addr(0)}, To: []p2p.Addr{sim.Addr(1)}, Share: 0.5}
	s.must(s.Apply(fault.Net{Drops: []linkmodel.Drop{drop}}))
	s.let(0, func(p *puppet) {
		for range 400 {
			p2p.Send(p.env, sim.Addr(1).Peer(), nod{})
			p2p.Send(p.env, sim.Addr(2).Peer(), nod{})
		}
		p2p.Send(p.env, there, word{N: 1})
	})
	s.Run(delay - 1)
	s.expect(1)
	s.Run(time.Minute)
	got := s.puppets[1].heard
	if n := len(got) - 1; n < 150 || n > 250 || got[n] != "word 1" {
		t.Errorf("%d of 400 datagrams passed a loss of a half, and then %q", n, got[len(got)-1])
	}
	if n := len(s.puppets[2].heard); n != 400 {
		t.Errorf("%d of 400 datagrams passed where there is no loss", n)
	}
}

// One node's line is shared by all its conversations: what it sends to two
// others takes as long as if it were for one, and each gets its half meanwhile.
func TestAccessUp(t *testing.T) {
	s := strict(t, 3)
	a, _ := s.dial(0, 1)
	b, _ := s.dial(0, 2)
	s.must(s.Apply(fault.Net{Links: linkmodel.Model{Access: []linkmodel.Access{{Node: sim.Addr(0), Up: 10_000}}}}))
	s.let(0, func(p *puppet) {
		for range 10 {
			p2p.Send(p.env, a, word{Bytes: make([]byte, 1000-11)})
		}
		for range 10 {
			p2p.Send(p.env, b, word{Bytes: make([]byte, 1000-11)})
		}
		p2p.Send(p.env, sim.Addr(1).Peer(), nod{})
	})
	s.Run(time.Second + delay)
	if x, y := len(s.puppets[1].heard), len(s.puppets[2].heard); x < 5 || x > 6 || y < 4 || y > 5 {
		t.Errorf("after half of the time %d and %d messages have come, want 5 of each, and a datagram", x, y)
	}
	s.Run(time.Second + time.Millisecond) // the datagram takes a tenth of one
	if x, y := len(s.puppets[1].heard), len(s.puppets[2].heard); x != 11 || y != 10 {
		t.Errorf("after all of the time %d and %d messages have come", x, y)
	}
}

// What comes to a node shares its line too; a cut and the end of the limit
// lose nothing.
func TestAccessDown(t *testing.T) {
	s := strict(t, 3)
	a, _ := s.dial(0, 2)
	b, _ := s.dial(1, 2)
	slow := linkmodel.Model{Access: []linkmodel.Access{{Node: sim.Addr(2), Down: 10_000}}}
	s.must(s.Apply(fault.Net{Links: slow}))
	for i, to := range []p2p.Peer{a, b} {
		s.let(i, func(p *puppet) {
			for range 10 {
				p2p.Send(p.env, to, word{Bytes: make([]byte, 1000-11)})
			}
		})
	}
	s.Run(time.Second + delay)
	if n := len(s.puppets[2].heard); n != 10 {
		t.Errorf("%d messages of 1 kB came in a second over a line of 10 kB/s", n)
	}
	s.must(s.Apply(fault.Net{Links: slow, Cuts: cut(0, 2).Cuts}))
	s.Run(2 * time.Second)
	s.must(s.Apply(fault.Net{}))
	s.Run(2 * delay)
	if n := len(s.puppets[2].heard); n != 20 {
		t.Errorf("%d of 20 messages have come", n)
	}
}
