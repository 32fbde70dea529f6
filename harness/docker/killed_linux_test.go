package docker

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/agent"
	"peerbed/harness/fault"
	"peerbed/protocols/p2p"
)

var (
	kills    = flag.Int("kills", 3, "how many harnesses TestKilledAtRandom kills")
	killSeed = flag.Uint64("kill-seed", 0, "seeds their moments (default: another one each time)")
)

// wholeRun is a harness's life from begin to end: it prints the run's id before
// there is anything of it, and leaves nothing when it is left alone.
func wholeRun(ctx context.Context) {
	b := newBackend(harness.Options{Run: "whole", Nodes: 3, Progress: func(string, ...any) {}})
	fmt.Println(b.id)
	err := b.begin(ctx, nodePackage)
	list := specs(b, 2)
	if err == nil {
		err = spawn(ctx, b, list)
	}
	if err == nil {
		err = b.Apply(ctx, fault.Net{Cuts: fault.Split([]p2p.Addr{list[0].Addr}, []p2p.Addr{list[1].Addr})})
	}
	if err == nil {
		err = b.Kill(ctx, list[2].Addr, harness.Vanish)
	}
	if bad := b.Close(); err != nil || bad != nil {
		fmt.Println("error:", err, bad)
		os.Exit(2)
	}
	os.Exit(0)
}

// wholeLife is how long a wholeRun takes that nobody kills.
func wholeLife(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	c, _ := startHarness(t, "whole")
	if err := c.Wait(); err != nil {
		t.Fatalf("a harness that nobody killed: %v", err)
	}
	return time.Since(began)
}

// "kill -9 of a running docker test at random moments": opening, spawning,
// closing. All of it goes, and nothing else does: neither a stranger's things of
// like names nor another run.
func TestKilledAtRandom(t *testing.T) {
	long(t)
	e := needDaemon(t)
	seed := *killSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("repeat with -args -kills %d -kill-seed %d", *kills, seed)
	draw := rand.New(rand.NewPCG(seed, 0))
	other := openWorld(t, harness.Options{Run: "other", Nodes: 2}, nodePackage)
	if err := spawn(t.Context(), other, specs(other, 1)); err != nil {
		t.Fatal(err)
	}
	by := newBystander(t, e, other.image)
	life := wholeLife(t)
	for range *kills {
		killOne(t, e, time.Duration(draw.Float64()*float64(life)))
	}
	by.mustStand(t)
	if c, err := other.Counters(t.Context()); err != nil || len(c) != 2 {
		t.Errorf("of the other run %d nodes count (error %v), want 2", len(c), err)
	}
}

// killOne kills a harness at its moment and waits until nothing is left of it.
func killOne(t *testing.T, e *engine, moment time.Duration) {
	c, id := startHarness(t, "whole")
	<-time.After(moment)
	before, _ := remains(t.Context(), e, id)
	c.Process.Kill()
	c.Wait()
	began := time.Now()
	nothingLeft(t, e, id)
	t.Logf("killed after %v with %d things: all gone after %v", moment.Round(time.Millisecond), len(before), time.Since(began).Round(time.Millisecond))
}

// nothingLeft waits until there is nothing of a run: neither what remains
// lists, nor a process.
func nothingLeft(t *testing.T, e *engine, id string) {
	t.Helper()
	within(t, 30*time.Second, func() error {
		list, err := remains(t.Context(), e, id)
		if list = append(list, processesOf(id)...); len(list) > 0 {
			return fmt.Errorf("left behind: %q", list)
		}
		return err
	})
}

// processesOf lists the processes that were given the id of a run.
func processesOf(id string) (list []string) {
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil && bytes.Contains(text, []byte(id)) {
			list = append(list, "process "+string(bytes.ReplaceAll(text, []byte{0}, []byte{' '})))
		}
	}
	return list
}

// An agent that is killed in the middle comes back and takes up what is wanted:
// the run goes on, and cuts hold. That is so on both ways to the nodes.
func TestAgentKilled(t *testing.T) {
	long(t)
	for name, sockets := range map[string]string{"shared": "", "stream": "off"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(SocketsVariable, sockets)
			agentKilled(t)
		})
	}
}

func agentKilled(t *testing.T) {
	e := needDaemon(t)
	b := openWorld(t, harness.Options{Run: "comeback", Nodes: 4}, nodePackage)
	list := specs(b, 2)
	if err := spawn(t.Context(), b, list); err != nil {
		t.Fatal(err)
	}
	one, two := list[1].Addr, list[2].Addr
	if err := b.Apply(t.Context(), fault.Net{Cuts: fault.Split([]p2p.Addr{one}, []p2p.Addr{two})}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // an agent that has come back can be killed again
		if err := e.ContainerKill(t.Context(), b.agentID, "KILL"); err != nil {
			t.Fatal(err)
		}
		if c, err := b.Counters(t.Context()); err != nil || len(c) != 3 {
			t.Errorf("%d nodes count (error %v), want 3", len(c), err)
		}
		echoes(t, b, one, two, false)
	}
	if err := b.Apply(t.Context(), fault.Net{}); err != nil {
		t.Fatal(err)
	}
	echoes(t, b, one, two, true)
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	nothingLeft(t, e, b.id)
}

// echoes demands that datagrams come through, or that none does.
func echoes(t *testing.T, b *Backend, from, to p2p.Addr, want bool) {
	t.Helper()
	echo, err := b.Probe(t.Context(), from, to, harness.Probing{Count: 3})
	if err != nil || (len(echo.RTTs) > 0) != want {
		t.Errorf("probe from %v to %v: %+v (error %v), want answers: %v", from, to, echo, err, want)
	}
}

// A harness and its agent that are killed together leave what the daemon, which
// starts the agent again, and the watch then clear away.
func TestBothKilled(t *testing.T) {
	long(t)
	e := needDaemon(t)
	c, id := startHarness(t, "kill")
	cs, _, err := e.things(t.Context(), agent.LabelRun+"="+id)
	if err != nil {
		t.Fatal(err)
	}
	c.Process.Kill()
	for _, thing := range cs {
		if strings.HasSuffix(thing.Names[0], "-agent") {
			e.ContainerKill(t.Context(), thing.ID, "KILL")
		}
	}
	c.Wait()
	within(t, 30*time.Second, func() error {
		if cs, ns, err := e.things(t.Context(), agent.LabelRun+"="+id); err != nil || len(cs)+len(ns) > 0 {
			return fmt.Errorf("%d containers and %d networks are left (error %v)", len(cs), len(ns), err)
		}
		return nil
	})
	openWorld(t, harness.Options{Run: "next", Nodes: 2}, nodePackage) // packet tables need an agent
	nothingLeft(t, e, id)
}
