package sim_test

import (
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/harness/sim"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// send lets node 0 send n words to node 1 and returns when they arrived.
func send(s *theatre, n int, bytes int) []time.Duration {
	s.let(0, func(p *puppet) {
		for i := range n {
			p2p.Send(p.env, sim.Addr(1).Peer(), word{N: uint32(i), Bytes: make([]byte, bytes)})
		}
	})
	began := s.Now()
	s.Run(time.Minute)
	at := s.puppets[1].at
	for i := range at {
		at[i] -= began
	}
	return at
}

func TestDatagram(t *testing.T) {
	s := strict(t, 2)
	s.let(0, func(p *puppet) { p2p.Send(p.env, sim.Addr(1).Peer(), word{N: 7}) })
	s.Run(10*time.Millisecond - 1)
	s.expect(1)
	s.Run(1)
	s.expect(1, "word 7")
	if s.puppets[1].last != sim.Addr(0).Peer() {
		t.Errorf("it comes from %v, want %v", s.puppets[1].last, sim.Addr(0))
	}
}

// "In every world a longer one is dropped": MaxDatagram.
func TestLongestDatagram(t *testing.T) {
	head := (&word{}).Size()
	if at := send(strict(t, 2), 1, p2p.MaxDatagram-head); len(at) != 1 {
		t.Errorf("one of MaxDatagram bytes does not arrive")
	}
	if at := send(strict(t, 2), 1, p2p.MaxDatagram-head+1); len(at) != 0 {
		t.Errorf("one byte more than MaxDatagram arrives")
	}
}

func TestLoss(t *testing.T) {
	m := linkmodel.Model{Default: linkmodel.Link{Loss: 0.25}}
	at := send(open(t, 2, sim.Config{Seed: 1, Model: m}), 4000, 0)
	if n := len(at); n < 2880 || n > 3120 { // four standard deviations
		t.Errorf("%d of 4000 arrive, want about 3000", n)
	}
}

func TestDelayLaws(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name       string
		link       linkmodel.Link
		least, far time.Duration // the smallest and the largest that may come
		mean       time.Duration
	}{
		{"constant", linkmodel.Link{Delay: 20 * ms}, 20 * ms, 20 * ms, 20 * ms},
		{"uniform", linkmodel.Link{Delay: 20 * ms, Law: linkmodel.Uniform}, 0, 40 * ms, 20 * ms},
		{"exponential", linkmodel.Link{Delay: 20 * ms, Law: linkmodel.Exponential}, 0, time.Second, 20 * ms},
		{"jitter", linkmodel.Link{Delay: 20 * ms, Jitter: 10 * ms}, 20 * ms, 30 * ms, 25 * ms},
		{"usual", linkmodel.Link{}, 10 * ms, 30 * ms, 20 * ms},
	} {
		cfg := sim.Config{Seed: 1, Model: linkmodel.Model{Default: c.link}}
		s := &theatre{World: sim.New(cfg), t: t}
		s.protocol = puppets(func(p *puppet) { s.born = p })
		s.join()
		s.join()
		at := send(s, 4000, 0)
		var sum time.Duration
		for _, d := range at {
			sum += d
		}
		mean := sum / time.Duration(len(at))
		if slices.Min(at) < c.least || slices.Max(at) > c.far || (mean-c.mean).Abs() > c.mean/20 {
			t.Errorf("%s: delays of %v to %v, mean %v; want %v to %v, mean %v",
				c.name, slices.Min(at), slices.Max(at), mean, c.least, c.far, c.mean)
		}
	}
}

// A line of 100 kB/s takes 10 ms for each kB, one after the other, and drops
// what finds its queue full.
func TestBandwidth(t *testing.T) {
	m := linkmodel.Model{Default: linkmodel.Link{Rate: 100_000, Queue: 10_000}}
	at := send(open(t, 2, sim.Config{Model: m}), 20, 1000-11)
	if len(at) < 10 || len(at) > 12 {
		t.Fatalf("%d of 20 kB find room in a queue of 10", len(at))
	}
	for i, d := range at {
		if want := time.Duration(i+1) * 10 * time.Millisecond; d != want {
			t.Errorf("number %d arrives after %v, want %v", i, d, want)
		}
	}
}

func TestCutOneWay(t *testing.T) {
	s := strict(t, 3)
	s.must(s.Apply(fault.Net{Cuts: []fault.Cut{{From: []p2p.Addr{sim.Addr(0)}, To: []p2p.Addr{sim.Addr(1)}}}}))
	tell := func() {
		for i := range 3 {
			for j := range 3 {
				s.let(i, func(p *puppet) { p2p.Send(p.env, sim.Addr(j).Peer(), word{N: uint32(i)}) })
			}
		}
		s.Run(time.Second)
	}
	tell()
	s.expect(0, "word 0", "word 1", "word 2")
	s.expect(1, "word 1", "word 2")
	s.expect(2, "word 0", "word 1", "word 2")
	s.must(s.Apply(fault.Net{}))
	tell()
	if n := len(s.puppets[1].heard); n != 3 {
		t.Errorf("after heal node 1 hears %d of 3", n)
	}
}

// Many groups need more than 64 cuts; a node that joins later stands on its
// side too.
func TestManyCuts(t *testing.T) {
	const n = 10
	s := strict(t, n-1)
	var groups [][]p2p.Addr
	for i := range n {
		groups = append(groups, []p2p.Addr{sim.Addr(i)})
	}
	s.must(s.Apply(fault.Net{Cuts: fault.Split(groups...)})) // 90
	s.join()
	for i := range n {
		for j := range n {
			s.let(i, func(p *puppet) { p2p.Send(p.env, sim.Addr(j).Peer(), nod{}) })
		}
	}
	s.Run(time.Second)
	for i := range n {
		s.expect(i, "nod") // its own
	}
}

// "One to nobody, or to a node that is gone, vanishes without a word."
func TestDatagramToNobody(t *testing.T) {
	s := strict(t, 2)
	s.must(s.Crash(sim.Addr(1)))
	s.let(0, func(p *puppet) {
		p2p.Send(p.env, sim.Addr(1).Peer(), nod{})
		p2p.Send(p.env, sim.Addr(99).Peer(), nod{})
		p2p.Send(p.env, p2p.MakeAddr(sim.IP(0), 1).Peer(), nod{})
	})
	s.Run(time.Second)
	s.expect(0)
	s.must(s.Restart(sim.Addr(1)))
	s.Run(time.Second)
	if s.born == s.puppets[1] || len(s.born.heard) > 0 {
		t.Errorf("the restarted node hears %q", s.born.heard)
	}
}

func TestCountersAndCost(t *testing.T) {
	s := strict(t, 2)
	s.puppets[1].on = func(from p2p.Peer, m p2p.Msg) { // each word is answered
		if w, ok := m.(*word); ok && w.N > 0 {
			p2p.Send(s.puppets[1].env, from, word{N: 0})
		}
	}
	s.let(0, func(p *puppet) { p2p.Send(p.env, sim.Addr(1).Peer(), word{N: 5}) }) // beside
	s.Run(time.Second)
	cause := s.Do(sim.Addr(0), act{f: func(p *puppet) {
		p2p.Send(p.env, sim.Addr(1).Peer(), word{N: 9})
		p2p.Send(p.env, sim.Addr(1).Peer(), nod{})
	}}, nil)
	s.Run(time.Second)
	if got, want := s.Cost(cause, p2p.Lookup), (sim.Cost{Messages: 2, Bytes: 22}); got != want {
		t.Errorf("the wish cost %+v in lookups, want %+v: the word and its answer", got, want)
	}
	if got, want := s.Cost(cause, p2p.Membership), (sim.Cost{Messages: 1, Bytes: 1}); got != want {
		t.Errorf("the wish cost %+v in membership, want %+v", got, want)
	}
	want := []p2p.Traffic{
		{Kind: "word", Class: p2p.Lookup, Sent: 2, SentBytes: 22, Received: 2, ReceivedBytes: 22},
		{Kind: "nod", Class: p2p.Membership, Sent: 1, SentBytes: 1},
	}
	if got := s.Traffic(sim.Addr(0)); !slices.Equal(got, want) {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

func TestTimers(t *testing.T) {
	s := strict(t, 1)
	s.let(0, func(p *puppet) {
		p.env.After(3*time.Second, p2p.Tick(3))
		one := p.env.After(time.Second, p2p.Tick(1))
		two := p.env.After(time.Second, p2p.Tick(2))
		p.env.Stop(one)
		p.env.Stop(one)
		p.env.Stop(p2p.Timer{})
		if one.N == 0 || one == two || one.At != p.env.Now()+time.Second {
			t.Errorf("timers %+v and %+v", one, two)
		}
		p.on = func(p2p.Peer, p2p.Msg) { p.env.Stop(two) } // as it fires, and later
	})
	s.Run(5 * time.Second)
	s.expect(0, "tick 2", "tick 3")
}

func TestResolve(t *testing.T) {
	s := strict(t, 1)
	s.let(0, func(p *puppet) {
		for _, name := range []string{"first:80", "10.0.0.9:81", "nobody:80", "first"} {
			p.env.Resolve(name, p)
		}
	})
	s.Run(time.Second)
	s.expect(0, "resolved [10.0.0.1:80] <nil>", "resolved [10.0.0.9:81] <nil>",
		`resolved [] resolve "nobody:80": no such host`, "resolved [10.0.0.1:7000] <nil>")
}

func TestSpawnTwice(t *testing.T) {
	s := strict(t, 1)
	if err := s.Spawn(harness.Spec{Index: 0, Protocol: s.protocol}); err == nil {
		t.Error("two nodes have one address")
	}
}
