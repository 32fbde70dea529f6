package sim_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peerbed/harness/sim"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// gossip lets puppets tell one another, and everything happen to them that can.
func gossip(t *testing.T, c sim.Config) *theatre {
	c.Model = linkmodel.Model{
		Default: linkmodel.Link{Delay: 5 * time.Millisecond, Law: linkmodel.Exponential, Jitter: time.Millisecond, Loss: 0.1, Rate: 1 << 20},
		Plane:   &linkmodel.Plane{Side: 50 * time.Millisecond, Seed: 1},
	}
	s := open(t, 0, c)
	for range 8 {
		s.join()
		s.gossips(s.born)
	}
	s.song(0)
	s.let(0, func(p *puppet) {
		p.on(p.env.Dial(sim.Addr(1), tongue{}, p), p2p.Tick(0))
		there := p.env.Dial(sim.Addr(2), tongue{}, p)
		fill(p, there)
		p.env.Close(there)
	})
	for i := range 8 {
		s.let(i, func(p *puppet) { p.env.After(0, p2p.Tick(i%2)) })
	}
	s.Run(2 * time.Second)
	s.must(s.Apply(cut(1, 2)))
	s.must(s.Crash(sim.Addr(3)))
	s.must(s.Vanish(sim.Addr(4)))
	s.Run(20 * time.Second)
	s.must(s.Apply(undisturbed))
	s.must(s.Restart(sim.Addr(3)))
	s.must(s.Restart(sim.Addr(4)))
	s.Do(sim.Addr(5), p2p.Leave{}, nil)
	s.Run(2 * time.Second)
	s.must(s.Close())
	return s
}

// gossips makes p tell somebody something each time it hears a Tick, and
// answer now and then.
func (s *theatre) gossips(p *puppet) {
	p.on = func(from p2p.Peer, m p2p.Msg) {
		r := p.env.Rand()
		switch m := m.(type) {
		case p2p.Tick:
			to := sim.Addr(r.IntN(9)).Peer()
			if r.IntN(4) == 0 {
				to = p.env.Dial(to.Addr, tongue{}, p)
			}
			p2p.Send(p.env, to, word{N: r.Uint32(), Bytes: make([]byte, r.IntN(100))})
			p.env.After(50*time.Millisecond+time.Duration(r.Int64N(int64(50*time.Millisecond))), m)
		case *word:
			if r.IntN(2) == 0 {
				p2p.Send(p.env, from, nod{})
			}
		}
	}
}

// What was written is what is read back, and what Watch saw.
func TestTraceReadBack(t *testing.T) {
	var file bytes.Buffer
	var seen []sim.Event
	gossip(t, sim.Config{Seed: 1, Trace: &file, Watch: func(e *sim.Event) { seen = append(seen, *e) }})
	whats := map[sim.What]int{}
	n := 0
	for e, err := range sim.ReadTrace(&file) {
		if err != nil {
			t.Fatal(err)
		}
		if w := seen[n]; !equal(e, w) {
			t.Fatalf("event %d is read back as %+v, was %+v", n, e, w)
		}
		whats[e.What]++
		n++
	}
	if n != len(seen) {
		t.Errorf("%d of %d events are read back", n, len(seen))
	}
	for _, w := range []sim.What{sim.Start, sim.Restart, sim.Crash, sim.Vanish, sim.Leave, sim.Send, sim.Drop, sim.Hear,
		sim.Fire, sim.Dial, sim.Close, sim.Wish, sim.Result, sim.NetIs} {
		if whats[w] == 0 {
			t.Errorf("no event %q", w)
		}
	}
}

// With Bytes every message that is heard or lost was sent, once, and its
// encoding is as long as it says.
func TestTraceBytes(t *testing.T) {
	sent, ended := map[uint64]int{}, map[uint64]int{}
	gossip(t, sim.Config{Seed: 1, Bytes: true, Watch: func(e *sim.Event) {
		switch {
		case e.What == sim.Send:
			sent[e.N]++
			if n := len(e.Bytes) + e.Content; n != e.Size {
				t.Errorf("%s has %d bytes, and says %d", e.Kind, n, e.Size)
			}
		case (e.What == sim.Hear || e.What == sim.Drop) && e.Size > 0 && e.Why != "stream is down":
			ended[e.N]++
		}
	}})
	for n, times := range ended {
		if sent[n] != 1 || times != 1 {
			t.Errorf("message %d was sent %d times and ended %d times", n, sent[n], times)
		}
	}
	if len(ended) == 0 {
		t.Error("no message has a number")
	}
}

func equal(a, b sim.Event) bool {
	return a.At == b.At && a.What == b.What && a.Node == b.Node && a.Peer == b.Peer && a.Link == b.Link &&
		a.Kind == b.Kind && a.Size == b.Size && a.Cause == b.Cause && a.Why == b.Why && a.Own == b.Own
}

func TestReadTraceDamaged(t *testing.T) {
	n := 0
	for _, err := range sim.ReadTrace(strings.NewReader("{\"at\":1}\n{\"at\"\n")) {
		if n++; n == 2 && (err == nil || !strings.Contains(err.Error(), "line 2")) {
			t.Errorf("error %v, want one of line 2", err)
		}
	}
	if n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}

// The hash of a run is the same on any machine, and however its World watches
// over it.
func TestGoldenHash(t *testing.T) {
	const want = 0x944d4b98227db54b
	for _, c := range []sim.Config{
		{Seed: 1}, {Seed: 1, Strict: true, Poison: true}, {Seed: 1, NoRecycle: true},
		{Seed: 1, Trace: &bytes.Buffer{}, Watch: func(*sim.Event) {}}, {Seed: 1, Bytes: true, Watch: func(*sim.Event) {}},
	} {
		if got := gossip(t, c).Hash(); got != want {
			t.Errorf("strict %v, no recycling %v: hash %#x, want %#x", c.Strict, c.NoRecycle, got, uint64(want))
		}
	}
	if gossip(t, sim.Config{Seed: 2}).Hash() == want {
		t.Error("seed 2 has the hash of seed 1")
	}
}

var (
	traceTo   = flag.String("trace-to", "", "for TestTwoProcesses: write a trace there")
	traceSeed = flag.Uint64("trace-seed", 0, "of that trace")
)

// "The same seed in sim gives byte-identical trace files in two processes, and
// another seed does not."
func TestTwoProcesses(t *testing.T) {
	if *traceTo != "" {
		f, err := os.Create(*traceTo)
		if err != nil {
			t.Fatal(err)
		}
		gossip(t, sim.Config{Seed: *traceSeed, Trace: f})
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		return
	}
	one, two, other := trace(t, "1"), trace(t, "1"), trace(t, "2")
	if len(one) == 0 || !bytes.Equal(one, two) {
		t.Errorf("traces of one seed differ (%d and %d bytes)", len(one), len(two))
	}
	if bytes.Equal(one, other) {
		t.Error("another seed gives the same trace")
	}
}

// trace returns the trace that another process writes.
func trace(t *testing.T, seed string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "trace")
	out, err := exec.Command(os.Args[0], "-test.run=^TestTwoProcesses$", "-trace-to="+file, "-trace-seed="+seed).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A full disk must not pass for a short run.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestTraceCannotBeWritten(t *testing.T) {
	w := sim.New(sim.Config{Trace: fullDisk{}})
	if err := w.Apply(undisturbed); err != nil {
		t.Fatal(err)
	}
	if w.Close() == nil {
		t.Error("Close: no error")
	}
}
