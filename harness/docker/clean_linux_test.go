package docker

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/vishvananda/netns"

	"peerbed/harness"
	"peerbed/harness/agent"
)

// newMachine is a daemon and a home of this test alone: what else there is on
// this machine is out of its reach.
func newMachine(t *testing.T) (*ownDaemon, *engine) {
	t.Helper()
	release, err := Turn(t.Context()) // before this test has a home of its own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	d := newDaemon(t)
	home, err := os.MkdirTemp("", "pbc") // short, for the paths of sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	t.Setenv("TMPDIR", home)
	return d, needDaemon(t)
}

// deadRun leaves a run that nobody clears up.
func deadRun(t *testing.T) (id string) {
	t.Helper()
	c, id := startHarness(t, "orphan")
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	return id
}

func mustClean(t *testing.T, c harness.Cleaning) []harness.Leftover {
	t.Helper()
	c.Tell = t.Logf
	found, err := Clean(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// kinds counts what was removed of a run, by kind.
func kinds(found []harness.Leftover, run string) map[string]int {
	n := map[string]int{}
	for _, l := range found {
		if l.Run == run && l.Kept == "" {
			n[l.Kind]++
		}
	}
	return n
}

// "Clean removes what is ours by label and age, from any earlier run, and never
// anything else": a run that is alive stays, and so do a container and a network
// with names like ours.
func TestClean(t *testing.T) {
	long(t)
	d, e := newMachine(t)
	alive := openWorld(t, harness.Options{Run: "alive", Nodes: 3}, nodePackage)
	nodes := specs(alive, 2)
	if err := spawn(t.Context(), alive, nodes); err != nil {
		t.Fatal(err)
	}
	dead := deadRun(t)
	if list := d.interfaces(t, dead); len(list) != 3+2*2 {
		t.Errorf("the dead run has left the interfaces %q, want three bridges and the ends of two trunks", list)
	}
	b := newBystander(t, e, alive.image)
	t.Run("dry", func(t *testing.T) {
		before, _ := remains(t.Context(), e, dead)
		found := kinds(mustClean(t, harness.Cleaning{Dry: true}), dead)
		if found["container"] != 4 || found["network"] != 3 || found["folder"] != 1 {
			t.Errorf("a dry run finds %v, want 3 nodes and an agent, a network, two of shards and a folder", found)
		}
		if after, err := remains(t.Context(), e, dead); !slices.Equal(before, after) || err != nil {
			t.Errorf("a dry run left %q of %q (error %v)", after, before, err)
		}
	})
	t.Run("dead", func(t *testing.T) {
		found := kinds(mustClean(t, harness.Cleaning{}), dead)
		if found["container"] != 4 || found["network"] != 3 || found["folder"] != 1 || found["packet tables"] != 1 {
			t.Errorf("removed %v, want 3 nodes and an agent, a network, two of shards, a folder and packet tables", found)
		}
		mustBeClean(t, d, e, dead)
	})
	t.Run("others stand", func(t *testing.T) {
		b.mustStand(t)
		counts, err := alive.Counters(t.Context())
		if len(counts) != len(nodes) || err != nil {
			t.Errorf("of the run that is alive %d nodes answer (error %v), want %d", len(counts), err, len(nodes))
		}
		if !slices.Contains(d.tables(t), agent.TableName(alive.id)) {
			t.Error("the run that is alive lost its packet tables")
		}
		if _, err := e.ImageInspect(t.Context(), alive.image); err != nil {
			t.Errorf("the image in use: %v", err)
		}
	})
	t.Run("by id", func(t *testing.T) { cleanAlive(t, d, e, alive) })
	b.mustStand(t)
}

// A run that is alive goes if it is named, and its harness is told.
func cleanAlive(t *testing.T, d *ownDaemon, e *engine, b *Backend) {
	closed := make(chan error)
	go func() {
		<-b.ctx.Done()
		closed <- b.Close()
	}()
	found := mustClean(t, harness.Cleaning{Run: b.id})
	if n := kinds(found, b.id); n["container"] != 4 || n["network"] != 1 {
		t.Errorf("removed %v, want 3 nodes and an agent, and a network", n)
	}
	if slices.ContainsFunc(found, func(l harness.Leftover) bool { return l.Run != b.id }) {
		t.Errorf("removed what is not of run %s: %v", b.id, found)
	}
	if err := <-closed; err != nil {
		t.Errorf("its harness could not close: %v", err)
	}
	mustBeClean(t, d, e, b.id)
}

// mustBeClean demands that nothing remains of a run on a daemon of this test's.
func mustBeClean(t *testing.T, d *ownDaemon, e *engine, id string) {
	t.Helper()
	mustBeGone(t, e, id)
	if slices.Contains(d.tables(t), agent.TableName(id)) {
		t.Errorf("of run %s there are still packet tables", id)
	}
	if list := d.interfaces(t, id); len(list) > 0 {
		t.Errorf("of run %s there are still the interfaces %q", id, list)
	}
}

// interfaces lists the bridges and trunks of a run where the daemon lives.
func (d *ownDaemon) interfaces(t *testing.T, id string) (list []string) {
	t.Helper()
	there, err := netns.GetFromName(d.netns)
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	inNamespace(t, there, func() {
		all, err := net.Interfaces()
		if err != nil || len(all) == 0 {
			t.Fatalf("%d interfaces, error %v", len(all), err)
		}
		for _, l := range all {
			if strings.HasPrefix(l.Name, agent.BridgeName(id)) {
				list = append(list, l.Name)
			}
		}
	})
	return list
}

// "One labelled image may stay as a cache; clean removes it", and the programs
// that it was made of; not an image of somebody else.
func TestCleanRemovesCaches(t *testing.T) {
	long(t)
	_, e := newMachine(t)
	b := openWorld(t, harness.Options{Run: "cache", Nodes: 2}, nodePackage)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	other := imageName + ":of-somebody-else"
	r, err := e.ImageImport(t.Context(), image.ImportSource{Source: bytes.NewReader(layer(binaries{})), SourceName: "-"}, other, image.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, r) // it is made while this is read
	r.Close()
	found := kinds(mustClean(t, harness.Cleaning{}), "")
	if found["image"] != 1 || found["program"] != 2 {
		t.Errorf("removed %v, want an image and two programs", found)
	}
	if left, err := e.images(t.Context()); len(left) > 0 || err != nil {
		t.Errorf("images left: %v (error %v)", left, err)
	}
	if _, err := e.ImageInspect(t.Context(), other); err != nil {
		t.Errorf("the image of somebody else: %v", err)
	}
	top, _ := home()
	if left, _ := filepath.Glob(filepath.Join(top, "*", "*")); len(left) != 1 || filepath.Base(left[0]) != lockName {
		t.Errorf("in %s there is %q, want a lock alone", top, left)
	}
}

// A network of somebody else on the subnet that comes first is no obstacle: the
// next that is free is taken, and that network stays as it is.
func TestForeignNetwork(t *testing.T) {
	long(t)
	_, e := newMachine(t)
	for _, subnet := range []string{"10.90.0.0/16", "10.91.2.0/24"} {
		_, err := e.NetworkCreate(t.Context(), "foreign-"+strings.ReplaceAll(subnet, "/", "-"), network.CreateOptions{
			Driver: "bridge", IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: subnet}}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	b := openWorld(t, harness.Options{Run: "foreign", Nodes: 3}, nodePackage)
	if want := netip.MustParsePrefix("10.91.4.0/22"); b.subnet != want {
		t.Errorf("the run is on %v, want %v, the first that is free", b.subnet, want)
	}
	if err := spawn(t.Context(), b, specs(b, 2)); err != nil {
		t.Error(err)
	}
	taken, err := e.subnets(t.Context())
	for _, subnet := range []string{"10.90.0.0/16", "10.91.2.0/24"} {
		if !slices.Contains(taken, netip.MustParsePrefix(subnet)) {
			t.Errorf("the network on %s is gone (error %v)", subnet, err)
		}
	}
}

// What an agent lacks is said in one sentence: here, the capability to set
// packet rules.
func TestAgentLacksCapability(t *testing.T) {
	long(t)
	needDaemon(t)
	d, err := openDesk(t.Context(), "lacks", t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	d.rights = nil
	r, err := d.do(t.Context(), agent.Job{Try: true})
	if err != nil {
		t.Fatal(err)
	}
	for what, why := range map[string]string{"guard": r.Guard, "rules": r.Rules} {
		if !strings.Contains(why, "operation not permitted") || !strings.Contains(why, "CAP_NET_ADMIN") || strings.Contains(why, "\n") {
			t.Errorf("%s without CAP_NET_ADMIN: %q, want one line that names it", what, why)
		}
	}
}
