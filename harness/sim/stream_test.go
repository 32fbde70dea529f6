package sim_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/harness/sim"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

const delay = 10 * time.Millisecond

// A stream opens in one round trip; what was sent before Up leaves at Up.
func TestDial(t *testing.T) {
	s := strict(t, 2)
	var there p2p.Peer
	s.let(0, func(p *puppet) {
		there = p.env.Dial(sim.Addr(1), tongue{}, p)
		p2p.Send(p.env, there, word{N: 1})
		p2p.Send(p.env, there, word{N: 2})
	})
	s.Run(2 * delay)
	s.expect(0, "up false")
	s.expect(1)
	s.Run(delay)
	s.expect(1, "up true", "word 1", "word 2")
	back := s.puppets[1].inward
	if there.Addr != sim.Addr(1) || back.Addr.IP() != sim.IP(0) || back.Addr.Port() < 49152 {
		t.Errorf("the dialler calls it %v, the acceptor %v", there, back)
	}
	s.let(1, func(p *puppet) {
		p2p.Send(p.env, back, word{N: 3})
		p.env.Close(back)
		p.env.Close(back)
		p2p.Send(p.env, back, word{N: 4}) // it is down: nobody hears
	})
	s.let(0, func(p *puppet) { p2p.Send(p.env, there, word{N: 5}) }) // crosses Close
	s.Run(time.Second)
	s.expect(0, "word 3", "down <nil>")
	s.expect(1)
}

// "On a stream loss is delay, never a hole", and jitter does not reorder.
func TestStreamOrder(t *testing.T) {
	m := linkmodel.Model{Default: linkmodel.Link{Delay: delay, Jitter: 5 * delay, Loss: 0.3}}
	s := open(t, 2, sim.Config{Seed: 1, Strict: true, Model: m})
	var want []string
	s.let(0, func(p *puppet) {
		there := p.env.Dial(sim.Addr(1), tongue{}, p)
		want = append(want, "up true")
		for i := range 500 {
			p2p.Send(p.env, there, word{N: uint32(i)})
			want = append(want, fmt.Sprintf("word %d", i))
		}
		p.env.Close(there)
		want = append(want, "down <nil>")
	})
	s.Run(time.Minute)
	s.expect(1, want...)
}

// "Two nodes that dial each other at once get two streams."
func TestCrossingDials(t *testing.T) {
	s := strict(t, 2)
	for i := range 2 {
		s.let(i, func(p *puppet) {
			p2p.Send(p.env, p.env.Dial(sim.Addr(1-i), tongue{}, p), word{N: uint32(i)})
		})
	}
	s.Run(time.Second)
	s.expect(0, "up false", "up true", "word 1")
	s.expect(1, "up false", "up true", "word 0")
	s.let(0, func(p *puppet) { p.env.Close(p.inward) })
	s.Run(time.Second)
	s.expect(1, "down <nil>")
	s.let(1, func(p *puppet) { p2p.Send(p.env, p.inward, word{N: 9}) })
	s.Run(time.Second)
	s.expect(0, "word 9")
}

func TestRefused(t *testing.T) {
	s := strict(t, 3)
	s.must(s.Crash(sim.Addr(2)))
	dead := []p2p.Addr{sim.Addr(2), sim.Addr(77), p2p.MakeAddr(sim.IP(1), 1)}
	for _, a := range dead {
		s.let(0, func(p *puppet) { p2p.Send(p.env, p.env.Dial(a, tongue{}, p), nod{}) })
		s.Run(2 * delay)
		s.expect(0, "down refused: nobody listens there")
	}
}

// A listener that does not know the language hears nothing of the stream.
func TestNotItsLanguage(t *testing.T) {
	for _, c := range []struct {
		name   string
		accept func([]byte) (p2p.Codec, error)
		want   string
	}{
		{"error", func(b []byte) (p2p.Codec, error) {
			if len(b) < 3 {
				return nil, nil
			}
			return nil, fmt.Errorf("%w: %q", p2p.ErrMalformed, b)
		}, `down reset: malformed: "w\x00\x00"`},
		{"undecided", func([]byte) (p2p.Codec, error) { return nil, nil },
			"down reset: malformed: Accept does not know after 8 bytes"},
	} {
		s := strict(t, 2)
		s.protocol.Accept = c.accept
		s.let(0, func(p *puppet) { p2p.Send(p.env, p.env.Dial(sim.Addr(1), tongue{}, p), word{}) })
		s.Run(time.Second)
		s.expect(0, "up false", c.want)
		s.expect(1)
	}
}

// "Called with no bytes first: a language in which the acceptor speaks first
// answers then." And a first message may be shorter than Accept needs.
func TestAcceptorSpeaksFirst(t *testing.T) {
	s := strict(t, 2)
	s.protocol.Accept = func([]byte) (p2p.Codec, error) { return tongue{}, nil }
	s.puppets[1].on = func(from p2p.Peer, m p2p.Msg) { p2p.Send(s.puppets[1].env, from, nod{}) }
	s.let(0, func(p *puppet) { p.env.Dial(sim.Addr(1), tongue{}, p) })
	s.Run(time.Second)
	s.expect(0, "up false", "nod")

	s = strict(t, 2)
	s.protocol.Accept = func(b []byte) (p2p.Codec, error) {
		if len(b) < 3 {
			return nil, nil
		}
		return tongue{}, nil
	}
	s.let(0, func(p *puppet) {
		there := p.env.Dial(sim.Addr(1), tongue{}, p)
		p2p.Send(p.env, there, nod{})
		p2p.Send(p.env, there, nod{})
		p.env.After(time.Second, p2p.Tick(0))
		p.on = func(_ p2p.Peer, m p2p.Msg) {
			if m == p2p.Tick(0) {
				p2p.Send(p.env, there, nod{})
			}
		}
	})
	s.Run(time.Second)
	s.expect(1)
	s.Run(time.Second)
	s.expect(1, "up true", "nod", "nod", "nod")
}

// ear is a Handler of its own.
type ear struct{ heard []string }

func (e *ear) Handle(_ p2p.Peer, m p2p.Msg) { e.heard = append(e.heard, describe(m)) }

func TestHand(t *testing.T) {
	s := strict(t, 2)
	there, back := s.dial(0, 1)
	e := &ear{}
	s.let(1, func(p *puppet) { p.env.Hand(back, e) })
	s.let(0, func(p *puppet) {
		p2p.Send(p.env, there, word{N: 1})
		p.env.Close(there)
	})
	s.Run(time.Second)
	s.expect(1)
	if want := []string{"word 1", "down <nil>"}; !slices.Equal(e.heard, want) {
		t.Errorf("the Handler heard %q, want %q", e.heard, want)
	}
}

// "A cut that heals earlier is only a delay."
func TestCutStallsAndResumes(t *testing.T) {
	both := fault.Split([]p2p.Addr{sim.Addr(0)}, []p2p.Addr{sim.Addr(1)})
	for name, cuts := range map[string][]fault.Cut{"both ways": both, "one way": both[:1]} {
		s := strict(t, 2)
		there, back := s.dial(0, 1)
		s.let(0, func(p *puppet) { p2p.Send(p.env, there, word{N: 1}) }) // under way as it is cut
		s.must(s.Apply(fault.Net{Cuts: cuts}))
		s.let(0, func(p *puppet) { p2p.Send(p.env, there, word{N: 2}) })
		s.let(1, func(p *puppet) { p2p.Send(p.env, back, word{N: 3}) })
		s.Run(p2p.Silence - time.Second)
		s.expect(1)
		if name == "one way" {
			s.expect(0, "word 3")
		} else {
			s.expect(0)
		}
		s.must(s.Apply(fault.Net{}))
		s.Run(delay)
		s.expect(1, "word 1", "word 2")
		s.Run(time.Minute)
		if name == "one way" {
			s.expect(0)
		} else {
			s.expect(0, "word 3")
		}
		s.expect(1)
	}
}

func TestSilence(t *testing.T) {
	s := strict(t, 2)
	s.dial(0, 1)
	cut := fault.Net{Cuts: fault.Split([]p2p.Addr{sim.Addr(0)}, []p2p.Addr{sim.Addr(1)})}
	s.must(s.Apply(cut))
	s.Run(p2p.Silence - 1)
	s.must(s.Apply(cut)) // the same again changes nothing
	s.expect(0)
	s.Run(1)
	s.expect(0, "down silent")
	s.expect(1, "down silent")
	s.let(0, func(p *puppet) { p.env.Dial(sim.Addr(1), tongue{}, p) })
	s.Run(p2p.Silence)
	s.expect(0, "down silent")
	s.must(s.Apply(fault.Net{}))
	s.Run(time.Minute)
	s.expect(1)
}

// A cut that comes back has its full time of silence again.
func TestSilenceStartsAnew(t *testing.T) {
	s := strict(t, 2)
	s.dial(0, 1)
	cut := fault.Net{Cuts: fault.Split([]p2p.Addr{sim.Addr(0)}, []p2p.Addr{sim.Addr(1)})}
	for range 3 {
		s.must(s.Apply(cut))
		s.Run(p2p.Silence - time.Second)
		s.must(s.Apply(fault.Net{}))
		s.Run(time.Millisecond)
	}
	s.Run(time.Minute)
	s.expect(0)
}

// fill sends bulk on p's stream until it is Full, and returns how much.
func fill(p *puppet, there p2p.Peer) (bytes int) {
	for !p.env.Full(there) {
		c := p2p.Content{Blob: "song", Len: p2p.MaxContent}
		p2p.Send(p.env, there, bulk{c})
		bytes += c.Len
	}
	return bytes
}

// song gives node i a blob to send from.
func (s *theatre) song(i int) {
	s.t.Helper()
	s.Do(sim.Addr(i), p2p.Publish{Name: "song", Size: 10 << 20, Seed: 3}, nil)
	s.Run(0)
}

// "Exactly one Room will follow once it has drained (or Down)."
func TestFullAndRoom(t *testing.T) {
	s := strict(t, 2)
	there, _ := s.dial(0, 1)
	s.song(0)
	s.let(0, func(p *puppet) {
		if p.env.Full(there) {
			t.Error("an idle stream is Full")
		}
		fill(p, there)
		p.env.Full(there) // asking twice owes no second Room
	})
	s.Run(time.Second)
	s.expect(0, "room")
	s.let(0, func(p *puppet) { p2p.Send(p.env, there, word{}) })
	s.Run(time.Second)
	s.expect(0) // nobody asked

	s.let(0, func(p *puppet) { fill(p, there) })
	s.must(s.Crash(sim.Addr(1)))
	s.Run(time.Second)
	s.expect(0, "down reset")
}

// With Full and Room a transfer uses the whole line: 1 MB/s here.
func TestStreamBandwidth(t *testing.T) {
	m := linkmodel.Model{Default: linkmodel.Link{Delay: delay, Rate: 1 << 20}}
	s := open(t, 2, sim.Config{Model: m})
	there, _ := s.dial(0, 1)
	s.song(0)
	sent := 0
	s.let(0, func(p *puppet) {
		p.on = func(_ p2p.Peer, m p2p.Msg) {
			if _, ok := m.(*p2p.Room); ok && sent < 10<<20 {
				sent += fill(p, there)
			}
		}
		sent += fill(p, there)
	})
	began := s.Now()
	s.Run(time.Minute)
	at := s.puppets[1].at
	took := at[len(at)-1] - began
	if want := time.Duration(sent) * time.Second >> 20; took < want || took > want+want/10 {
		t.Errorf("%d bytes take %v, want %v", sent, took, want)
	}
}

// "Who ignores Full will find the stream Down with ErrOverrun."
func TestOverrun(t *testing.T) {
	s := strict(t, 2)
	there, _ := s.dial(0, 1)
	s.song(0)
	s.let(0, func(p *puppet) {
		for range 1000 {
			p2p.Send(p.env, there, bulk{p2p.Content{Blob: "song", Len: p2p.MaxContent}})
		}
	})
	s.Run(time.Second)
	s.expect(0, "down queue overrun")
	s.expect(1, "down reset")
}

// A Content that the disk does not have breaks the stream.
func TestContentMissing(t *testing.T) {
	s := strict(t, 2)
	there, _ := s.dial(0, 1)
	s.let(0, func(p *puppet) { p2p.Send(p.env, there, bulk{p2p.Content{Blob: "song", Len: 5}}) })
	s.Run(time.Second)
	s.expect(0, `down disk failed: no blob "song"`)
	s.expect(1, "down reset")
}

func TestMaxContent(t *testing.T) {
	s := strict(t, 2)
	there, _ := s.dial(0, 1)
	s.song(0)
	text := panics(t, func() {
		s.let(0, func(p *puppet) { p2p.Send(p.env, there, bulk{p2p.Content{Blob: "song", Len: p2p.MaxContent + 1}}) })
	})
	if want := "sim: 10.0.0.1:7000 sends a *sim_test.bulk with a Content of 262145 bytes; at most 262144 go in one message"; text != want {
		t.Errorf("panic %q, want %q", text, want)
	}
}
