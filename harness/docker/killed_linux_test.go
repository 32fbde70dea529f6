package docker

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/agent"
	"peerbed/harness/fault"
	"peerbed/protocols/p2p"
)

// killsVariable says how many harnesses TestKilledAtRandom kills one by one.
const killsVariable = "PEERBED_KILLS"

var killSeed = flag.Uint64("kill-seed", 0, "seeds their moments (default: another one each time)")

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

// startWhole starts a wholeRun and returns once it has something to leave.
func startWhole(t *testing.T) (*exec.Cmd, string) {
	t.Helper()
	c, id := startHarness(t, "whole")
	top, err := home()
	if err != nil {
		t.Fatal(err)
	}
	within(t, patience, func() error {
		_, err := os.Stat(filepath.Join(top, id))
		return err
	})
	return c, id
}

// wholeLife is how long it takes from there, if nobody kills it.
func wholeLife(t *testing.T) time.Duration {
	t.Helper()
	c, _ := startWhole(t)
	began := time.Now()
	if err := c.Wait(); err != nil {
		t.Fatalf("a harness that nobody killed: %v", err)
	}
	return time.Since(began)
}

// "kill -9 of a running docker test at random moments, and of two runs side by
// side": opening, spawning, closing. All of it goes, and nothing else does:
// neither a stranger's things of like names nor another run.
func TestKilledAtRandom(t *testing.T) {
	long(t)
	e := needDaemon(t)
	seed := *killSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	kills := numberFrom(t, killsVariable, 3)
	t.Logf("repeat with %s=%d and -args -kill-seed %d", killsVariable, kills, seed)
	draw := rand.New(rand.NewPCG(seed, 0))
	other := openWorld(t, harness.Options{Run: "other", Nodes: 2}, nodePackage)
	if err := spawn(t.Context(), other, specs(other, 1)); err != nil {
		t.Fatal(err)
	}
	by := newBystander(t, e, other.image)
	life := wholeLife(t)
	moment := func() time.Duration { return time.Duration(draw.Float64() * float64(life)) }
	for range kills {
		killAll(t, e, moment())
	}
	killAll(t, e, moment(), moment())
	by.mustStand(t)
	if c, err := other.Counters(t.Context()); err != nil || len(c) != 2 {
		t.Errorf("of the other run %d nodes count (error %v), want 2", len(c), err)
	}
}

// killAll has a harness for each moment, side by side, kills each at its
// moment, and waits until nothing is left of any.
func killAll(t *testing.T, e *engine, moments ...time.Duration) {
	var all sync.WaitGroup
	for _, moment := range moments {
		c, id := startWhole(t)
		all.Go(func() {
			<-time.After(moment)
			before, _ := remains(t.Context(), e, id)
			containers := containersOf(t, e, id)
			c.Process.Kill()
			c.Wait()
			began := time.Now()
			err := waitUntilGone(t.Context(), e, id, containers...)
			if err != nil {
				t.Errorf("killed after %v with %q: %v", moment, before, err)
			}
			t.Logf("%s, killed after %v with %d things: over after %v", id, moment.Round(time.Millisecond), len(before), time.Since(began).Round(time.Millisecond))
		})
	}
	all.Wait()
}

// containersOf lists the ids of a run's containers.
func containersOf(t *testing.T, e *engine, id string) (ids []string) {
	t.Helper()
	cs, _, err := e.things(t.Context(), agent.LabelRun+"="+id)
	if err != nil {
		t.Error(err)
	}
	for _, c := range cs {
		ids = append(ids, c.ID)
	}
	return ids
}

// goneWithin is the time in which all of a run must be gone that was killed.
const goneWithin = 30 * time.Second

// nothingLeft waits until there is nothing of a run: neither what remains
// lists, nor a process, nor one of these containers.
func nothingLeft(t *testing.T, e *engine, id string, containers ...string) {
	t.Helper()
	if err := waitUntilGone(t.Context(), e, id, containers...); err != nil {
		t.Error(err)
	}
}

func waitUntilGone(ctx context.Context, e *engine, id string, containers ...string) error {
	var list []string
	err := until(ctx, goneWithin, func() (err error) {
		if list, err = remains(ctx, e, id); err != nil {
			return err
		}
		if list = append(list, processesOf(append(containers, id)...)...); len(list) > 0 {
			return fmt.Errorf("left behind: %q", list)
		}
		return nil
	})
	if err != nil && stuckAlone(ctx, e, id, list) {
		return nil
	}
	return err
}

// processesOf lists the processes that have one of these in their command line,
// as watches, agents and shims do, or in the paths of their mounts, as nodes do.
func processesOf(marks ...string) (list []string) {
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		command, _ := os.ReadFile(name) // it may have ended meanwhile
		mounts, _ := os.ReadFile(filepath.Join(filepath.Dir(name), "mountinfo"))
		for _, mark := range marks {
			if bytes.Contains(command, []byte(mark)) || bytes.Contains(mounts, []byte(mark)) {
				list = append(list, "process "+string(bytes.ReplaceAll(command, []byte{0}, []byte{' '})))
				break
			}
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
	b := openShards(t, 2, harness.Options{Run: "comeback", Nodes: 4}, nodePackage)
	list := specs(b, 2)
	if err := spawn(t.Context(), b, list); err != nil {
		t.Fatal(err)
	}
	one, two := list[1].Addr, list[2].Addr
	if err := b.Apply(t.Context(), fault.Net{Cuts: fault.Split([]p2p.Addr{one}, []p2p.Addr{two})}); err != nil {
		t.Fatal(err)
	}
	for _, kill := range agentKillers { // an agent that has come back can be killed again
		kill(t, e, b.agentID)
		if c, err := b.Counters(t.Context()); err != nil || len(c) != 3 {
			t.Errorf("%d nodes count (error %v), want 3", len(c), err)
		}
		echoes(t, b, one, two, false)
	}
	if err := b.Apply(t.Context(), fault.Net{}); err != nil {
		t.Fatal(err)
	}
	echoes(t, b, one, two, true)
	if err := errors.Join(b.Kill(t.Context(), one, harness.Crash), b.Restart(t.Context(), one)); err != nil {
		t.Fatal(err)
	}
	mustSpread(t, b, 3)
	echoes(t, b, two, one, true)
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

// A harness and its agent that are killed together leave what the daemon, if it
// starts the agent again, or else the watch has cleared away.
func TestBothKilled(t *testing.T) {
	long(t)
	t.Run("by signal", func(t *testing.T) { bothKilled(t, needDaemon(t), agentKillers["by signal"]) })
	t.Run("by the daemon", func(t *testing.T) {
		d, e := newMachine(t) // where no other run sweeps
		mustLoseTables(t, d, bothKilled(t, e, agentKillers["by the daemon"]))
	})
}

func bothKilled(t *testing.T, e *engine, kill func(*testing.T, *engine, string)) (id string) {
	t.Helper()
	c, id := startHarness(t, "kill")
	containers := containersOf(t, e, id)
	c.Process.Signal(syscall.SIGSTOP) // or it would start the agent again
	for _, thing := range containers {
		if i, err := e.ContainerInspect(t.Context(), thing); err == nil && i.Config.Labels[agent.LabelRole] == agent.RoleAgent {
			kill(t, e, thing)
		}
	}
	c.Process.Kill()
	c.Wait()
	nothingLeft(t, e, id, containers...)
	return id
}

// agentKillers end an agent's container. One killed through the daemon stays
// down; one that is killed behind its back is started again by it.
var agentKillers = map[string]func(*testing.T, *engine, string){
	"by the daemon": func(t *testing.T, e *engine, container string) {
		if err := e.ContainerKill(t.Context(), container, "KILL"); err != nil {
			t.Fatal(err)
		}
	},
	"by signal": func(t *testing.T, e *engine, container string) {
		needRoot(t, "to kill an agent's process")
		i, err := e.ContainerInspect(t.Context(), container)
		if err == nil {
			err = syscall.Kill(i.State.Pid, syscall.SIGKILL)
		}
		if err != nil {
			t.Fatal(err)
		}
	},
}
