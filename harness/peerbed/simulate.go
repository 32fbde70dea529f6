package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/all"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// simulate runs one overlay in the simulator that is too large to be looked at
// node by node: it grows, becomes whole, and answers lookups.
func (s *shell) simulate() *cli.Command {
	return &cli.Command{Name: "sim", Usage: "a very large overlay in the simulator: it grows, becomes whole and answers lookups",
		Description: "A hundred thousand nodes of Chord take some minutes and 400 MiB:\n\n" +
			"    peerbed sim -nodes 100000\n    peerbed sim -protocol pastry -nodes 2000\n\n" +
			"The overlay doubles every 30 s of virtual time. Chord's nodes keep a slower timetable than small\nrings do (stabilize=10s, fix-fingers=5s, check-predecessor=1m); -set changes it.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "protocol", Value: "chord", Usage: "what the nodes speak: `NAME` is one of " + protocolNames()},
			&cli.IntFlag{Name: "nodes", Value: 10_000, Usage: "how many"},
			&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "seeds all randomness"},
			&cli.IntFlag{Name: "lookups", Value: 1000, Usage: "how many, once it is whole"},
			&cli.DurationFlag{Name: "within", Value: 20 * time.Minute, Usage: "virtual time that it has to become whole, once all have joined"},
			&cli.StringSliceFlag{Name: "set", Usage: "a setting of the protocol, `KEY=VALUE`; may be repeated (go run ./node -protocol NAME -h lists them)"},
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			x, err := s.crowded(c)
			if err != nil {
				return err
			}
			s.interrupted = "nothing is left of it"
			return x.run(ctx)
		}}
}

// A crowd is the overlay of sim.
type crowd struct {
	*shell
	w        *sim.World
	protocol *p2p.Protocol
	cast     p2p.Cast
	lookups  int
	within   time.Duration
	random   *rand.Rand

	began, said time.Time
	events      uint64 // when it was last said
}

// A slow timetable is one for overlays of very many nodes.
var slow = map[string][]string{"chord": {"stabilize=10s", "fix-fingers=5s", "check-predecessor=1m"}}

// crowded reads the flags of sim.
func (s *shell) crowded(c *cli.Command) (*crowd, error) {
	if _, err := arguments(c, 0, 0); err != nil {
		return nil, err
	}
	p, err := all.Find(c.String("protocol"))
	if err != nil || p == introducer.Protocol {
		return nil, misused("no protocol %q to simulate; there are %s", c.String("protocol"), protocolNames())
	}
	nodes := c.Int("nodes")
	switch {
	case nodes < 1 || nodes > 10*mostNodes:
		return nil, misused("-nodes %d: want 1 to %d", nodes, 10*mostNodes)
	case c.Int("lookups") < 0:
		return nil, misused("-lookups %d: want 0 or more", c.Int("lookups"))
	case c.Duration("within") <= 0:
		return nil, misused("-within %v: want a time above 0", c.Duration("within"))
	}
	x := &crowd{shell: s, protocol: p, cast: p.Roles(nodes), lookups: c.Int("lookups"), within: c.Duration("within"),
		w: sim.New(sim.Config{Seed: c.Uint64("seed")}), random: rand.New(rand.NewPCG(c.Uint64("seed"), 0))}
	return x, x.configure(append(slices.Clone(slow[p.Name]), c.StringSlice("set")...))
}

// configure gives all nodes of a role the same Config.
func (x *crowd) configure(changes []string) error {
	var was, is any
	for i, r := range x.cast {
		if i == 0 || r.Config != was {
			cfg, err := p2p.With(r.Config, append([]string{"introducer=intro:7000"}, changes...)...)
			if err != nil {
				return misused("-set: %v", err)
			}
			was, is = r.Config, cfg
		}
		x.cast[i].Config = is
	}
	return nil
}

func (x *crowd) run(ctx context.Context) error {
	if err := fits(len(x.cast)); err != nil {
		return err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(40)) // memory is dearer here than the collector's time
	x.began, x.said = time.Now(), time.Now()
	for _, do := range []func(context.Context) error{x.grow, x.settle, x.look} {
		if err := do(ctx); err != nil {
			return err
		}
	}
	fmt.Fprintf(x.out, "%d events in %s, %s of memory; trace hash %016x\n",
		x.w.Events(), time.Since(x.began).Round(time.Second), amount(inMemory()), x.w.Hash())
	return nil
}

// bytesEach is what a node of a large overlay takes, with what the garbage
// collector leaves: measured with Chord at a hundred thousand, and rounded up.
const bytesEach = 4 << 10

// fits refuses more nodes than there is memory for.
func fits(nodes int) error {
	free := available()
	if need := uint64(nodes) * bytesEach; free > 0 && need > free {
		return fmt.Errorf("%d nodes need about %s of memory, and %s are free: ask for %d nodes", nodes, amount(need), amount(free), free/bytesEach)
	}
	return nil
}

// doubling is how long the overlay takes to become twice as large.
const doubling = 30 * time.Second

// grow lets nodes join: the first sixty-four at once, then each time as many as
// there are.
func (x *crowd) grow(ctx context.Context) error {
	hosts := map[string]p2p.Addr{"intro": sim.Addr(len(x.cast))}
	if err := x.w.Spawn(harness.Spec{Index: len(x.cast), Protocol: introducer.Protocol}); err != nil {
		return err
	}
	end := after(len(x.cast) - 1)
	for i, r := range x.cast {
		if err := x.pass(ctx, after(i)-x.w.Now(), func() string {
			return fmt.Sprintf("%d of %d have joined, %s", i, len(x.cast), x.eta(end))
		}); err != nil {
			return err
		}
		spec := harness.Spec{Index: i, Protocol: x.protocol, Config: r.Config, Role: r.Name, Hosts: hosts}
		if r.Port != nil {
			spec.Addr = p2p.MakeAddr(sim.IP(i), r.Port(sim.IP(i)))
		}
		if err := x.w.Spawn(spec); err != nil {
			return err
		}
	}
	return nil
}

// after is when node i joins.
func after(i int) time.Duration {
	const first = 64
	if i < first {
		return doubling * time.Duration(i) / first
	}
	return doubling + time.Duration(math.Log2(float64(i)/first)*float64(doubling))
}

// pass lets virtual time pass and says now and then how far it has come.
func (x *crowd) pass(ctx context.Context, d time.Duration, state func() string) error {
	const step = 50 * time.Millisecond
	for end := x.w.Now() + d; x.w.Now() < end; {
		x.w.Run(min(step, end-x.w.Now()))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if took := time.Since(x.said); took >= 5*time.Second {
			n := x.w.Events()
			fmt.Fprintf(x.errs, "virtual time %v: %s; %.2g events/s, %s\n",
				x.w.Now().Round(time.Second), state(), float64(n-x.events)/took.Seconds(), amount(inMemory()))
			x.said, x.events = time.Now(), n
		}
	}
	return nil
}

// eta guesses when virtual time will have come to end: the work grows with the
// overlay, which doubles.
func (x *crowd) eta(end time.Duration) string {
	more := math.Exp2(float64(end-x.w.Now())/float64(doubling)) - 1
	return fmt.Sprintf("the last in about %v", time.Duration(more*float64(time.Since(x.began))).Round(time.Second))
}

// settle waits until the overlay is whole.
func (x *crowd) settle(ctx context.Context) error {
	var lacks error
	for end := x.w.Now() + x.within; x.w.Now() < end; {
		if lacks = x.whole(); lacks == nil {
			fmt.Fprintf(x.out, "virtual time %v: %d nodes, and the overlay is whole\n", x.w.Now().Round(time.Second), len(x.cast))
			return nil
		}
		if err := x.pass(ctx, doubling/2, func() string { return "not whole yet" }); err != nil {
			return err
		}
	}
	return fmt.Errorf("the overlay is not whole after %v: %w", x.within, lacks)
}

// whole reports what the overlay lacks.
func (x *crowd) whole() error {
	if x.protocol.Whole == nil {
		return nil
	}
	states := make([]p2p.State, len(x.cast))
	for i := range states {
		var err error
		if states[i], err = x.w.Inspect(sim.Addr(i)); err != nil {
			return err
		}
	}
	defer runtime.GC()
	return x.protocol.Whole(states)
}

// look publishes a file for every ten lookups, and lets random nodes find them.
func (x *crowd) look(ctx context.Context) error {
	files, left := max(x.lookups/10, 1), 0
	var outs []harness.Outcome
	do := func(op p2p.Op, done func(harness.Outcome)) {
		left++
		x.w.Do(sim.Addr(x.random.IntN(len(x.cast))), op, func(o harness.Outcome) { left--; done(o) })
	}
	wait := func() error {
		for left > 0 {
			if err := x.pass(ctx, time.Second, func() string { return fmt.Sprintf("%d operations are under way", left) }); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range files {
		do(p2p.Publish{Name: fmt.Sprint("file ", i), Size: 1, Seed: 1}, func(harness.Outcome) {})
	}
	if err := wait(); err != nil {
		return err
	}
	for i := range x.lookups {
		do(p2p.Find{Name: fmt.Sprint("file ", i%files)}, func(o harness.Outcome) { outs = append(outs, o) })
	}
	if err := wait(); err != nil {
		return err
	}
	return x.told(outs)
}

// told says what came of the lookups.
func (x *crowd) told(outs []harness.Outcome) error {
	found, hops, took := 0, 0, time.Duration(0)
	var failed error
	for _, o := range outs {
		if o.Err != nil {
			failed = errors.Join(failed, o.Err)
			continue
		}
		found++
		hops += o.Hops
		took += o.Took
	}
	if found > 0 {
		fmt.Fprintf(x.out, "%d of %d lookups found their file, in %.2f hops and %v on average\n",
			found, len(outs), float64(hops)/float64(found), (took / time.Duration(found)).Round(time.Millisecond))
	}
	if found == 0 && failed != nil {
		return fmt.Errorf("no lookup found its file: %w", outs[0].Err)
	}
	return nil
}

// amount writes a number of bytes.
func amount(bytes uint64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}
