package docker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// openSleepers begins a run of programs that sleep, and do what else a test asks
// of them.
func openSleepers(t *testing.T, ready harness.Ready) *Guests {
	t.Helper()
	needDaemon(t)
	ref, err := Pack(t.Context(), "sleep", nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := openGuests(t.Context(), harness.Options{Run: "guests", Nodes: 2, Progress: t.Logf, Foreign: &harness.Foreign{Ref: ref, Ready: ready}})
	if err != nil {
		t.Fatal(err)
	}
	g := b.(*Guests)
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// sleeper is a node to be.
func (g *Guests) sleeper(i int, command ...string) harness.Spec {
	return harness.Spec{Index: i, Name: fmt.Sprint("sleeper-", i), Addr: p2p.MakeAddr(g.IP(i), 7000), Seed: uint64(i), Command: command}
}

// A program that is not ours: locked down as ours are, asked by way of its
// container and of its network, down and up again at the same address; its links
// outlive the agent, and nothing outlives the run.
func TestGuests(t *testing.T) {
	if os.Getenv("PEERBED_SOAK") != "" {
		t.Setenv(SocketsVariable, "off") // for once the other way
	}
	g := openSleepers(t, harness.Ready{Exec: []string{"sleep", "0"}})
	one, two := g.sleeper(1, "sleep", "1000"), g.sleeper(2, "sleep", "1000")
	for _, s := range []harness.Spec{one, two} {
		if err := g.Spawn(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	g.isLockedDown(t, one.Addr)
	at := g.Inside(one.Addr)
	if _, err := at.Exec(t.Context(), "sleep", "nonsense"); err == nil || !strings.Contains(err.Error(), "invalid time interval") {
		t.Errorf("a command that fails: error %v", err)
	}
	r, err := harness.HTTP(at).Get(fmt.Sprintf("http://%v/peers", witnessOf(two.Addr)))
	if err != nil || r.StatusCode != http.StatusNoContent { // an introducer that nobody has joined
		t.Errorf("HTTP over the network under test: %+v, error %v", r, err)
	}
	if c, err := at.Dial(t.Context(), "tcp", fmt.Sprintf("%v:9", address(two.Addr.IP()))); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("a port where nobody listens: %v, error %v", c, err)
	}
	g.endAndBegin(t, one.Addr, two.Addr)
	g.keepsLinks(t, one.Addr, two.Addr)
	n, life, err := g.living(two.Addr)
	if err != nil {
		t.Fatal(err)
	}
	w, err := g.node(witnessOf(two.Addr))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.engine.ContainerKill(t.Context(), w.container, "KILL"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-life.Done():
	case <-time.After(patience):
		t.Errorf("%s lives on without its witness", n.spec.Name)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	e, err := connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if left, err := remains(t.Context(), e, g.id); len(left) > 0 || err != nil {
		t.Errorf("%v remain, error %v", left, err)
	}
}

// isLockedDown holds the container of a program of others against that of a node.
func (g *Guests) isLockedDown(t *testing.T, a p2p.Addr) {
	t.Helper()
	guest, err := g.node(a)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := g.node(witnessOf(a))
	if err != nil {
		t.Fatal(err)
	}
	its, bad := g.engine.ContainerInspect(t.Context(), guest.container)
	node, err := g.engine.ContainerInspect(t.Context(), ours.container)
	if err = errors.Join(bad, err); err != nil {
		t.Fatal(err)
	}
	if its.Config.User != node.Config.User || its.Config.User == "" || strings.HasPrefix(its.Config.User, "0:") {
		t.Errorf("it runs as %q, ours as %q", its.Config.User, node.Config.User)
	}
	h, like := its.HostConfig, node.HostConfig
	if !h.ReadonlyRootfs || h.Memory != like.Memory || *h.PidsLimit != *like.PidsLimit || h.NanoCPUs != like.NanoCPUs ||
		!slices.Equal(h.CapDrop, like.CapDrop) || len(h.CapAdd) > 0 || !slices.Equal(h.SecurityOpt, like.SecurityOpt) || h.Privileged {
		t.Errorf("it is locked down as %+v, ours as %+v", h, like)
	}
	for _, m := range h.Mounts {
		if m.Target != dataPath {
			t.Errorf("it is given %s", m.Target)
		}
	}
}

// endAndBegin has a node crash, vanish and come back.
func (g *Guests) endAndBegin(t *testing.T, one, two p2p.Addr) {
	t.Helper()
	for _, how := range []harness.How{harness.Crash, harness.Vanish} {
		if err := g.Kill(t.Context(), two, how); err != nil {
			t.Fatal(err)
		}
		if _, err := g.Inspect(t.Context(), two); !errors.Is(err, p2p.ErrGone) {
			t.Errorf("after a %v: error %v, want that it is down", how, err)
		}
		e, err := g.Probe(t.Context(), one, two, harness.Probing{Count: 3, Patience: 300 * time.Millisecond})
		if want := map[harness.How]int{harness.Crash: 3, harness.Vanish: 0}[how]; err != nil || e.Back != want {
			t.Errorf("after a %v its network answered %d of 3 probes, error %v; want %d", how, e.Back, err, want)
		}
		if err := g.Restart(t.Context(), two); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Pause(t.Context(), two); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Inspect(t.Context(), two); !errors.Is(err, harness.ErrPaused) {
		t.Errorf("while it is paused: error %v", err)
	}
	if err := g.Resume(t.Context(), two); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Probe(t.Context(), one, two, harness.Probing{}); err != nil {
		t.Error(err)
	}
	counted, err := g.Counters(t.Context())
	if err != nil || counted[one].SeenOut == 0 || counted[two].SeenIn == 0 {
		t.Errorf("counters %+v, error %v", counted, err)
	}
}

// keepsLinks gives the network a delay, and kills the agent that makes it.
func (g *Guests) keepsLinks(t *testing.T, one, two p2p.Addr) {
	t.Helper()
	slow := linkmodel.Model{Default: linkmodel.Link{Delay: 50 * time.Millisecond}}
	if err := g.Apply(t.Context(), fault.Net{Links: slow}); err != nil {
		t.Fatal(err)
	}
	delayed := func() error {
		e, err := g.Probe(t.Context(), one, two, harness.Probing{})
		if err == nil && (e.Back != 1 || e.RTTs[0] < 100*time.Millisecond) {
			err = fmt.Errorf("over ways of 50 ms each a probe took %v", e.RTTs)
		}
		return err
	}
	if err := delayed(); err != nil {
		t.Error(err)
	}
	if err := g.engine.ContainerKill(t.Context(), g.agentID, "KILL"); err != nil {
		t.Fatal(err)
	}
	within(t, patience, func() error {
		if g.deaths.Load() == 0 {
			return errors.New("nobody has missed the agent")
		}
		return delayed()
	})
}

// What cannot be run is refused in one sentence.
func TestGuestsRefused(t *testing.T) {
	needDaemon(t)
	o := harness.Options{Run: "guests", Nodes: 1, Progress: t.Logf, Foreign: &harness.Foreign{Ref: "localhost/no-such-image"}}
	if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), `the Docker daemon has no image "localhost/no-such-image"; make it with`) {
		t.Errorf("an image that there is not: error %v", err)
	}
	g := openSleepers(t, harness.Ready{})
	err := g.Spawn(t.Context(), g.sleeper(1, "sleep"))
	if err != nil {
		t.Errorf("what is up once it runs: error %v", err)
	}
	g.how.Ready.Log = "it will never say so"
	err = g.Spawn(t.Context(), g.sleeper(2, "sleep"))
	if err == nil || !strings.Contains(err.Error(), "sleeper-2 did not start") || !strings.Contains(err.Error(), "ended with exit status 1") || !strings.Contains(err.Error(), "missing operand") {
		t.Errorf("a program that ends at once: error %v", err)
	}
	if err := g.Put(context.Background(), g.sleeper(1).Addr, "x", strings.NewReader("x")); !errors.Is(err, errForeign) {
		t.Errorf("Put: error %v", err)
	}
}
