package agent

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// Where the flags lie in the header of a TCP segment, and two of them.
const (
	flagsOffset = 13
	flagSYN     = 0x02
	flagACK     = 0x10
)

// opening fits the first segment of a connection: SYN and not ACK.
var opening = []expr.Any{
	&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
	&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
	&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: flagsOffset, Len: 1},
	&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: []byte{flagSYN | flagACK}, Xor: []byte{0}},
	&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{flagSYN}},
}

// wall drops what would open a connection to one of the nodes.
func wall(c *nftables.Conn, chain *nftables.Chain, nodes []p2p.Addr) error {
	walled, err := group(c, chain.Table, "walled", nodes)
	if err != nil {
		return err
	}
	drop(c, chain, ipv4, within(destinationOffset, walled), opening)
	return nil
}

// outOf is what a share is a number of: packets in a million.
const outOf = 1_000_000

// lose drops shares of the packets, each packet by lot.
func lose(c *nftables.Conn, chain *nftables.Chain, drops []linkmodel.Drop) error {
	for i, d := range drops {
		matches := [][]expr.Any{ipv4}
		for _, side := range []struct {
			name   string
			offset uint32
			nodes  []p2p.Addr
		}{{"lossfrom", sourceOffset, d.From}, {"lossto", destinationOffset, d.To}} {
			if len(side.nodes) == 0 {
				continue // all
			}
			s, err := group(c, chain.Table, fmt.Sprint(side.name, i), side.nodes)
			if err != nil {
				return err
			}
			matches = append(matches, within(side.offset, s))
		}
		drop(c, chain, append(matches, lot(d.Share))...)
	}
	return nil
}

// lot fits a share of all packets. The kernel compares bytes, so the number has
// to be turned to the order of the network first.
func lot(share float64) []expr.Any {
	return []expr.Any{
		&expr.Numgen{Register: 1, Modulus: outOf, Type: unix.NFT_NG_RANDOM},
		&expr.Byteorder{SourceRegister: 1, DestRegister: 1, Op: expr.ByteorderHton, Len: 4, Size: 4},
		&expr.Cmp{Op: expr.CmpOpLt, Register: 1, Data: binaryutil.BigEndian.PutUint32(uint32(share*outOf + 0.5))},
	}
}
