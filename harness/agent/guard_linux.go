package agent

import (
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Priorities: the guard comes before the filters of others (0), the rules
// before the bridge's own (-200 is where nat begins).
const (
	guardPriority = -10
	rulesPriority = -200
)

// setGuard replaces the guard's table in one transaction. Seen from the host,
// packets of the bridge's members arrive on the bridge (input), would be
// routed on (forward) or are sent to them (output); none may. Packets among
// members pass the forward hook too where br_netfilter is on: they come in and
// go out on one bridge. The run's shards and trunks count as its bridge.
func setGuard(run string, g Guard) error {
	subnet, err := netip.ParsePrefix(g.Subnet)
	if err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	c, err := open()
	if err != nil {
		return err
	}
	t := renew(c, nftables.TableFamilyINet, TableName(run))
	in, through, out := hook(c, t, "input", nftables.ChainHookInput), hook(c, t, "forward", nftables.ChainHookForward), hook(c, t, "output", nftables.ChainHookOutput)
	ours := BridgeName(run)
	from, notFrom := device(expr.MetaKeyIIFNAME, expr.CmpOpEq, ours), device(expr.MetaKeyIIFNAME, expr.CmpOpNeq, ours)
	to, notTo := device(expr.MetaKeyOIFNAME, expr.CmpOpEq, ours), device(expr.MetaKeyOIFNAME, expr.CmpOpNeq, ours)
	drop(c, in, from)
	drop(c, through, from, notTo)
	drop(c, through, to, notFrom)
	drop(c, out, to)
	drop(c, out, destination(subnet)) // the host has no route there, and would ask its default gateway
	return flush(c, "guard the network")
}

// open begins a transaction. The buffer holds the rules of a thousand nodes.
func open() (*nftables.Conn, error) {
	c, err := nftables.New(nftables.WithSockOptions(bigBuffer))
	if err != nil {
		return nil, fmt.Errorf("cannot reach nftables, which needs CAP_NET_ADMIN and a kernel with nf_tables: %w", err)
	}
	return c, nil
}

func flush(c *nftables.Conn, what string) error {
	if err := c.Flush(); err != nil {
		return fmt.Errorf("cannot %s, which needs CAP_NET_ADMIN and a kernel with nf_tables for the inet and bridge families: %w", what, err)
	}
	return nil
}

// renew makes an empty table in place of one that may be there. Only a table
// that exists can be deleted, hence the first Add.
func renew(c *nftables.Conn, f nftables.TableFamily, name string) *nftables.Table {
	t := &nftables.Table{Family: f, Name: name}
	c.AddTable(t)
	c.DelTable(t)
	return c.AddTable(t)
}

func hook(c *nftables.Conn, t *nftables.Table, name string, h *nftables.ChainHook) *nftables.Chain {
	priority := nftables.ChainPriority(guardPriority)
	if t.Family == nftables.TableFamilyBridge {
		priority = rulesPriority
	}
	return c.AddChain(&nftables.Chain{Name: name, Table: t, Type: nftables.ChainTypeFilter, Hooknum: h, Priority: &priority})
}

// drop adds a rule: what fits all of the matches is counted and dropped.
func drop(c *nftables.Conn, chain *nftables.Chain, matches ...[]expr.Any) {
	rule(c, chain, expr.VerdictDrop, matches...)
}

func rule(c *nftables.Conn, chain *nftables.Chain, verdict expr.VerdictKind, matches ...[]expr.Any) {
	var e []expr.Any
	for _, m := range matches {
		e = append(e, m...)
	}
	e = append(e, &expr.Counter{}, &expr.Verdict{Kind: verdict})
	c.AddRule(&nftables.Rule{Table: chain.Table, Chain: chain, Exprs: e})
}

// device compares the beginning of the name of the interface that a packet came
// in or goes out on.
func device(key expr.MetaKey, op expr.CmpOp, prefix string) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: key, Register: 1},
		&expr.Cmp{Op: op, Register: 1, Data: []byte(prefix)},
	}
}

// Where the addresses lie in the header of an IPv4 packet.
const (
	sourceOffset      = 12
	destinationOffset = 16
)

// destination fits IPv4 packets to the subnet.
func destination(p netip.Prefix) []expr.Any {
	address := p.Masked().Addr().As4()
	mask := binaryutil.BigEndian.PutUint32(^uint32(0) << (32 - p.Bits()))
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.NFPROTO_IPV4}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: destinationOffset, Len: 4},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask, Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: address[:]},
	}
}
