package sim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"peerbed/harness/sim"
	"peerbed/protocols/p2p"
)

// A sender that goes on writing to a slice it has sent.
func TestStrictCatchesSharing(t *testing.T) {
	share := func(s *theatre) {
		mine := []byte{1, 2, 3}
		s.let(0, func(p *puppet) {
			p2p.Send(p.env, sim.Addr(1).Peer(), word{Bytes: mine})
			mine[1] = 9
		})
		s.Run(time.Second)
	}
	got := panics(t, func() { share(strict(t, 2)) })
	if want := "a *sim_test.word was changed after it had been sent (clone its slices): Bytes [1] 2, 9"; !strings.HasSuffix(got, want) {
		t.Errorf("panic %q, want %q", got, want)
	}
	loose := open(t, 2, sim.Config{})
	share(loose)
	loose.expect(1, "word 0") // unnoticed
}

// liar is the language with something wrong in it.
type liar struct {
	tongue
	wrong string
}

func (l liar) Append(b []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	switch l.wrong {
	case "length":
		b = append(b, 0)
	case "error":
		return nil, p2p.Content{}, fmt.Errorf("no words")
	}
	return l.tongue.Append(b, m)
}

func (l liar) Next(src []byte, eof bool) (p2p.Msg, int, error) {
	m, n, err := l.tongue.Next(src, eof)
	switch l.wrong {
	case "field":
		m.(*word).N = 0
	case "type":
		m = &nod{}
	case "refusal":
		return nil, 0, p2p.ErrMalformed
	}
	return m, n, err
}

func TestStrictCatchesCodecs(t *testing.T) {
	for wrong, want := range map[string]string{
		"length":  "says its Size is 11, but its encoding has 12 bytes",
		"error":   "cannot be encoded: no words",
		"field":   "does not survive its encoding: sent, then read: N 7, 0",
		"type":    "its bytes are read as *sim_test.nod",
		"refusal": "malformed",
	} {
		said := func(to p2p.Peer, dial bool) string {
			s := strict(t, 2)
			s.protocol.Datagrams = func() p2p.Codec { return liar{wrong: wrong} }
			s.protocol.Accept = func([]byte) (p2p.Codec, error) { return liar{wrong: wrong}, nil }
			s.must(s.Crash(sim.Addr(0)))
			s.must(s.Restart(sim.Addr(0)))
			s.must(s.Crash(sim.Addr(1)))
			s.must(s.Restart(sim.Addr(1)))
			return panics(t, func() {
				s.let(0, func(p *puppet) {
					if dial {
						to = p.env.Dial(sim.Addr(1), liar{wrong: wrong}, p)
					}
					p2p.Send(p.env, to, word{N: 7})
				})
				s.Run(time.Second)
			})
		}
		for _, dial := range []bool{false, true} {
			if got := said(sim.Addr(1).Peer(), dial); !strings.Contains(got, want) {
				t.Errorf("%s, stream %v: panic %q, want %q", wrong, dial, got, want)
			}
		}
	}
}

// A receiver that keeps what it was lent reads rubbish, if poison is on.
func TestPoisonCatchesKeepers(t *testing.T) {
	for _, poison := range []bool{false, true} {
		s := open(t, 2, sim.Config{Poison: poison, NoRecycle: true})
		var kept *word
		s.puppets[1].on = func(_ p2p.Peer, m p2p.Msg) { kept = m.(*word) }
		s.let(0, func(p *puppet) { p2p.Send(p.env, sim.Addr(1).Peer(), word{N: 7, Bytes: []byte{1, 2}}) })
		s.Run(time.Second)
		if rubbish := kept.N != 7 && kept.Bytes[0] != 1; rubbish != poison {
			t.Errorf("poison %v: what was kept reads %+v", poison, kept)
		}
	}
}

// "To forward it, send *m", never m.
func TestForwardingTheLoan(t *testing.T) {
	s := open(t, 2, sim.Config{})
	s.puppets[1].on = func(from p2p.Peer, m p2p.Msg) { p2p.Ship(s.puppets[1].env, from, m) }
	s.let(0, func(p *puppet) { p2p.Send(p.env, sim.Addr(1).Peer(), word{}) })
	got := panics(t, func() { s.Run(time.Second) })
	if want := "sim: 10.0.0.2:7000 sends on the very message it is handling, *sim_test.word; send a copy (*m)"; got != want {
		t.Errorf("panic %q, want %q", got, want)
	}
}

// Empty messages share one address: sending one on is no fault.
func TestForwardingNothing(t *testing.T) {
	s := strict(t, 2)
	s.puppets[1].on = func(from p2p.Peer, m p2p.Msg) { p2p.Send(s.puppets[1].env, from, nod{}) }
	s.let(0, func(p *puppet) { p2p.Send(p.env, sim.Addr(1).Peer(), nod{}) })
	s.Run(time.Second)
	s.expect(0, "nod")
}

// What New returns is an old message, unless recycling is off.
func TestRecycling(t *testing.T) {
	for _, off := range []bool{false, true} {
		s := open(t, 2, sim.Config{NoRecycle: off})
		s.let(0, func(p *puppet) { p2p.Send(p.env, sim.Addr(1).Peer(), word{Bytes: make([]byte, 0, 77)}) })
		s.Run(time.Second)
		s.let(0, func(p *puppet) {
			old := p2p.New[word](p.env)
			if again := cap(old.Bytes) == 77; again == off {
				t.Errorf("NoRecycle %v: New returns a message with room for %d bytes", off, cap(old.Bytes))
			}
		})
	}
}

// ghost is not among the protocol's Kinds.
type ghost struct{ word }

func (*ghost) Kind() p2p.Kind { return 99 }

func TestUnknownKind(t *testing.T) {
	s := open(t, 1, sim.Config{})
	got := panics(t, func() {
		s.let(0, func(p *puppet) { p2p.Send(p.env, sim.Addr(0).Peer(), ghost{}) })
	})
	if want := "sim: puppet sends a *sim_test.ghost, kind 99, which its Kinds do not describe"; got != want {
		t.Errorf("panic %q, want %q", got, want)
	}
}
