package pastry

import (
	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// The wire format, datagrams and streams alike. Integers are big-endian. An
// address is 6 bytes: IP, port. A list is its length in one byte and then its
// items; a string is its length in one byte and then its bytes. A message is one
// byte, its number in messages.go counted from 0, and then its fields in their
// order there. Those marked * are questions or answers and begin with a tag u32:
//
//	 0 route*           key u64, nonce u64, origin address, name string, path
//	 1 has*             name string
//	 2 remove*          name string, version u32
//	 3 join*            as route
//	 4 scout*           as route
//	 5 get_leaves*
//	 6 get_state*       row u8 (255: all)
//	 7 ping*
//	 8 admit*           other address
//	 9 adopt*
//	10 release          nothing
//	11 announce*        version u32
//	12 bye              sides
//	13 fallen           address
//	14 ack*
//	15 routed           nonce u64, found u8 (0, 1), item, nodes: addresses, path
//	16 held*            found u8 (0, 1), item
//	17 removed*         found u8 (0, 1)
//	18 nod*
//	19 welcome          nonce u64, verdict u8, version u32, sides, path: addresses
//	20 scouted          nonce u64, sides
//	21 leaf_set*        version u32, sides
//	22 tables*          slots: addresses, near: addresses
//	23 pong*
//	24 admitted*        granted u8 (0, 1), sides
//	25 adopted*         done u8 (0, 1)
//
//	26 put              "pstr", name string, item
//	27 want             nothing
//	28 piece            length u32, bytes
//	29 stored           verdict u8, version u32
//	30 get              "pstr", name string
//	31 object           found u8 (0, 1), item
//
//	sides               smaller: addresses, larger: addresses
//	path                list of: address, via u16
//	via                 0 oneself, 0x8000 + 64 row + digit, 0x4000 + i near, 0x2000 + 64 side + i leaf
//	item                size u64, SHA-1 20 bytes, version u32
//	verdict             0 kept, 1 corrupt, 2 refused, 3 gone
//
// A stream is opened by put or get, so that its first five bytes tell it.

// magic is what tells Pastry's streams from others on the same port.
const magic = "pstr"

var format = wire.Format{
	Kinds:  kinds,
	Stream: lastDatagram + 1,
	Opens:  []p2p.Kind{kindPut, kindGet},
	Magic:  magic,
}
