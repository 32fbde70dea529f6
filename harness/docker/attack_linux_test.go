package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"peerbed/harness"
)

// A node finds no way to an address that this machine has on a bridge of its
// own, nor through this machine to the outside, nor to a node of another run, by
// streams, datagrams, echo requests, to all at once, past the routing table or
// with packets of its own making. Elsewhere the same attempts succeed.
func TestNoWayOut(t *testing.T) {
	long(t)
	needRoot(t, "to make bridges and namespaces")
	t.Run("one bridge", func(t *testing.T) { noWayOut(t, shardNodes) })
	t.Run("shards", func(t *testing.T) { noWayOut(t, 2) })
}

func noWayOut(t *testing.T, perBridge int) {
	b := openShards(t, perBridge, harness.Options{Run: "attack", Nodes: 3}, prober)
	heard, _, port := hostService(t)
	bridge, outside := ownBridge(t, b), outsideNamespace(t, b, port)
	other := openWorld(t, harness.Options{Run: "other", Nodes: 3}, prober)
	other.prober(t, other.network(), ip(other, 0), "serve", port)
	aims := []string{bridge, outside, gateway(b), ip(other, 0)}
	for i, to := range aims[:3] {
		b.mustNotReach(t, i, attempts(to, port))
	}
	b.mustNotReach(t, 0, attempts(aims[3], port))
	b.mustNotReach(t, 1, []string{"raw:inet", "raw:packet", "hypervisor:", "direct:255.255.255.255:" + port, "direct:[ff02::1%eth0]:" + port})
	if n := heard.Load(); n != 0 {
		t.Errorf("%d datagrams of a node came to the host, want none", n)
	}
	open := func(h *container.HostConfig) { b.engine.lockDown(h); h.SecurityOpt = []string{"seccomp=unconfined"} }
	if got := b.answers(t, b.stranger(t, open, b.network(), "", "hypervisor:")); got != "yes" {
		t.Errorf("without a limit on system calls, a socket to the hypervisor: %s, want yes, or the probe proves nothing", got)
	}
	free := []string{"tcp:" + bridge + ":" + port, "ping:" + bridge, "tcp:" + outside + ":" + port}
	if got := b.probe(t, ordinaryNetwork(t, b), "", free); got != "yes yes yes" {
		t.Errorf("from an ordinary network %v: %s, want yes to all, or the probes prove nothing", free, got)
	}
	for _, to := range []string{bridge, "255.255.255.255"} { // the answer comes from another address
		heard.Store(0)
		b.probe(t, "peerbed-"+b.id+"-outside", "", []string{"direct:" + to + ":" + port, "udp:" + to + ":" + port})
		if heard.Load() == 0 {
			t.Errorf("from an ordinary network no datagram came for %s: the probes prove nothing", to)
		}
	}
	if got := other.probe(t, other.network(), ip(other, 1), attempts(aims[3], port)); got != "yes yes yes yes yes" {
		t.Errorf("a node of its own run: %s, want yes to all, or the probes prove nothing", got)
	}
}

// attempts are ways to an address.
func attempts(to, port string) []string {
	list := []string{"ping:" + to}
	for _, by := range []string{"tcp:", "udp:", "directtcp:", "direct:"} {
		list = append(list, by+to+":"+port)
	}
	return list
}

// mustNotReach has node i make attempts, of which none may succeed.
func (b *Backend) mustNotReach(t *testing.T, i int, targets []string) {
	t.Helper()
	if got := b.probe(t, b.network(), ip(b, i), targets); strings.Contains(got, "yes") || strings.Count(got, "no") != len(targets) {
		t.Errorf("a node's attempts %v: %s, want no to all", targets, got)
	}
}

// "The daemon's own server would be a way out": where this machine asks a
// server of its own for names, the daemon would pass a node's questions on to
// it, from outside the node's network.
func TestNoWayOutByNames(t *testing.T) {
	long(t)
	d := newDaemon(t) // whose server for names is 127.0.0.1
	asked := d.nameServer(t)
	b := openWorld(t, harness.Options{Run: "names", Nodes: 3}, prober)
	b.mustNotReach(t, 0, []string{"name:secret.example"})
	if n := asked.Load(); n != 0 {
		t.Errorf("the server was asked %d times, want never", n)
	}
	open := func(h *container.HostConfig) { b.engine.lockDown(h); h.DNS = nil }
	b.stranger(t, open, b.network(), ip(b, 1), "name:secret.example")
	within(t, patience, func() error {
		if asked.Load() == 0 {
			return errors.New("a container that is not locked down has not reached the server: the probe proves nothing")
		}
		return nil
	})
}

// nameServer counts what comes to the server for names where the daemon lives.
func (d *ownDaemon) nameServer(t *testing.T) (asked *atomic.Int32) {
	t.Helper()
	var u net.PacketConn
	there, err := netns.GetFromName(d.netns)
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	inNamespace(t, there, func() { u, err = net.ListenPacket("udp4", "127.0.0.1:53") })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	asked = new(atomic.Int32)
	go func() {
		for buf := make([]byte, 512); ; asked.Add(1) {
			if _, _, err := u.ReadFrom(buf); err != nil {
				return
			}
		}
	}()
	return asked
}

// ownBridge gives this machine an address on a new bridge.
func ownBridge(t *testing.T, b *Backend) string {
	t.Helper()
	link := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "pt" + b.id}}
	if err := netlink.LinkAdd(link); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { netlink.LinkDel(link) })
	return raise(t, link, "198.18.7.1/24")
}

func raise(t *testing.T, link netlink.Link, cidr string) string {
	t.Helper()
	a, err := netlink.ParseAddr(cidr)
	if err == nil {
		err = netlink.AddrAdd(link, a)
	}
	if err == nil {
		err = netlink.LinkSetUp(link)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a.IP.String()
}

// outsideNamespace makes a network namespace behind this machine, which stands
// for the rest of the world, with a service at the port.
func outsideNamespace(t *testing.T, b *Backend, port string) string {
	t.Helper()
	away := newNamespace(t)
	inNamespace(t, away, func() {
		l, err := net.Listen("tcp4", "0.0.0.0:"+port)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	})
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "pv" + b.id}, PeerName: "pw" + b.id, PeerNamespace: netlink.NsFd(away)}
	if err := netlink.LinkAdd(veth); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { netlink.LinkDel(veth) })
	raise(t, veth, "198.18.8.1/24")
	var address string
	inNamespace(t, away, func() {
		peer, err := netlink.LinkByName("pw" + b.id)
		if err != nil {
			t.Fatal(err)
		}
		address = raise(t, peer, "198.18.8.2/24")
	})
	return address
}

func newNamespace(t *testing.T) netns.NsHandle {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	away, err := netns.New() // and this thread is there
	if back := netns.Set(home); err != nil || back != nil {
		t.Fatal(err, back)
	}
	t.Cleanup(func() { away.Close() })
	return away
}

// inNamespace calls f on a thread that is in a network namespace.
func inNamespace(t *testing.T, there netns.NsHandle, f func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	if err == nil {
		err = netns.Set(there)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	defer netns.Set(home)
	f()
}

// A node's limits hold: on memory (it is killed), on processes (it gets no
// more) and on processor time (it is throttled); below them nothing happens.
func TestLimitsHold(t *testing.T) {
	long(t)
	b := openWorld(t, harness.Options{Run: "limits", Nodes: 3}, prober)
	if got := b.probe(t, b.network(), ip(b, 0), []string{"memory:32", "processes:3"}); got != "yes yes" {
		t.Errorf("32 MiB and 3 processes: %s, want yes yes, or the probes prove nothing", got)
	}
	if got := b.probe(t, b.network(), ip(b, 0), []string{"processes:200"}); got != "no" {
		t.Errorf("200 processes: %s, want no", got)
	}
	greedy := b.prober(t, b.network(), ip(b, 1), "memory:512")
	within(t, patience, func() error {
		c, err := b.engine.ContainerInspect(t.Context(), greedy)
		if err == nil && !c.State.OOMKilled {
			err = fmt.Errorf("it is %s, and not for lack of memory", c.State.Status)
		}
		return err
	})
	idle, busy := b.prober(t, b.network(), "", "nap:1m"), b.prober(t, b.network(), "", "spin:1m")
	within(t, patience, func() error { return b.overspends(t, busy) })
	if n := b.throttled(t, idle); n > 0 {
		t.Errorf("one that is idle was throttled %d times", n)
	}
}

// overspends reports, as an error, that a container has not been throttled so
// far. Beside other work it may never get the whole of its share, so that is
// made smaller and smaller.
func (b *Backend) overspends(t *testing.T, id string) error {
	t.Helper()
	c, err := b.engine.ContainerInspect(t.Context(), id)
	if err != nil {
		return err
	}
	share := c.HostConfig.NanoCPUs
	if share == 0 {
		t.Fatal("there is no limit on its processor time")
	}
	if b.throttled(t, id) > 0 {
		return nil
	}
	const least = 1e7 // which the kernel can still tell from none
	_, err = b.engine.ContainerUpdate(t.Context(), id, container.UpdateConfig{Resources: container.Resources{NanoCPUs: max(share/2, least)}})
	return errors.Join(fmt.Errorf("it was never throttled, with %d billionths of a processor", share), err)
}

// throttled returns how often a container was throttled until now.
func (b *Backend) throttled(t *testing.T, id string) uint64 {
	t.Helper()
	r, err := b.engine.ContainerStats(t.Context(), id, false) // takes two samples, a second apart
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var s container.StatsResponse
	if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s.CPUStats.ThrottlingData.ThrottledPeriods
}
