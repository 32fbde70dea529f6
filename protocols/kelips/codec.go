package kelips

import (
	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// The wire format, datagrams and streams alike, is our own. Integers are
// big-endian. An address is 6 bytes: IP, port. A list is its length in one byte
// and then its items; a string is its length in one byte and then its bytes. A
// message is one byte, its number in messages.go counted from 0, and then its
// fields in their order there. Those marked * are questions or answers and begin
// with a tag u32:
//
//	 0 find*       name string
//	 1 insert*     name string, home address
//	 2 has*        name string
//	 3 remove*     name string
//	 4 house*      name string
//	 5 join*       groups u16
//	 6 ping*
//	 7 gossip      groups u16, rumours, news
//	 8 refresh     name string, home address, left u8
//	 9 bye         nothing
//	10 found*      mine u8 (0, 1), homes: addresses, named: addresses
//	11 inserted*   mine u8 (0, 1), named: addresses
//	12 held*       found u8 (0, 1), item
//	13 removed*    found u8 (0, 1)
//	14 housed*     home address (0: none), named: addresses
//	15 welcome*    rumours, news
//	16 pong*
//
//	17 put         "klps", name string, item
//	18 piece       length u32, bytes
//	19 stored      verdict u8: 0 kept, 1 corrupt, 2 refused
//	20 get         "klps", name string
//	21 object      found u8 (0, 1), item
//
//	rumours        list of: address, age u32 (its high bit: gone; the rest: milliseconds)
//	news           list of: name string, home address, age u32 (milliseconds)
//	item           size u64, SHA-1 20 bytes
//
// A stream is opened by put or get, so that its first five bytes tell it.

// magic is what tells Kelips' streams from others on the same port.
const magic = "klps"

var format = wire.Format{
	Kinds:  kinds,
	Stream: lastDatagram + 1,
	Opens:  []p2p.Kind{kindPut, kindGet},
	Magic:  magic,
}
