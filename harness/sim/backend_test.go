package sim_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/p2p"
)

func world(t *testing.T, o harness.Options) (harness.Backend, *theatre) {
	t.Helper()
	b, err := sim.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	s := &theatre{t: t}
	s.protocol = puppets(func(p *puppet) { s.born = p })
	for i := range 3 {
		s.must(b.Spawn(t.Context(), harness.Spec{Index: i, Protocol: s.protocol, Addr: p2p.MakeAddr(b.IP(i), 7000)}))
		s.puppets = append(s.puppets, s.born)
	}
	return b, s
}

// done and until may call the backend; others may too, meanwhile.
func TestBackendFromAllSides(t *testing.T) {
	b, s := world(t, harness.Options{})
	var others sync.WaitGroup
	for i := range 2 {
		others.Go(func() {
			for range 100 {
				if _, err := b.Inspect(t.Context(), sim.Addr(i)); err != nil {
					t.Error(err)
				}
				b.Now()
			}
		})
	}
	wishes := 0
	var again func(harness.Outcome)
	again = func(o harness.Outcome) {
		if wishes++; wishes < 10 {
			b.Do(sim.Addr(2), p2p.Remove{}, again)
			return
		}
		s.must(b.Kill(t.Context(), sim.Addr(2), harness.Crash))
	}
	b.Do(sim.Addr(2), p2p.Remove{}, again)
	s.must(b.Advance(t.Context(), time.Second, func() bool {
		_, err := b.Inspect(t.Context(), sim.Addr(2))
		return errors.Is(err, p2p.ErrGone)
	}))
	others.Wait()
	if wishes != 10 || b.Now() != 0 {
		t.Errorf("%d wishes were done by %v, want 10 by 0s", wishes, b.Now())
	}
	counters, err := b.Counters(t.Context())
	if err != nil || len(counters) != 2 {
		t.Errorf("%d nodes have counters (%v), want the 2 that run", len(counters), err)
	}
}

func TestAdvanceIsCancelled(t *testing.T) {
	b, _ := world(t, harness.Options{})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := b.Advance(ctx, time.Second, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Advance: %v, want %v", err, context.Canceled)
	}
}

func TestTraceOption(t *testing.T) {
	_, err := sim.Open(t.Context(), harness.Options{Trace: filepath.Join(t.TempDir(), "no", "such", "folder")})
	if err == nil {
		t.Error("a trace that cannot be made: no error")
	}
}
