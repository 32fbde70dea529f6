package agent

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"peerbed/protocols/p2p"
)

// bufferSize is what one transaction, and the kernel's answers to it, may take:
// a thousand cuts of a few nodes each, or a few of a thousand.
const bufferSize = 16 << 20

func bigBuffer(c *netlink.Conn) error {
	return errors.Join(c.SetWriteBuffer(bufferSize), c.SetReadBuffer(bufferSize))
}

// setRules replaces the table of the bridge family in one transaction. A packet
// is judged on the first bridge that it comes to: what comes in by a trunk has
// been, and would lose its share once more.
func setRules(run string, r Rules) error {
	c, err := open()
	if err != nil {
		return err
	}
	t := renew(c, nftables.TableFamilyBridge, TableName(run))
	through := hook(c, t, "forward", nftables.ChainHookForward)
	rule(c, through, expr.VerdictAccept, device(expr.MetaKeyIIFNAME, expr.CmpOpEq, trunkPrefix(run)))
	for i, cut := range r.Cuts {
		from, err := group(c, t, fmt.Sprintf("from%d", i), cut.From)
		if err != nil {
			return err
		}
		to, err := group(c, t, fmt.Sprintf("to%d", i), cut.To)
		if err != nil {
			return err
		}
		drop(c, through, ipv4, within(sourceOffset, from), within(destinationOffset, to))
	}
	silent, err := group(c, t, "silent", r.Silent)
	if err != nil {
		return err
	}
	drop(c, through, ipv4, within(sourceOffset, silent))
	drop(c, through, ipv4, within(destinationOffset, silent))
	if err := wall(c, through, r.Walls); err != nil {
		return err
	}
	if err := lose(c, through, r.Drops); err != nil {
		return err
	}
	return flush(c, "cut the network")
}

// group makes a set of IP addresses. The kernel refuses an element that comes
// twice.
func group(c *nftables.Conn, t *nftables.Table, name string, addrs []p2p.Addr) (*nftables.Set, error) {
	ips := make([]uint32, len(addrs))
	for i, a := range addrs {
		ips[i] = a.IP()
	}
	slices.Sort(ips)
	ips = slices.Compact(ips)
	elements := make([]nftables.SetElement, len(ips))
	for i, ip := range ips {
		elements[i].Key = binaryutil.BigEndian.PutUint32(ip)
	}
	s := &nftables.Set{Table: t, Name: name, KeyType: nftables.TypeIPAddr}
	if err := c.AddSet(s, elements); err != nil {
		return nil, fmt.Errorf("cut: %w", err)
	}
	return s, nil
}

// ipv4 fits IPv4 packets; ARP and the rest passes.
var ipv4 = []expr.Any{
	&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: 1},
	&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(unix.ETH_P_IP)},
}

// within fits IPv4 packets whose address at offset is in the set.
func within(offset uint32, s *nftables.Set) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4},
		&expr.Lookup{SourceRegister: 1, SetName: s.Name, SetID: s.ID},
	}
}

// tables lists the packet tables of all runs.
func tables() ([]*nftables.Table, error) {
	c, err := open()
	if err != nil {
		return nil, err
	}
	all, err := c.ListTables()
	if err != nil {
		return nil, fmt.Errorf("cannot list packet tables: %w", err)
	}
	return slices.DeleteFunc(all, func(t *nftables.Table) bool {
		_, ours := runOfTable(t.Name)
		return !ours
	}), nil
}

// dropTables deletes the packet tables of the runs that gone says are no more.
func dropTables(gone func(run string) bool) error {
	all, err := tables()
	if err != nil {
		return err
	}
	c, err := open()
	if err != nil {
		return err
	}
	for _, t := range all {
		if run, _ := runOfTable(t.Name); gone(run) {
			c.DelTable(t)
		}
	}
	return flush(c, "remove packet tables")
}
