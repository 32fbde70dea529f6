package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"runtime"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"peerbed/harness"
)

// A node finds no way to an address that this machine has on a bridge of its
// own, nor through this machine to the outside, by streams, datagrams, past the
// routing table or with packets of its own making. From an ordinary network the
// same attempts succeed.
func TestNoWayOut(t *testing.T) {
	long(t)
	needRoot(t, "to make bridges and namespaces")
	b := openWorld(t, harness.Options{Run: "attack", Nodes: 3}, prober)
	heard, _, port := hostService(t)
	bridge, outside := ownBridge(t, b), outsideNamespace(t, b, port)
	for i, to := range []string{bridge, outside, gateway(b)} {
		targets := []string{"raw:inet", "raw:packet"}
		for _, by := range []string{"tcp:", "udp:", "directtcp:", "direct:"} {
			targets = append(targets, by+to+":"+port)
		}
		if got := b.probe(t, b.network(), ip(b, i), targets); got != "no no no no no no" {
			t.Errorf("a node's attempts %v: %s, want no to all", targets, got)
		}
	}
	if n := heard.Load(); n != 0 {
		t.Errorf("%d datagrams of a node came to the host, want none", n)
	}
	free := []string{"tcp:" + bridge + ":" + port, "udp:" + bridge + ":" + port, "tcp:" + outside + ":" + port}
	got := b.probe(t, ordinaryNetwork(t, b), "", free) // the answer to the datagram comes from another address
	if got != "yes no yes" || heard.Load() == 0 {
		t.Errorf("from an ordinary network %v: %s, and %d datagrams came, want a way to all, or the probes prove nothing", free, got, heard.Load())
	}
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
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	away, err := netns.New() // and this thread is there
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "0.0.0.0:"+port)
	if back := netns.Set(home); err != nil || back != nil {
		t.Fatal(err, back)
	}
	t.Cleanup(func() { l.Close(); away.Close(); home.Close() })
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "pv" + b.id}, PeerName: "pw" + b.id, PeerNamespace: netlink.NsFd(away)}
	if err := netlink.LinkAdd(veth); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { netlink.LinkDel(veth) })
	raise(t, veth, "198.18.8.1/24")
	if err := netns.Set(away); err != nil {
		t.Fatal(err)
	}
	defer netns.Set(home)
	peer, err := netlink.LinkByName("pw" + b.id)
	if err != nil {
		t.Fatal(err)
	}
	return raise(t, peer, "198.18.8.2/24")
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
