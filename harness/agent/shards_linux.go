package agent

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"peerbed/protocols/p2p"
)

// A Linux bridge has 1023 ports, and the daemon plugs every node into the same
// one. So the nodes of a large run are moved on to further bridges as they
// come, their shards, each joined to the run's bridge by a trunk: a pair of
// virtual interfaces, one end in either. It all stays one Ethernet segment; no
// packet is routed.

// isTrunk recognises the ends of the trunks of a run.
func isTrunk(run, link string) bool { return strings.HasPrefix(link, trunkPrefix(run)) }

// trunkPrefix begins the names of both ends of a run's trunks, as no bridge's.
func trunkPrefix(run string) string { return BridgeName(run) + "t" }

// trunkEnds names the ends of a trunk at the shard and at the run's bridge.
func trunkEnds(run string, shard int) (there, here string) {
	there = fmt.Sprint(trunkPrefix(run), shard)
	return there, there + "m"
}

// anyTrunk is what the name of a trunk's end is like; its group is the run.
var anyTrunk = regexp.MustCompile("^" + bridgePrefix + `([0-9a-f]{8})t[0-9]+m?$`)

// A spread moves the nodes of a run from its bridge to the shards.
type spread struct {
	run    string
	bridge int   // the index of the run's bridge
	shards []int // and of the others
	trunks []int // the ends of the trunks at the shards
	end    func()
}

// newSpread lays trunks to n shards, unless an earlier agent has, and moves
// nodes from now on. The bridges are there.
func newSpread(run string, n int) (*spread, error) {
	s := &spread{run: run}
	bridge, err := netlink.LinkByName(BridgeName(run))
	if err != nil {
		return nil, fmt.Errorf("bridge %s: %w", BridgeName(run), err)
	}
	s.bridge = bridge.Attrs().Index
	for k := range n {
		if err := s.join(k); err != nil {
			return nil, fmt.Errorf("bridge %s: %w", ShardName(run, k), err)
		}
	}
	life := make(chan struct{})
	s.end = sync.OnceFunc(func() { close(life) })
	go s.watch(life)
	return s, nil
}

// join lays the trunk to a shard.
func (s *spread) join(k int) error {
	shard, err := netlink.LinkByName(ShardName(s.run, k))
	if err != nil {
		return err
	}
	there, here := trunkEnds(s.run, k)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = there
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: here}); err != nil && !errors.Is(err, syscall.EEXIST) {
		return err
	}
	end, err := plug(there, shard.Attrs().Index)
	if err == nil {
		_, err = plug(here, s.bridge)
	}
	s.shards, s.trunks = append(s.shards, shard.Attrs().Index), append(s.trunks, end)
	return err
}

// plug puts an interface into a bridge and switches it on, and returns its
// index.
func plug(name string, bridge int) (int, error) {
	l, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkSetMasterByIndex(l, bridge)
	}
	if err != nil {
		return 0, err
	}
	return l.Attrs().Index, netlink.LinkSetUp(l)
}

// watch moves the nodes that there are and those that come. Where the kernel
// has more to tell than can be kept, it begins again.
func (s *spread) watch(life <-chan struct{}) {
	for s.follow(life) {
		time.Sleep(pause / 10)
	}
}

// follow hears of all interfaces, and then of every change, until the kernel
// cannot tell all of them (again) or life ends.
func (s *spread) follow(life <-chan struct{}) (again bool) {
	ended, updates := make(chan struct{}), make(chan netlink.LinkUpdate)
	end := sync.OnceFunc(func() { close(ended) })
	defer end()
	err := netlink.LinkSubscribeWithOptions(updates, ended, netlink.LinkSubscribeOptions{
		ListExisting: true, ReceiveBufferSize: bufferSize, ReceiveBufferForceSize: true,
		ErrorCallback: func(error) { end() }})
	if err != nil {
		return true
	}
	for {
		select {
		case u, ok := <-updates:
			if !ok {
				return true
			}
			s.place(u.Link)
		case <-life:
			go func() {
				for range updates { // until it has ended
				}
			}()
			return false
		}
	}
}

// place moves a node that is on the run's bridge. One whose namespace has no
// address yet is about to change once more: its end of the cable is switched
// on last. A node that cannot be moved stays where it is, on the same segment.
func (s *spread) place(l netlink.Link) {
	a := l.Attrs()
	if a.MasterIndex != s.bridge || isTrunk(s.run, a.Name) {
		return
	}
	ip, err := addressIn(a.NetNsID)
	if err != nil {
		return
	}
	k := s.shardOf(ip)
	if netlink.LinkSetMasterByIndex(l, s.shards[k]) == nil {
		forget(s.trunks[k])
	}
}

// shardOf gives a node the same shard in all its lives, so that the run's bridge
// need not learn anew where it is.
func (s *spread) shardOf(ip p2p.Addr) int { return int(ip.IP() % uint32(len(s.shards))) }

// forget has a bridge forget whom it knows behind a port: what the node has
// sent before it was moved came in by the trunk, and packets for it would be
// sent back there.
func forget(port int) error {
	req := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_BRIDGE)
	msg.Index = int32(port)
	req.AddData(msg)
	info := nl.NewRtAttr(unix.IFLA_PROTINFO|unix.NLA_F_NESTED, nil)
	info.AddRtAttr(nl.IFLA_BRPORT_FLUSH, nil)
	req.AddData(info)
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// trunks lists the runs that have trunks, and one end of each.
func trunks() (map[string][]netlink.Link, error) {
	links, err := netlink.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("cannot read interfaces: %w", err)
	}
	all := map[string][]netlink.Link{}
	for _, l := range links {
		if m := anyTrunk.FindStringSubmatch(l.Attrs().Name); m != nil && l.Type() == "veth" {
			all[m[1]] = append(all[m[1]], l)
		}
	}
	return all, nil
}

// dropTrunks removes the trunks of the runs that gone says are no more. With
// one end of a pair goes the other.
func dropTrunks(gone func(run string) bool) error {
	all, err := trunks()
	for run, ends := range all {
		if !gone(run) {
			continue
		}
		for _, l := range ends {
			if bad := netlink.LinkDel(l); bad != nil && !errors.Is(bad, syscall.ENODEV) {
				err = errors.Join(err, fmt.Errorf("cannot remove the interface %s: %w", l.Attrs().Name, bad))
			}
		}
	}
	return err
}
