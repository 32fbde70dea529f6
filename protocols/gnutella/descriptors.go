package gnutella

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// The types of descriptors.
const (
	typePing  = 0x00
	typePong  = 0x01
	typeBye   = 0x02
	typeRoute = 0x30
	typePush  = 0x40
	typeQuery = 0x80
	typeHit   = 0x81
)

// maxPayload bounds what is taken from a stranger: the upper half of the
// length field is zero, as newer servents have it. What we send ourselves stays
// below maxHit, since servents of version 0.4 drop what is over 4 kB.
const (
	maxPayload = 64<<10 - 1
	maxHit     = 4000
)

// Integers are little-endian, but IP addresses are not.
var le = binary.LittleEndian

func appendHead(dst []byte, h *Head, typ byte, size int) []byte {
	dst = append(dst, h.ID[:]...)
	dst = append(dst, typ, h.TTL, h.Hops)
	return le.AppendUint32(dst, uint32(size-headSize))
}

// Pong and Hit have the port first, Push has it last.
func appendPortIP(dst []byte, a p2p.Addr) []byte {
	return binary.BigEndian.AppendUint32(le.AppendUint16(dst, a.Port()), a.IP())
}

func readPortIP(r *wire.Reader) p2p.Addr {
	port := r.Uint16(le)
	return p2p.MakeAddr(r.Uint32(binary.BigEndian), port)
}

// append methods write the whole descriptor.

func (m *Ping) append(dst []byte) []byte { return appendHead(dst, &m.Head, typePing, m.Size()) }

func (m *Pong) append(dst []byte) []byte {
	dst = appendPortIP(appendHead(dst, &m.Head, typePong, m.Size()), m.Addr)
	return le.AppendUint32(le.AppendUint32(dst, m.Files), m.KiB)
}

func (m *Bye) append(dst []byte) []byte {
	dst = le.AppendUint16(appendHead(dst, &m.Head, typeBye, m.Size()), m.Code)
	return append(append(dst, m.Text...), 0)
}

// A route table travels in descriptors of one type; their first byte tells a
// reset from a patch.
const (
	routeReset = 0
	routePatch = 1
)

func (m *RouteReset) append(dst []byte) []byte {
	dst = append(appendHead(dst, &m.Head, typeRoute, m.Size()), routeReset)
	return append(le.AppendUint32(dst, m.Entries), m.Infinity)
}

func (m *RoutePatch) append(dst []byte) []byte {
	dst = append(appendHead(dst, &m.Head, typeRoute, m.Size()), routePatch, m.Seq, m.Of, 0, m.Bits)
	if m.Zlib {
		dst[len(dst)-2] = 1
	}
	return append(dst, m.Data...)
}

func (m *Push) append(dst []byte) []byte {
	dst = append(appendHead(dst, &m.Head, typePush, m.Size()), m.Servent[:]...)
	dst = binary.BigEndian.AppendUint32(le.AppendUint32(dst, m.Index), m.Addr.IP())
	return le.AppendUint16(dst, m.Addr.Port())
}

func (m *Query) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(appendHead(dst, &m.Head, typeQuery, m.Size()), m.Flags)
	dst = append(append(dst, m.Text...), 0)
	return append(dst, m.Ext...)
}

func (m *Hit) append(dst []byte) []byte {
	if len(m.Files) > 255 {
		panic(fmt.Sprintf("gnutella: %d files in one hit", len(m.Files)))
	}
	dst = append(appendHead(dst, &m.Head, typeHit, m.Size()), byte(len(m.Files)))
	dst = le.AppendUint32(appendPortIP(dst, m.Addr), m.Speed)
	for _, f := range m.Files {
		dst = le.AppendUint32(le.AppendUint32(dst, f.Index), f.Size)
		dst = append(append(dst, f.Name...), 0)
		dst = append(append(dst, f.Ext...), 0)
	}
	dst = append(dst, m.Trailer...)
	return append(dst, m.Servent[:]...)
}

// parse methods read the payload. Extensions after fixed fields (GGEP) are
// allowed and dropped; a descriptor that is too short is an error.

func (m *Pong) parse(r *wire.Reader) {
	m.Addr, m.Files, m.KiB = readPortIP(r), r.Uint32(le), r.Uint32(le)
}

func (m *Bye) parse(r *wire.Reader) {
	m.Code = r.Uint16(le)
	m.Text, _, _ = strings.Cut(string(r.Take(r.Len())), "\x00")
}

func (m *RouteReset) parse(r *wire.Reader) { m.Entries, m.Infinity = r.Uint32(le), r.Uint8() }

func (m *RoutePatch) parse(r *wire.Reader) {
	m.Seq, m.Of = r.Uint8(), r.Uint8()
	compressor := r.Uint8()
	m.Zlib, m.Bits, m.Data = compressor == 1, r.Uint8(), string(r.Take(r.Len()))
	if compressor > 1 || m.Bits != 4 && m.Bits != 8 || m.Seq == 0 || m.Seq > m.Of {
		r.Fail("route patch %d of %d, compressor %d, %d bits an entry", m.Seq, m.Of, compressor, m.Bits)
	}
}

func (m *Push) parse(r *wire.Reader) {
	copy(m.Servent[:], r.Take(len(m.Servent)))
	m.Index = r.Uint32(le)
	ip := r.Uint32(binary.BigEndian)
	m.Addr = p2p.MakeAddr(ip, r.Uint16(le))
}

func (m *Query) parse(r *wire.Reader) {
	m.Flags, m.Text = r.Uint16(binary.BigEndian), r.CString()
	m.Ext = string(r.Take(r.Len()))
}

func (m *Hit) parse(r *wire.Reader) {
	n := int(r.Uint8())
	m.Addr, m.Speed, m.Files = readPortIP(r), r.Uint32(le), m.Files[:0]
	if n*10+len(m.Servent) > r.Len() { // 10 bytes: a File without a letter
		r.Fail("%d files in %d bytes", n, r.Len())
		return
	}
	for range n {
		m.Files = append(m.Files, File{r.Uint32(le), r.Uint32(le), r.CString(), r.CString()})
	}
	m.Trailer = string(r.Take(r.Len() - len(m.Servent)))
	copy(m.Servent[:], r.Take(len(m.Servent)))
}

// speed returns the minimal speed, in kbit/s, that an old servent asks for.
func (m *Query) speed() uint32 {
	if m.Flags&Marked != 0 {
		return 0
	}
	return uint32(bits.ReverseBytes16(m.Flags))
}
