package sim_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/p2p"
)

// "A Crash breaks the streams of the others at once": one link delay later,
// and what was under way is lost.
func TestCrash(t *testing.T) {
	s := strict(t, 2)
	_, back := s.dial(0, 1)
	s.let(1, func(p *puppet) { p2p.Send(p.env, back, word{N: 1}) })
	s.must(s.Crash(sim.Addr(1)))
	s.Run(delay - 1)
	s.expect(0)
	s.Run(1)
	s.expect(0, "down reset")
	s.Run(time.Minute)
	s.expect(0)
}

// "A node that Vanishes falls silent."
func TestVanish(t *testing.T) {
	s := strict(t, 2)
	_, back := s.dial(0, 1)
	s.let(1, func(p *puppet) { p2p.Send(p.env, back, word{N: 1}) })
	s.must(s.Vanish(sim.Addr(1)))
	s.let(0, func(p *puppet) { p.env.Dial(sim.Addr(1), tongue{}, p) })
	s.Run(p2p.Silence - 1)
	s.expect(0)
	s.Run(1)
	s.expect(0, "down silent", "down silent")
}

// What comes back knows nothing of its old streams, and resets them.
func TestVanishAndRestart(t *testing.T) {
	s := strict(t, 2)
	s.dial(0, 1)
	s.must(s.Vanish(sim.Addr(1)))
	s.Run(time.Second)
	s.must(s.Restart(sim.Addr(1)))
	s.puppets[1] = s.born
	s.Run(delay)
	s.expect(0, "down reset")
	s.dial(0, 1)
	s.Run(time.Minute)
	s.expect(0)
}

// A crash behind a cut is heard when it heals.
func TestCrashBehindCut(t *testing.T) {
	s := strict(t, 2)
	s.dial(0, 1)
	s.must(s.Apply(cut(0, 1)))
	s.must(s.Crash(sim.Addr(1)))
	s.Run(time.Second)
	s.expect(0)
	s.must(s.Apply(undisturbed))
	s.Run(delay)
	s.expect(0, "down reset")
}

// Timers, wishes and writes of one life do not reach the next; random numbers
// do not come again.
func TestRestart(t *testing.T) {
	s := strict(t, 1)
	s.song(0)
	var draw [2]uint64
	s.let(0, func(p *puppet) {
		draw[0] = p.env.Rand().Uint64()
		p.env.After(time.Second, p2p.Tick(1))
		p.env.Disk().Write("other", 0, p2p.Content{Len: 10}, p)
		p.env.Disk().Save("state", []byte("kept"))
		p.env.Resolve("first:1", p)
	})
	var outcome error
	s.Do(sim.Addr(0), p2p.Find{}, func(o harness.Outcome) { outcome = o.Err })
	s.Run(0)
	s.must(s.Crash(sim.Addr(0)))
	if !errors.Is(outcome, p2p.ErrGone) {
		t.Errorf("the wish under way ends with %v, want %v", outcome, p2p.ErrGone)
	}
	s.must(s.Restart(sim.Addr(0)))
	s.puppets[0] = s.born
	s.let(0, func(p *puppet) {
		draw[1] = p.env.Rand().Uint64()
		if got := p.env.Disk().Load("state"); string(got) != "kept" {
			t.Errorf("Load after restart: %q", got)
		}
	})
	s.Run(time.Minute)
	s.expect(0)
	if draw[0] == draw[1] {
		t.Error("the second life draws what the first drew")
	}
	if !s.Holds(sim.Addr(0), "song", 10<<20, 3) || s.Holds(sim.Addr(0), "song", 10<<20, 4) {
		t.Error("the blob has not survived, or is taken for another")
	}
}

// "After done the world stops the Node", and its streams close.
func TestLeave(t *testing.T) {
	s := strict(t, 2)
	there, _ := s.dial(0, 1)
	s.let(0, func(p *puppet) { p2p.Send(p.env, there, word{N: 1}) })
	told := 0
	s.Do(sim.Addr(0), p2p.Leave{}, func(o harness.Outcome) {
		told++
		if _, err := s.Inspect(sim.Addr(0)); o.Err != nil || !errors.Is(err, p2p.ErrGone) {
			t.Errorf("Leave: %v; the node is there: %v", o.Err, err)
		}
	})
	s.Run(time.Second)
	s.expect(1, "word 1", "down <nil>")
	if told != 1 {
		t.Errorf("done was called %d times", told)
	}
	s.must(s.Restart(sim.Addr(0)))
}

func TestWishes(t *testing.T) {
	s := strict(t, 1)
	var err error
	var took time.Duration
	s.Do(sim.Addr(0), p2p.Find{Name: "x"}, func(o harness.Outcome) { err, took = o.Err, o.Took })
	s.Run(p2p.MaxOp)
	if !errors.Is(err, p2p.ErrTimeout) || took != p2p.MaxOp {
		t.Errorf("a Node that never calls done: %v after %v", err, took)
	}
	s.Do(sim.Addr(5), p2p.Find{}, func(o harness.Outcome) { err = o.Err })
	s.Run(0)
	if !errors.Is(err, p2p.ErrGone) {
		t.Errorf("a wish to nobody: %v, want %v", err, p2p.ErrGone)
	}
}

// done may ask for more at once, also of the World.
func TestDoneCallsTheWorld(t *testing.T) {
	s := strict(t, 2)
	n := 0
	var again func(harness.Outcome)
	again = func(harness.Outcome) {
		if n++; n == 5 {
			s.must(s.Crash(sim.Addr(1)))
			return
		}
		s.Do(sim.Addr(1), p2p.Remove{}, again)
	}
	s.Do(sim.Addr(1), p2p.Remove{}, again)
	s.Run(0)
	if n != 5 || len(s.Addrs()) != 1 {
		t.Errorf("%d wishes, %d nodes run", n, len(s.Addrs()))
	}
}

func TestNoSuchNode(t *testing.T) {
	s := strict(t, 1)
	for name, err := range map[string]error{
		"crash":   s.Crash(sim.Addr(1)),
		"vanish":  s.Vanish(sim.Addr(1)),
		"restart": s.Restart(sim.Addr(1)),
		"again":   s.Restart(sim.Addr(0)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// twice is a Node that calls done twice.
type twice struct{ *puppet }

func (n twice) Do(_ p2p.Op, done func(p2p.Result)) {
	done(p2p.Result{})
	done(p2p.Result{})
}

func TestDoneTwice(t *testing.T) {
	s := strict(t, 0)
	s.protocol.New = func(any, *p2p.State) p2p.Node { return twice{&puppet{}} }
	s.join()
	s.Do(sim.Addr(0), p2p.Leave{}, nil)
	if got, want := panics(t, func() { s.Run(0) }), "sim: 10.0.0.1:7000 calls done twice for \"leave\""; got != want {
		t.Errorf("panic %q, want %q", got, want)
	}
}

// Whoever watches states hears of each node that something has happened to, once,
// and of no other.
func TestTouched(t *testing.T) {
	s := open(t, 4, sim.Config{})
	touched := func() string {
		var list []string
		for a, n := range s.Touched() {
			list = append(list, fmt.Sprint(a.IP()-sim.IP(0), n != nil))
		}
		return strings.Join(list, ", ")
	}
	if got := touched(); got != "0 true, 1 true, 2 true, 3 true" {
		t.Errorf("after the start: %s, want all", got)
	}
	s.let(1, func(p *puppet) {
		p2p.Send(p.env, sim.Addr(2).Peer(), word{})
		p2p.Send(p.env, sim.Addr(2).Peer(), word{})
	})
	s.Run(time.Second)
	if got := touched(); got != "1 true, 2 true" {
		t.Errorf("after 1 has sent to 2: %s", got)
	}
	s.must(s.Crash(sim.Addr(3)))
	s.Run(time.Second)
	if got := touched(); got != "3 false" {
		t.Errorf("after 3 has died: %s", got)
	}
	s.must(s.Restart(sim.Addr(3)))
	if got := touched(); got != "3 true" {
		t.Errorf("after 3 is back: %s", got)
	}
	s.Run(time.Second)
	if got := touched(); got != "" {
		t.Errorf("after nothing: %s", got)
	}
}
