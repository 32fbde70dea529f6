package fasttrack

import (
	"slices"

	"peerbed/protocols/wire"
)

// The types of frames. Those above 0x8000 are between supernodes, or between a
// supernode and one that could be; their layout is our own.
const (
	typeSupernodes = 0x00
	typeLogin      = 0x02
	typeWanted     = 0x03
	typeUnshare    = 0x05
	typeSearch     = 0x06
	typeResults    = 0x07
	typeEnd        = 0x08
	typePush       = 0x0D
	typeShare      = 0x22
	typeExternal   = 0x2C
	typeLink       = 0x8001
	typeStanding   = 0x8002
	typePromote    = 0x8003
	typeQuery      = 0xC006
	typeHits       = 0x8007
)

const (
	maxPayload = 0xFFFF
	maxText    = 255 // bytes of a user's name, a term, a tag
	maxTerms   = 16
	maxTags    = 32
	maxMatches = 200 // results of one Search, supernodes of one list
)

// packedSize is how many bytes v takes in groups of seven bits.
func packedSize(v uint32) int {
	n := 1
	for v >>= 7; v > 0; v >>= 7 {
		n++
	}
	return n
}

// appendPacked writes v in groups of seven bits, the most significant first, with
// the high bit on all but the last.
func appendPacked(dst []byte, v uint32) []byte {
	for i := packedSize(v) - 1; i > 0; i-- {
		dst = append(dst, byte(v>>(7*i))|0x80)
	}
	return append(dst, byte(v)&0x7f)
}

// packed reads what appendPacked wrote, up to limit.
func packed(r *wire.Reader, limit uint32) uint32 {
	v := uint64(0)
	for range 5 {
		b := r.Uint8()
		v = v<<7 | uint64(b&0x7f)
		if b&0x80 == 0 {
			if v > uint64(limit) {
				r.Fail("packed number %d, over %d", v, limit)
				return 0
			}
			return uint32(v)
		}
	}
	r.Fail("packed number of more than 5 bytes")
	return 0
}

// text reads a string after its packed length.
func text(r *wire.Reader) string { return string(r.Take(int(packed(r, maxText)))) }

func appendText(dst []byte, s string) []byte {
	return append(appendPacked(dst, uint32(len(s))), s...)
}

// rest reads all that is left as a string of at most maxText bytes.
func rest(r *wire.Reader) string {
	if r.Len() > maxText {
		r.Fail("a name of %d bytes", r.Len())
	}
	return string(r.Take(r.Len()))
}

func (m *Supernodes) append(dst []byte) []byte {
	for _, s := range m.List {
		dst = append(wire.AppendAddr(dst, s.Addr), s.Seen, s.Load)
	}
	return dst
}

func (m *Supernodes) parse(r *wire.Reader) {
	m.List = m.List[:0]
	for r.Len() > 0 && len(m.List) < maxMatches { // what is more is skipped
		m.List = append(m.List, Supernode{r.Addr(), r.Uint8(), r.Uint8()})
	}
	r.Take(r.Len())
}

func (m *Login) append(dst []byte) []byte {
	dst = append(wire.AppendAddr(dst, m.Addr), m.Bandwidth, 0)
	return append(dst, m.User...)
}

func (m *Login) parse(r *wire.Reader) {
	m.Addr, m.Bandwidth = r.Addr(), r.Uint8()
	r.Uint8()
	m.User = rest(r)
}

func (f *File) append(dst []byte) []byte {
	dst = append(dst, f.Hash[:]...)
	dst = appendPacked(appendPacked(dst, uint32(f.Sum)), f.Size)
	return append(appendPacked(dst, uint32(f.Tags.N)), f.Tags.Raw...)
}

func (f *File) parse(r *wire.Reader) {
	copy(f.Hash[:], r.Take(len(f.Hash)))
	f.Sum, f.Size = uint16(packed(r, 0xFFFF)), packed(r, 0xFFFFFFFF)
	f.Tags = Tags{N: uint8(packed(r, maxTags))}
	ahead := *r
	for range f.Tags.N {
		packed(&ahead, 0xFFFF)
		ahead.Take(int(packed(&ahead, maxText)))
	}
	if ahead.Err() != nil {
		*r = ahead
		return
	}
	f.Tags.Raw = string(r.Take(r.Len() - ahead.Len()))
}

func (m *Share) append(dst []byte) []byte {
	return m.File.append(append(dst, 0, m.Media, 0, 0))
}

func (m *Share) parse(r *wire.Reader) {
	r.Uint8()
	m.Media = r.Uint8()
	r.Take(2)
	m.File.parse(r)
}

func (m *Search) append(dst []byte) []byte {
	dst = be.AppendUint16(append(dst, 0, 1), m.Max)
	dst = append(be.AppendUint16(dst, m.ID), 1, m.Realm)
	dst = append(dst, byte(len(m.Terms)))
	for i := range m.Terms {
		t := &m.Terms[i]
		dst = appendText(appendPacked(append(dst, t.Cmp), uint32(t.Field)), t.Text)
	}
	return dst
}

func (m *Search) parse(r *wire.Reader) {
	r.Take(2)
	m.Max, m.ID = r.Uint16(be), r.Uint16(be)
	r.Uint8()
	m.Realm = r.Uint8()
	n := r.Uint8()
	if n > maxTerms {
		r.Fail("%d terms", n)
	}
	m.Terms = m.Terms[:0]
	for range n {
		t := Term{Cmp: r.Uint8(), Field: uint8(packed(r, 0xFF)), Text: text(r)}
		if r.Err() != nil {
			return
		}
		m.Terms = append(m.Terms, t)
	}
}

// sameUser is one byte in place of a user's and network's names that are those of
// the result before.
const sameUser = 2

func (r *Result) sameUser(as *Result) bool { return r.User == as.User && r.Network == as.Network }

// minResult is the least that one result takes.
const minResult = 7 + 1 + 20 + 3

func (m *Results) append(dst []byte) []byte {
	dst = be.AppendUint16(wire.AppendAddr(dst, m.Supernode), m.ID)
	dst = be.AppendUint16(dst, uint16(len(m.List)))
	for i := range m.List {
		f := &m.List[i]
		dst = append(wire.AppendAddr(dst, f.Addr), f.Bandwidth)
		if i > 0 && f.sameUser(&m.List[i-1]) {
			dst = append(dst, sameUser)
		} else {
			dst = append(append(dst, f.User...), 1)
			dst = append(append(dst, f.Network...), 0)
		}
		dst = f.File.append(dst)
	}
	return dst
}

func (m *Results) parse(r *wire.Reader) {
	m.Supernode, m.ID = r.Addr(), r.Uint16(be)
	n := int(r.Uint16(be))
	if n > r.Len()/minResult {
		r.Fail("%d results in %d bytes", n, r.Len())
	}
	m.List = slices.Grow(m.List[:0], min(n, r.Len()/minResult))
	for i := range n {
		f := Result{Addr: r.Addr(), Bandwidth: r.Uint8()}
		if first := r.Uint8(); i > 0 && first == sameUser {
			f.User, f.Network = m.List[i-1].User, m.List[i-1].Network
		} else {
			f.parseUser(first, r)
		}
		f.File.parse(r)
		if r.Err() != nil {
			return
		}
		m.List = append(m.List, f)
	}
}

// parseUser reads "user\x01network\x00", whose first byte has been read.
func (f *Result) parseUser(first byte, r *wire.Reader) {
	name := make([]byte, 0, 48)
	for b := first; b != 1 && r.Err() == nil; b = r.Uint8() {
		if name = append(name, b); len(name) > maxText || b == 0 {
			r.Fail("a user's name that does not end")
		}
	}
	f.User = string(name)
	f.Network = r.CString()
	if len(f.Network) > maxText {
		r.Fail("a network's name of %d bytes", len(f.Network))
	}
}

func (m *End) append(dst []byte) []byte { return be.AppendUint16(dst, m.ID) }

func (m *End) parse(r *wire.Reader) { m.ID = r.Uint16(be) }

func (m *External) append(dst []byte) []byte { return be.AppendUint32(dst, m.IP) }

func (m *External) parse(r *wire.Reader) { m.IP = r.Uint32(be) }

func (m *Other) append(dst []byte) []byte { return append(dst, m.Payload...) }

func (m *Push) append(dst []byte) []byte { return wire.AppendAddr(be.AppendUint32(dst, m.ID), m.To) }

func (m *Push) parse(r *wire.Reader) { m.ID, m.To = r.Uint32(be), r.Addr() }

func (m *PushWanted) append(dst []byte) []byte {
	dst = wire.AppendAddr(be.AppendUint32(dst, m.ID), m.To)
	dst = wire.AppendAddr(wire.AppendAddr(dst, m.Who), m.Supernode)
	return append(dst, m.User...)
}

func (m *PushWanted) parse(r *wire.Reader) {
	m.ID, m.To = r.Uint32(be), r.Addr()
	m.Who, m.Supernode = r.Addr(), r.Addr()
	m.User = rest(r)
}

func (m *Link) append(dst []byte) []byte {
	return append(be.AppendUint16(wire.AppendAddr(dst, m.Addr), m.Reputation), m.Load)
}

func (m *Link) parse(r *wire.Reader) {
	m.Addr, m.Reputation, m.Load = r.Addr(), r.Uint16(be), r.Uint8()
}

func (m *Standing) append(dst []byte) []byte {
	return wire.AppendAddr(be.AppendUint16(dst, m.Reputation), m.Addr)
}

func (m *Standing) parse(r *wire.Reader) { m.Reputation, m.Addr = r.Uint16(be), r.Addr() }

func (m *Query) append(dst []byte) []byte {
	return m.Search.append(append(be.AppendUint64(dst, m.Flood), m.TTL, m.Hops))
}

func (m *Query) parse(r *wire.Reader) {
	m.Flood, m.TTL, m.Hops = r.Uint64(be), r.Uint8(), r.Uint8()
	m.Search.parse(r)
}

func (m *Hits) append(dst []byte) []byte {
	return m.Results.append(append(be.AppendUint64(dst, m.Flood), m.Hops))
}

func (m *Hits) parse(r *wire.Reader) {
	m.Flood, m.Hops = r.Uint64(be), r.Uint8()
	m.Results.parse(r)
}
