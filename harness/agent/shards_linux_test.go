package agent

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// shardRun is a run with two shards.
const shardRun = "0123abcd"

// "The nodes of a large run are moved on to further bridges as they come", those
// that were there before too; an agent that is started anew goes on with the
// trunks that it finds.
func TestSpread(t *testing.T) {
	if !inside(t) {
		return
	}
	bridges := layBridges(t)
	first := cable(t, bridges[0], "10.90.0.2/22")
	s, err := newSpread(shardRun, 2)
	if err != nil {
		t.Fatal(err)
	}
	second := cable(t, bridges[0], "10.90.0.3/22")
	mustBeOn(t, first, bridges[1+s.shardOf(nodes(0, 1)[0])])
	mustBeOn(t, second, bridges[1+s.shardOf(nodes(1, 2)[0])])
	s.end()
	if s, err = newSpread(shardRun, 2); err != nil {
		t.Fatalf("once more: %v", err)
	}
	defer s.end()
	third := cable(t, bridges[0], "10.90.0.4/22")
	mustBeOn(t, third, bridges[1+s.shardOf(nodes(2, 3)[0])])
	if err := dropTrunks(func(string) bool { return false }); err != nil || countTrunks(t) != 4 {
		t.Errorf("with every run alive there are %d ends of trunks (error %v), want 4", countTrunks(t), err)
	}
	if err := dropTrunks(func(run string) bool { return run == shardRun }); err != nil || countTrunks(t) != 0 {
		t.Errorf("with the run gone there are %d ends of trunks (error %v), want none", countTrunks(t), err)
	}
}

// A node that has spoken before it was moved is known behind the trunk: its new
// bridge must forget that, or it would send back what comes for the node.
func TestSpreadForgets(t *testing.T) {
	if !inside(t) {
		return
	}
	bridges := layBridges(t)
	s := &spread{run: shardRun, bridge: bridges[0]}
	for k := range 2 {
		if err := s.join(k); err != nil {
			t.Fatal(err)
		}
	}
	node := cable(t, bridges[0], "10.90.0.2/22")
	k := s.shardOf(nodes(0, 1)[0])
	until(t, func() error {
		shout(t, node)
		if !slices.Contains(behind(t, s.trunks[k]), node.address) {
			return errors.New("the shard has not heard of the node by the trunk: the test shows nothing")
		}
		return nil
	})
	l, err := netlink.LinkByIndex(node.index)
	if err != nil {
		t.Fatal(err)
	}
	s.place(l)
	mustBeOn(t, node, bridges[1+k])
	if slices.Contains(behind(t, s.trunks[k]), node.address) {
		t.Error("the shard still takes the node to be behind the trunk")
	}
}

// layBridges makes those of the run, and returns their indices.
func layBridges(t *testing.T) (indices []int) {
	t.Helper()
	for _, name := range []string{BridgeName(shardRun), ShardName(shardRun, 0), ShardName(shardRun, 1)} {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		b := &netlink.Bridge{LinkAttrs: attrs}
		if err := errors.Join(netlink.LinkAdd(b), netlink.LinkSetUp(b)); err != nil {
			t.Fatal(err)
		}
		indices = append(indices, b.Index)
	}
	return indices
}

// An outlet is a node's cable: the index of the end on the bridge, and the
// namespace and the hardware address of the other.
type outlet struct {
	index   int
	there   netns.NsHandle
	address string
}

// cable plugs a namespace with an address into a bridge, as the daemon does.
func cable(t *testing.T, bridge int, cidr string) outlet {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	there, err := netns.New() // and this thread is there
	if back := netns.Set(home); err != nil || back != nil {
		t.Fatal(err, back)
	}
	t.Cleanup(func() { there.Close() })
	attrs := netlink.NewLinkAttrs()
	attrs.Name = fmt.Sprint("veth", int(there))
	attrs.MasterIndex = bridge
	v := &netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(there)}
	if err := errors.Join(netlink.LinkAdd(v), netlink.LinkSetUp(v)); err != nil {
		t.Fatal(err)
	}
	h, err := netlink.NewHandleAt(there)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	peer, err := h.LinkByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	a, err := netlink.ParseAddr(cidr)
	if err := errors.Join(err, h.AddrAdd(peer, a), h.LinkSetUp(peer)); err != nil {
		t.Fatal(err)
	}
	return outlet{v.Index, there, peer.Attrs().HardwareAddr.String()}
}

// shout has a node send a frame to all.
func shout(t *testing.T, o outlet) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	if err := netns.Set(o.there); err != nil {
		t.Fatal(err)
	}
	defer netns.Set(home)
	c, err := net.Dial("udp4", "10.90.0.77:9") // nobody has this address: the node asks all for it
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte{0}); err != nil {
		t.Fatal(err)
	}
}

// behind lists the hardware addresses that a bridge has heard at a port.
func behind(t *testing.T, port int) (list []string) {
	t.Helper()
	all, err := netlink.NeighList(port, unix.AF_BRIDGE)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range all {
		if n.LinkIndex == port && n.State&netlink.NUD_PERMANENT == 0 {
			list = append(list, n.HardwareAddr.String())
		}
	}
	return list
}

func mustBeOn(t *testing.T, o outlet, bridge int) {
	t.Helper()
	until(t, func() error {
		l, err := netlink.LinkByIndex(o.index)
		if err == nil && l.Attrs().MasterIndex != bridge {
			err = fmt.Errorf("the node is on bridge %d, want %d", l.Attrs().MasterIndex, bridge)
		}
		return err
	})
}

// until waits until f finds nothing wrong.
func until(t *testing.T, f func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	t.Fatal(err)
}

func countTrunks(t *testing.T) int {
	t.Helper()
	all, err := trunks()
	if err != nil {
		t.Fatal(err)
	}
	return len(all[shardRun])
}
