package bittorrent_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/bittorrent"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

const (
	iso  = "ubuntu.iso"
	seed = 7
)

// A swarm is a tracker (node 0) and peers that know it.
type swarm struct {
	*sim.World
	t     testing.TB
	nodes []p2p.Addr
	role  func(i int) []string // settings of node i besides
}

func config(t testing.TB, changes ...string) bittorrent.Config {
	t.Helper()
	return p2ptest.Config(t, bittorrent.Protocol, changes...).(bittorrent.Config)
}

// lay starts a tracker and n peers; settings says what is special to node i.
func lay(t testing.TB, c sim.Config, n int, settings func(i int) []string) *swarm {
	t.Helper()
	s := &swarm{World: sim.New(c), t: t, role: settings}
	for i := range n + 1 {
		s.spawn(bittorrent.Protocol, i)
	}
	return s
}

func (s *swarm) spawn(p *p2p.Protocol, i int) p2p.Addr {
	s.t.Helper()
	changes := []string{"tracker=http://" + sim.Addr(0).String() + "/announce"}
	if i == 0 {
		changes = []string{"role=tracker"}
	}
	if s.role != nil {
		changes = append(changes, s.role(i)...)
	}
	if err := s.Spawn(harness.Spec{Index: i, Protocol: p, Config: config(s.t, changes...)}); err != nil {
		s.t.Fatal(err)
	}
	s.nodes = append(s.nodes, sim.Addr(i))
	return sim.Addr(i)
}

var strict = sim.Config{Seed: 1, Strict: true, Poison: true}

// do carries out a wish to its end.
func (s *swarm) do(a p2p.Addr, op p2p.Op) (out harness.Outcome) {
	s.t.Helper()
	ended := false
	s.Do(a, op, func(o harness.Outcome) { out, ended = o, true })
	if !s.RunUntil(func() bool { return ended }, time.Hour) {
		s.t.Fatalf("%T at %v does not end", op, a)
	}
	return out
}

func (s *swarm) must(a p2p.Addr, op p2p.Op) harness.Outcome {
	s.t.Helper()
	out := s.do(a, op)
	if out.Err != nil {
		s.t.Fatalf("%T%.60v at %v: %v", op, op, a, out.Err)
	}
	return out
}

// publish has node 1 publish the file.
func (s *swarm) publish(size int64) {
	s.t.Helper()
	s.must(s.nodes[1], p2p.Publish{Name: iso, Size: size, Seed: seed})
}

// fetchAll has these nodes fetch at once, and returns how long each took.
func (s *swarm) fetchAll(nodes []p2p.Addr, size int64) []time.Duration {
	s.t.Helper()
	took := make([]time.Duration, len(nodes))
	left := len(nodes)
	for i, a := range nodes {
		s.Do(a, p2p.Fetch{Name: iso}, func(o harness.Outcome) {
			left--
			took[i] = o.Took
			if o.Err != nil {
				s.t.Errorf("fetch at %v: %v", a, o.Err)
			} else if !s.Holds(a, iso, size, seed) {
				s.t.Errorf("fetch at %v: no error, but other bytes", a)
			}
		})
	}
	if !s.RunUntil(func() bool { return left == 0 }, 3*time.Hour) {
		s.t.Fatalf("%d of %d fetches do not end", left, len(nodes))
	}
	return took
}

func (s *swarm) detail(a p2p.Addr) bittorrent.Detail {
	s.t.Helper()
	st, err := s.Inspect(a)
	if err != nil {
		s.t.Fatal(err)
	}
	return st.Detail.(bittorrent.Detail)
}

func TestSwarm(t *testing.T) {
	const size = 3<<20 + 12345
	s := lay(t, strict, 8, nil)
	s.publish(size)
	s.fetchAll(s.nodes[2:], size)
	d := s.detail(s.nodes[4])
	if len(d.Torrents) != 1 || d.Torrents[0].Left != 0 || d.Torrents[0].Pieces != 13 {
		t.Errorf("%+v", d.Torrents)
	}
	out := s.must(s.nodes[8], p2p.Find{Name: iso})
	if len(out.Found) != 8 || out.Hops != 1 {
		t.Errorf("found %v in %d hops; want all eight in one", out.Found, out.Hops)
	}
}

// By a UDP tracker, and by a magnet link, without the name ever having been
// told to anybody.
func TestMagnetAndUDPTracker(t *testing.T) {
	const size = 1 << 20
	for _, scheme := range []string{"http://%v/announce", "udp://%v"} {
		t.Run(scheme[:4], func(t *testing.T) {
			url := fmt.Sprintf(scheme, sim.Addr(0))
			s := lay(t, strict, 3, func(i int) []string { return []string{"tracker=" + url} })
			s.publish(size)
			s.Run(5 * time.Second)
			link := fmt.Sprintf("magnet:?xt=urn:btih:%v&dn=whatever&tr=%s", s.detail(s.nodes[1]).Torrents[0].Hash, url)
			for _, a := range s.nodes[2:] {
				if out := s.must(a, p2p.Fetch{Name: link}); out.Blob != (p2p.Blob{Name: iso, Len: size}) || !s.Holds(a, iso, size, seed) {
					t.Errorf("fetched %+v", out.Blob)
				}
			}
		})
	}
}

// A download that was under way goes on after a crash where it was, within
// what five seconds bring.
func TestResume(t *testing.T) {
	const size = 16 << 20
	s := lay(t, strict, 2, func(i int) []string { return []string{"up-rate=1048576"} })
	s.publish(size)
	s.Do(s.nodes[2], p2p.Fetch{Name: iso}, nil)
	s.Run(12 * time.Second)
	if err := s.Crash(s.nodes[2]); err != nil {
		t.Fatal(err)
	}
	s.Run(10 * time.Second)
	if err := s.Restart(s.nodes[2]); err != nil {
		t.Fatal(err)
	}
	s.Run(100 * time.Millisecond)
	if had := s.detail(s.nodes[2]).Torrents[0].Have; had < 20 {
		t.Errorf("after the crash it has %d pieces of 64, of at least 48 that had come", had)
	}
	s.fetchAll(s.nodes[2:], size)
	if again := s.detail(s.nodes[1]).Torrents[0].Sent - size; again > 7<<20 {
		t.Errorf("%d bytes were sent again", again)
	}
	// A seed is a seed again at once.
	for _, a := range s.nodes[1:] {
		s.Crash(a)
		s.Restart(a)
	}
	s.Run(time.Second)
	if st, _ := s.Inspect(s.nodes[1]); !slices.Equal(st.Stored, []string{iso}) {
		t.Errorf("a seed that crashed stores %v", st.Stored)
	}
}

// The hash of all events of a swarm in which everything happens is the same on
// every machine.
func TestGoldenTrace(t *testing.T) {
	const want uint64 = 0xd986ca1dd53365dd
	s := lay(t, sim.Config{Seed: 3}, 12, func(i int) []string { return []string{"up-rate=400000"} })
	s.publish(5 << 20)
	for _, a := range s.nodes[2:] {
		s.Do(a, p2p.Fetch{Name: iso}, nil)
	}
	s.Run(8 * time.Second)
	s.Crash(s.nodes[3])
	s.Vanish(s.nodes[4])
	s.Run(20 * time.Second)
	s.Restart(s.nodes[3])
	s.Run(2 * time.Minute)
	if got := s.Hash(); got != want {
		t.Errorf("the hash of the trace is %#x, want %#x: something draws or sends otherwise than before", got, want)
	}
}
