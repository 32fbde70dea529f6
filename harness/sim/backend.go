package sim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/protocols/p2p"
)

// Open opens a fast simulated world: no strict mode, no poison. It is the
// harness.Opener of "sim".
func Open(ctx context.Context, o harness.Options) (harness.Backend, error) {
	return Opener(Config{})(ctx, o)
}

// Opener opens simulated worlds made with c, whose Seed and Trace are set from
// the Options. An error says why the trace cannot be written.
func Opener(c Config) harness.Opener {
	return func(_ context.Context, o harness.Options) (harness.Backend, error) {
		b := &backend{}
		c.Seed = o.Seed
		if o.Trace != "" {
			f, err := os.Create(o.Trace)
			if err != nil {
				return nil, fmt.Errorf("sim: the trace cannot be written: %w", err)
			}
			b.file = f
			c.Trace, c.Bytes = f, true
		}
		b.world = New(c)
		b.world.mute = true
		return b, nil
	}
}

// A backend is a World for several goroutines: one lock, held for one event at
// a time, and never while a done or a condition is called, so that these may
// call the backend in turn.
type backend struct {
	mu    sync.Mutex
	world *World
	file  *os.File // of the trace; nil: none

	closed bool
}

func (b *backend) IP(i int) uint32 { return IP(i) }

// with runs f on the world, and then tells those whose wishes have ended.
func (b *backend) with(f func(w *World) error) error {
	b.mu.Lock()
	err := f(b.world)
	told := b.world.take()
	b.mu.Unlock()
	tell(told)
	return err
}

func (b *backend) Spawn(_ context.Context, s harness.Spec) error {
	return b.with(func(w *World) error {
		if err := b.open(); err != nil {
			return err
		}
		return w.Spawn(s)
	})
}

func (b *backend) Kill(_ context.Context, a p2p.Addr, how harness.How) error {
	return b.with(func(w *World) error { return w.kill(a, how) })
}

func (b *backend) Restart(_ context.Context, a p2p.Addr) error {
	return b.with(func(w *World) error {
		if err := b.open(); err != nil {
			return err
		}
		return w.Restart(a)
	})
}

func (b *backend) Do(a p2p.Addr, op p2p.Op, done func(harness.Outcome)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.world.Do(a, op, done)
}

func (b *backend) Inspect(_ context.Context, a p2p.Addr) (s p2p.State, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.world.Inspect(a)
}

func (b *backend) Apply(_ context.Context, n fault.Net) error {
	return b.with(func(w *World) error { return w.Apply(n) })
}

func (b *backend) Counters(context.Context) (map[p2p.Addr]harness.Counters, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := map[p2p.Addr]harness.Counters{}
	for _, a := range b.world.Addrs() {
		if b.world.host(a).paused {
			continue
		}
		all[a] = harness.Counters{Traffic: b.world.Traffic(a)}
	}
	return all, nil
}

func (b *backend) Now() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.world.Now()
}

// patience is how many events pass between two looks at the context.
const patience = 1 << 10

func (b *backend) Advance(ctx context.Context, d time.Duration, until func() bool) error {
	end := b.Now() + d
	for n := 0; ; n++ {
		if n%patience == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if until != nil && until() {
			return nil
		}
		more := false
		b.with(func(w *World) error {
			more = w.step(end)
			return nil
		})
		if !more {
			return b.with(func(w *World) error {
				w.pass(end)
				return nil
			})
		}
	}
}

func (b *backend) About() harness.About {
	return harness.About{
		World:   "sim",
		Detail:  "one process, virtual time",
		Virtual: true,
		Cuts:    "the simulator",
	}
}

// Close ends all nodes, and with them their wishes, and reports whether the
// trace could be written.
func (b *backend) Close() error {
	return b.with(func(w *World) error {
		if b.closed {
			return nil
		}
		b.closed = true
		w.enter()
		for h := range w.hosts() {
			if h.node != nil {
				h.stop()
			}
		}
		w.leave()
		err := w.Close()
		if b.file != nil {
			err = errors.Join(err, b.file.Close())
		}
		return err
	})
}

// open returns what is wrong with starting a node now.
func (b *backend) open() error {
	if b.closed {
		return fmt.Errorf("sim: the world is closed: %w", p2p.ErrGone)
	}
	return nil
}
