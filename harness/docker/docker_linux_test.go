package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/nftables"

	"peerbed/harness"
	"peerbed/harness/agent"
	"peerbed/harness/fault"
	"peerbed/protocols/chord"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// openWorld opens a run of this kind of nodes, or skips where there is no
// daemon.
func openWorld(t testing.TB, o harness.Options, pkg string) *Backend {
	t.Helper()
	return openAs(t, o, pkg, func(*Backend) {})
}

// openAs is openWorld with a run that is changed before it begins.
func openAs(t testing.TB, o harness.Options, pkg string, change func(*Backend)) *Backend {
	t.Helper()
	needDaemon(t)
	o.Progress = t.Logf
	b := newBackend(o)
	change(b)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := b.begin(t.Context(), pkg); err != nil {
		t.Fatal(err)
	}
	return b
}

// specs describes an introducer and n nodes of Chord that meet there.
func specs(b *Backend, n int) []harness.Spec {
	cfg, err := p2p.With(chord.Protocol.Config, "introducer=introducer:7000")
	if err != nil {
		panic(err)
	}
	meet := p2p.MakeAddr(b.IP(0), 7000)
	list := []harness.Spec{{Name: "introducer", Protocol: introducer.Protocol, Config: introducer.Protocol.Config, Addr: meet}}
	for i := 1; i <= n; i++ {
		list = append(list, harness.Spec{Index: i, Name: fmt.Sprintf("chord-%d", i), Protocol: chord.Protocol, Config: cfg,
			Addr: p2p.MakeAddr(b.IP(i), 7000), Seed: uint64(i), Hosts: map[string]p2p.Addr{"introducer": meet}})
	}
	return list
}

// spawn starts the nodes, the first one first and the others at once.
func spawn(ctx context.Context, b *Backend, list []harness.Spec) error {
	if err := b.Spawn(ctx, list[0]); err != nil {
		return err
	}
	errs := make([]error, len(list))
	var all sync.WaitGroup
	for i, s := range list[1:] {
		all.Go(func() { errs[i] = b.Spawn(ctx, s) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// remains lists what there is of a run: containers, networks, volumes, packet
// tables (which only root may see), interfaces and its folder.
func remains(ctx context.Context, e *engine, id string) (list []string, err error) {
	cs, ns, err := e.things(ctx, agent.LabelRun+"="+id)
	for _, c := range cs {
		list = append(list, "container "+strings.Join(c.Names, " "))
	}
	for _, n := range ns {
		list = append(list, "network "+n.Name)
	}
	volumes, bad := e.volumes(ctx, id)
	for _, v := range volumes {
		list = append(list, "volume "+v)
	}
	err = errors.Join(err, bad)
	if os.Getuid() == 0 {
		tables, err := new(nftables.Conn).ListTables()
		if err != nil {
			return nil, err
		}
		for _, t := range tables {
			if t.Name == agent.TableName(id) {
				list = append(list, "packet table "+t.Name)
			}
		}
	}
	links, err2 := net.Interfaces()
	for _, l := range links {
		if strings.HasPrefix(l.Name, agent.BridgeName(id)) {
			list = append(list, "interface "+l.Name)
		}
	}
	err = errors.Join(err, err2)
	top, _ := home()
	if _, err := os.Stat(top + "/" + id); err == nil {
		list = append(list, "folder "+top+"/"+id)
	}
	slices.Sort(list) // the daemon tells networks in any order
	return list, err
}

// mustBeGone demands that nothing remains of a run, now.
func mustBeGone(t *testing.T, e *engine, id string) {
	t.Helper()
	list, err := remains(t.Context(), e, id)
	if err != nil || len(list) > 0 && !stuckAlone(t.Context(), e, id, list) {
		t.Errorf("of run %s there is still %q (error %v)", id, list, err)
	}
}

// stuckAlone reports whether all that remains of a run is a network that the
// daemon wrongly believes in use, as Engine 20.10 now and then does: nobody
// could remove it.
func stuckAlone(ctx context.Context, e *engine, id string, list []string) bool {
	return len(list) == 1 && errors.Is(e.removeRun(ctx, id), errStuck)
}

// "Close ends all nodes and leaves nothing behind", and nothing of others is
// touched, whatever it is called.
func TestCloseLeavesNothingAndOthersAlone(t *testing.T) {
	t.Parallel()
	e := needDaemon(t)
	b := openWorld(t, harness.Options{Run: "close", Nodes: 7}, nodePackage)
	by := newBystander(t, e, b.image)
	if err := spawn(t.Context(), b, specs(b, 6)); err != nil {
		t.Fatal(err)
	}
	counted, err := b.Counters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for a, c := range counted {
		if c.SeenIn == 0 || c.SeenOut == 0 || len(c.Traffic) == 0 {
			t.Errorf("%v: %+v, want traffic, counted by the node and seen on its interface", a, c)
		}
	}
	if list, err := remains(t.Context(), e, b.id); len(list) < 7+1+1+1 || err != nil {
		t.Errorf("while it runs there are %q (error %v), want 7 nodes, an agent, a network and a folder: the check is blind", list, err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	mustBeGone(t, e, b.id)
	if err := b.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
	by.mustStand(t)
}

// A node that cannot start says why in the error.
func TestSpawnSaysWhy(t *testing.T) {
	t.Parallel()
	b := openWorld(t, harness.Options{Run: "why", Nodes: 2}, nodePackage)
	s := specs(b, 0)[0]
	s.Protocol = &p2p.Protocol{Name: "nonesuch"}
	began := time.Now()
	err := b.Spawn(t.Context(), s)
	if err == nil || !strings.Contains(err.Error(), "nonesuch") || !strings.Contains(err.Error(), "exit status") {
		t.Errorf("error %v, want the node's exit status and last words, which name the protocol", err)
	}
	if strings.Contains(fmt.Sprint(err), "\n") {
		t.Errorf("error %q has more than one line", err)
	}
	if spent := time.Since(began); spent > dialling/2 {
		t.Errorf("it took %v: the end of the process went unnoticed", spent)
	}
}

// A ctx that ends during Open, as Ctrl-C does, leaves nothing behind.
func TestOpenInterrupted(t *testing.T) {
	t.Parallel()
	e := needDaemon(t)
	ctx, interrupt := context.WithCancel(t.Context())
	b := newBackend(harness.Options{Run: "interrupted", Nodes: 2, Progress: t.Logf})
	opened := make(chan error)
	go func() { opened <- b.begin(ctx, nodePackage) }()
	within(t, patience, func() error {
		if cs, _, err := e.things(t.Context(), agent.LabelRun+"="+b.id); err != nil || len(cs) == 0 {
			return fmt.Errorf("no container yet (error %v)", err)
		}
		return nil
	})
	interrupt()
	if err := <-opened; err == nil {
		t.Error("Open ended without an error: the interruption came too late to show anything")
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	mustBeGone(t, e, b.id)
}

// within waits until f finds nothing wrong.
func within(t testing.TB, limit time.Duration, f func() error) {
	t.Helper()
	if err := until(t.Context(), limit, f); err != nil {
		t.Fatal(err)
	}
}

// until is within for any goroutine.
func until(ctx context.Context, limit time.Duration, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("after %v still: %w", limit, err)
		}
	}
}

// A run whose agent is gone for good says so and can still be ended; its packet
// tables, which only an agent can remove, go when the next run begins.
func TestAgentDies(t *testing.T) {
	long(t)
	e := needDaemon(t)
	b := openWorld(t, harness.Options{Run: "headless", Nodes: 2}, nodePackage)
	if err := spawn(t.Context(), b, specs(b, 1)); err != nil {
		t.Fatal(err)
	}
	if err := e.remove(t.Context(), b.agentID); err != nil {
		t.Fatal(err)
	}
	if err := b.Advance(t.Context(), patience, nil); !errors.Is(err, errAgentDied) {
		t.Errorf("Advance: error %v, want %v", err, errAgentDied)
	}
	if err := b.Apply(t.Context(), fault.Net{}); !errors.Is(err, errAgentDied) {
		t.Errorf("Apply: error %v, want %v", err, errAgentDied)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	openWorld(t, harness.Options{Run: "next", Nodes: 2}, nodePackage)
	mustBeGone(t, e, b.id)
}

// Two runs at once, of one name, have different networks, and neither ends the
// other.
func TestTwoRuns(t *testing.T) {
	long(t)
	a := openWorld(t, harness.Options{Run: "twice", Nodes: 2}, nodePackage)
	b := openWorld(t, harness.Options{Run: "twice", Nodes: 2}, nodePackage)
	if a.subnet.Overlaps(b.subnet) {
		t.Fatalf("both runs have %v and %v", a.subnet, b.subnet)
	}
	for _, w := range []*Backend{a, b} {
		if err := spawn(t.Context(), w, specs(w, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	c, err := b.Counters(t.Context())
	if err != nil || len(c) != 2 {
		t.Errorf("after the other run's end %d nodes count (error %v), want 2", len(c), err)
	}
}
