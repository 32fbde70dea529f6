package chord

import (
	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// The wire format, datagrams and streams alike. Integers are big-endian. An
// address is 7 bytes: IP, port, and which point of the node there (see
// virtual.go; nodes with one have point 0). A list is its length in one byte and
// then its items; a string is its length in one byte and then its bytes. A
// message is one byte, its number in messages.go counted from 0, and then its
// fields in their order there. Those marked * are questions or answers and begin
// with a tag u32; all datagrams go on with the point that sends, u8, and the point
// that is meant, u8:
//
//	 0 next*            key u64, not: addresses
//	 1 route*           key u64, nonce u64, origin address, path
//	 2 has*             name string
//	 3 remove*          name string, version u32
//	 4 seek*            as next
//	 5 getNeighbours*
//	 6 notify           nothing else
//	 7 ping*
//	 8 bye              predecessor address, successors: addresses
//	 9 meet             address
//	10 step*            choice
//	11 ack*
//	12 routed           nonce u64, choice, path
//	13 held*            found u8 (0, 1), item
//	14 removed*         found u8 (0, 1)
//	15 sought*          as step
//	16 neighbours*      predecessor address (0: none), successors: addresses
//	17 pong*
//
//	18 put              "chrd", point u8, name string, item
//	19 want             nothing
//	20 piece            length u32, bytes
//	21 stored           verdict u8: 0 kept, 1 corrupt, 2 refused, 3 gone; version u32
//	22 get              "chrd", point u8, name string
//	23 object           found u8 (0, 1), item
//
//	choice              done u8 (0, 1), via u8, nodes: addresses
//	path                list of: address, via u8
//	via                 0 oneself, 1 + i finger i, 127 predecessor, 128 + i successor i
//	item                size u64, SHA-1 20 bytes, version u32, holder address (0: none)
//
// A stream is opened by put or get, so that its first five bytes tell it.

// magic is what tells Chord's streams from others on the same port.
const magic = "chrd"

var format = wire.Format{
	Kinds:  kinds,
	Stream: lastDatagram + 1,
	Opens:  []p2p.Kind{kindPut, kindGet},
	Magic:  magic,
}
