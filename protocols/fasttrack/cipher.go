package fasttrack

import (
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"slices"

	"peerbed/protocols/p2p"
)

var be = binary.BigEndian

// The types of cipher that this package knows. The supernode chooses one, and the
// original software then used others, with keys that some ten thousand lines of
// found-out arithmetic mangle. These two need none of it.
const (
	cipherPlain = 0x40 // the stirred pad as it is
	cipherTable = 0x48 // and a table of bytes behind it
)

// masks are what the type of cipher is hidden with in a handshake, for those
// seeds for which that is known.
var masks = map[uint32]uint32{
	0x00000000: 0x48A00A33,
	0x00000001: 0x0A24408D,
	0x12345678: 0x0A560342,
	0xFACB1238: 0x3209D21B,
}

// Seeds of this package's own handshakes, which are among masks. clientSeed is the
// one that open clients send.
const (
	clientSeed    = 0xFACB1238
	supernodeSeed = 0
)

// knownCipher returns the type of cipher in a supernode's answer.
func knownCipher(seed, masked uint32) (kind uint32, err error) {
	mask, ok := masks[seed]
	kind = mask ^ masked
	if !ok || kind != cipherPlain && kind != cipherTable {
		return 0, fmt.Errorf("%w: no cipher known for seed %08x and type %08x", p2p.ErrMalformed, seed, masked)
	}
	return kind, nil
}

const padSize = 63

// A keystream enciphers one direction of a session: each byte is xored with the
// next of a pad that changes as it is used.
type keystream struct {
	pad   [padSize]byte
	at    uint8
	wraps uint8 // completed turns of the pad
	table *[256]byte
}

func newKeystream(kind, seed uint32) *keystream {
	k := &keystream{}
	step := func() uint32 {
		seed = seed*0x10DCD + 0x4271
		return seed
	}
	var words [80]byte
	for i := 0; i < len(words); i += 4 {
		binary.LittleEndian.PutUint32(words[i:], step())
	}
	copy(k.pad[:], words[:])
	if !slices.ContainsFunc(k.pad[:], func(b byte) bool { return b&1 == 1 }) {
		k.pad[0] |= 0x71
	}
	k.at = uint8(padSize * (step() >> 16) >> 16)
	if kind == cipherTable {
		k.table = newTable(md5.Sum(k.pad[:]))
	}
	k.stir(uint32(k.at))
	return k
}

// newTable shuffles the bytes by the first four of a digest.
func newTable(digest [md5.Size]byte) *[256]byte {
	var t [256]byte
	for i := range t {
		t[i] = byte(i)
	}
	s := binary.LittleEndian.Uint32(digest[:])
	for i := range uint32(256) {
		s = s*0x10DCD + 0x4271
		j := i + (s>>16)*(256-i)>>16
		t[i], t[j] = t[j], t[i]
	}
	return &t
}

// stir sorts five bytes of the pad and makes new ones of every third.
func (k *keystream) stir(x uint32) {
	from := (x*x + 2) % 59
	slices.SortFunc(k.pad[from:from+5], func(a, b byte) int { return int(a^0x20) - int(b^0x20) })
	for i := 5; i < padSize; i += 3 {
		k.pad[i] = (^k.pad[i] + byte(i)) | 1
	}
}

// next returns the next byte of the stream.
func (k *keystream) next() byte {
	before := k.at
	if before == 0 {
		before = padSize
	}
	sum := k.pad[k.at] + k.pad[before-1]
	k.pad[k.at] = sum
	if k.at == 7 && sum&0x70 == 0 {
		k.stir(uint32(sum) + uint32(k.pad[2]))
	}
	if k.at++; k.at == padSize {
		k.at, k.wraps = 0, k.wraps+1
	}
	if k.table != nil {
		return k.table[k.wraps+sum]
	}
	return sum
}

// xor enciphers b in place, or deciphers it. A nil keystream leaves it as it is.
func (k *keystream) xor(b []byte) {
	for i := 0; k != nil && i < len(b); i++ {
		b[i] ^= k.next()
	}
}
