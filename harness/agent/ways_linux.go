package agent

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"peerbed/protocols/p2p"
)

// The sets in which the kernel counts packets by their two addresses: as they
// come to the bridge, before all rules, and as they leave it, after rules, queue
// and lines.
const (
	setSent, setPassed           = "sent", "passed"
	sentPriority, passedPriority = rulesPriority - 100, 100
	mostWays                     = 1 << 18
)

// countWays has the kernel count from now on, unless it does.
func countWays(run string) error {
	table := TableName(run) + waysSuffix
	all, err := tables()
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.Name == table {
			return nil
		}
	}
	c, err := open()
	if err != nil {
		return err
	}
	t := c.AddTable(&nftables.Table{Family: nftables.TableFamilyBridge, Name: table})
	for _, count := range []struct {
		set      string
		priority nftables.ChainPriority
	}{{setSent, sentPriority}, {setPassed, passedPriority}} {
		s := &nftables.Set{Table: t, Name: count.set, KeyType: twoAddresses, Dynamic: true, Size: mostWays}
		if err := c.AddSet(s, nil); err != nil {
			return fmt.Errorf("ways: %w", err)
		}
		through := c.AddChain(&nftables.Chain{Name: count.set, Table: t, Type: nftables.ChainTypeFilter,
			Hooknum: nftables.ChainHookForward, Priority: &count.priority})
		e := append(ipv4[:len(ipv4):len(ipv4)],
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: sourceOffset, Len: twoAddresses.Bytes},
			&expr.Dynset{SrcRegKey: 1, SetName: s.Name, SetID: s.ID, Operation: uint32(unix.NFT_DYNSET_OP_UPDATE), Exprs: []expr.Any{&expr.Counter{}}})
		c.AddRule(&nftables.Rule{Table: t, Chain: through, Exprs: e})
	}
	return flush(c, "count packets")
}

// twoAddresses is the source and the destination, as they stand in a header.
var twoAddresses = nftables.MustConcatSetType(nftables.TypeIPAddr, nftables.TypeIPAddr)

// crossings reads what was counted.
func (s *server) crossings(context.Context, any) (any, error) {
	c, err := open()
	if err != nil {
		return nil, err
	}
	t := &nftables.Table{Family: nftables.TableFamilyBridge, Name: TableName(s.ID) + waysSuffix}
	var all Crossings
	for _, set := range []string{setPassed, setSent} { // in this order: what passes meanwhile is not taken for made up
		elements, err := c.GetSetElements(&nftables.Set{Table: t, Name: set, KeyType: twoAddresses})
		if err != nil {
			return nil, fmt.Errorf("cannot read what was counted: %w", err)
		}
		for _, e := range elements {
			if len(e.Key) < 8 || e.Counter == nil {
				continue
			}
			v := Volume{e.Counter.Packets, e.Counter.Bytes}
			x := Crossing{From: p2p.MakeAddr(binary.BigEndian.Uint32(e.Key), 0), To: p2p.MakeAddr(binary.BigEndian.Uint32(e.Key[4:]), 0)}
			if set == setSent {
				x.Sent = v
			} else {
				x.Passed = v
			}
			all = append(all, x)
		}
	}
	return all, nil
}
