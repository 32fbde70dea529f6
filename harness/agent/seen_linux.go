package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"peerbed/protocols/p2p"
)

// A veth is the host's end of a node's network cable.
type veth struct {
	index int // of the interface; not used again while the machine runs
	netns int // the kernel's number for the namespace at the other end
}

// An eye reads the counters of the interfaces on a run's bridges. It remembers
// whose they are: an interface comes and goes with its node's process.
type eye struct {
	run    string
	owners map[veth]p2p.Addr
}

// look dumps the counters of all interfaces at once and keeps those on the
// bridges. What a node sends, its cable's other end receives.
func (e *eye) look() (Seen, error) {
	links, err := netlink.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("cannot read interfaces: %w", err)
	}
	bridges := map[int]bool{}
	for _, l := range links {
		name := l.Attrs().Name
		if name == BridgeName(e.run) || strings.HasPrefix(name, shardPrefix(e.run)) {
			bridges[l.Attrs().Index] = true
		}
	}
	if len(bridges) == 0 {
		return nil, fmt.Errorf("there is no bridge %s", BridgeName(e.run))
	}
	seen, now := Seen{}, map[veth]p2p.Addr{}
	for _, l := range links {
		a := l.Attrs()
		if !bridges[a.MasterIndex] || a.Statistics == nil || isTrunk(e.run, a.Name) {
			continue
		}
		v := veth{a.Index, a.NetNsID}
		if ip := e.owner(v); ip != 0 {
			now[v] = ip
			seen[ip] = Bytes{In: a.Statistics.TxBytes, Out: a.Statistics.RxBytes}
		}
	}
	e.owners = now
	return seen, nil
}

// owner returns the node at the other end of the cable; 0: it has just gone,
// or has no address yet.
func (e *eye) owner(v veth) p2p.Addr {
	if ip, ok := e.owners[v]; ok {
		return ip
	}
	ip, err := addressIn(v.netns)
	if err != nil {
		return 0
	}
	return ip
}

// addressIn asks the kernel for the IPv4 address, other than loopback, of
// another network namespace (IFA_TARGET_NETNSID, since Linux 4.20). CAP_NET_ADMIN
// suffices, and neither names nor hardware addresses are relied on, which
// change from one engine to the next.
func addressIn(netnsID int) (p2p.Addr, error) {
	s, err := strictSocket()
	if err != nil {
		return 0, err
	}
	defer s.Close()
	req := nl.NewNetlinkRequest(unix.RTM_GETADDR, unix.NLM_F_DUMP)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: s}}
	req.AddData(nl.NewIfAddrmsg(unix.AF_INET))
	req.AddData(nl.NewRtAttr(unix.IFA_TARGET_NETNSID, nl.Uint32Attr(uint32(netnsID))))
	replies, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWADDR)
	if err != nil {
		return 0, fmt.Errorf("addresses of namespace %d: %w", netnsID, err)
	}
	for _, r := range replies {
		if ip := localAddress(r); ip != 0 && ip>>24 != 127 {
			return p2p.MakeAddr(ip, 0), nil
		}
	}
	return 0, fmt.Errorf("namespace %d has no address", netnsID)
}

// strictSocket is a netlink socket on which the kernel heeds the attributes of
// a dump's request, not only its header.
func strictSocket() (*nl.NetlinkSocket, error) {
	s, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("netlink: %w", err)
	}
	if err := unix.SetsockoptInt(s.GetFd(), unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1); err != nil {
		s.Close()
		return nil, fmt.Errorf("netlink: %w", err)
	}
	return s, nil
}

// localAddress reads the address out of one RTM_NEWADDR message.
func localAddress(msg []byte) uint32 {
	if len(msg) < unix.SizeofIfAddrmsg {
		return 0
	}
	attrs, err := nl.ParseRouteAttr(msg[unix.SizeofIfAddrmsg:])
	if err != nil {
		return 0
	}
	for _, a := range attrs {
		if a.Attr.Type == unix.IFA_LOCAL && len(a.Value) == 4 {
			return binary.BigEndian.Uint32(a.Value)
		}
	}
	return 0
}
