package pastry

import (
	"slices"

	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
	"peerbed/protocols/wire"
)

// What each message consists of, said once for both directions; codec.go has
// the table. Sizes are formulas, because the simulator asks for one at every
// send; a test holds them against the bytes.

const (
	sizeTag   = 4
	sizeAddr  = 6
	sizeStage = sizeAddr + 2
	sizeItem  = 8 + len(hash{}) + 4
)

func (m *route) Size() int {
	return 1 + sizeTag + 8 + 8 + sizeAddr + 1 + len(m.Name) + 1 + sizeStage*len(m.Path)
}
func (m *has) Size() int       { return 1 + sizeTag + 1 + len(m.Name) }
func (m *remove) Size() int    { return 1 + sizeTag + 1 + len(m.Name) + 4 }
func (m *getLeaves) Size() int { return 1 + sizeTag }
func (m *getState) Size() int  { return 1 + sizeTag + 1 }
func (m *ping) Size() int      { return 1 + sizeTag }
func (m *admit) Size() int     { return 1 + sizeTag + sizeAddr }
func (m *adopt) Size() int     { return 1 + sizeTag }
func (m *release) Size() int   { return 1 }
func (m *announce) Size() int  { return 1 + sizeTag + 4 }
func (m *bye) Size() int       { return 1 + m.sides.size() }
func (m *fallen) Size() int    { return 1 + sizeAddr }
func (m *ack) Size() int       { return 1 + sizeTag }
func (m *routed) Size() int {
	return 1 + 8 + 1 + sizeItem + 1 + sizeAddr*len(m.Nodes) + 1 + sizeStage*len(m.Path)
}
func (m *held) Size() int       { return 1 + sizeTag + 1 + sizeItem }
func (m *removed) Size() int    { return 1 + sizeTag + 1 }
func (m *nod) Size() int        { return 1 + sizeTag }
func (m *welcome) Size() int    { return 1 + 8 + 1 + 4 + m.sides.size() + 1 + sizeAddr*len(m.Path) }
func (m *scouted) Size() int    { return 1 + 8 + m.sides.size() }
func (m *neighbours) Size() int { return 1 + sizeTag + 4 + m.sides.size() }
func (m *tables) Size() int     { return 1 + sizeTag + 2 + sizeAddr*(len(m.Slots)+len(m.Near)) }
func (m *pong) Size() int       { return 1 + sizeTag }
func (m *admitted) Size() int   { return 1 + sizeTag + 1 + m.sides.size() }
func (m *adopted) Size() int    { return 1 + sizeTag + 1 }
func (m *put) Size() int        { return 1 + len(magic) + 1 + len(m.Name) + sizeItem }
func (m *want) Size() int       { return 1 }
func (m *piece) Size() int      { return 1 + 4 + m.Data.Len }
func (m *stored) Size() int     { return 1 + 1 + 4 }
func (m *get) Size() int        { return 1 + len(magic) + 1 + len(m.Name) }
func (m *object) Size() int     { return 1 + 1 + sizeItem }

func (s *sides) size() int { return 2 + sizeAddr*(len(s.Smaller)+len(s.Larger)) }

func (m *route) fields(f *fields) {
	f.uint32(&m.ID)
	f.id(&m.Key)
	f.uint64(&m.Nonce)
	f.addr(&m.Origin)
	f.text(&m.Name)
	f.path(&m.Path)
}

func (m *has) fields(f *fields) {
	f.uint32(&m.ID)
	f.text(&m.Name)
}

func (m *remove) fields(f *fields) {
	f.uint32(&m.ID)
	f.text(&m.Name)
	f.uint32(&m.Version)
}

func (m *getLeaves) fields(f *fields) { f.uint32(&m.ID) }

func (m *getState) fields(f *fields) {
	f.uint32(&m.ID)
	f.byte(&m.Row, 0xff)
}

func (m *ping) fields(f *fields) { f.uint32(&m.ID) }

func (m *admit) fields(f *fields) {
	f.uint32(&m.ID)
	f.addr(&m.Other)
}

func (m *adopt) fields(f *fields) { f.uint32(&m.ID) }
func (m *release) fields(*fields) {}

func (m *announce) fields(f *fields) {
	f.uint32(&m.ID)
	f.uint32(&m.Version)
}

func (m *bye) fields(f *fields)    { m.sides.fields(f) }
func (m *fallen) fields(f *fields) { f.addr(&m.Who) }
func (m *ack) fields(f *fields)    { f.uint32(&m.ID) }

func (m *routed) fields(f *fields) {
	f.uint64(&m.Nonce)
	f.bit(&m.Found)
	f.item(&m.item)
	f.addrs(&m.Nodes, 2*maxSide+1)
	f.path(&m.Path)
}

func (m *held) fields(f *fields) {
	f.uint32(&m.ID)
	f.bit(&m.Found)
	f.item(&m.item)
}

func (m *removed) fields(f *fields) {
	f.uint32(&m.ID)
	f.bit(&m.Found)
}

func (m *nod) fields(f *fields) { f.uint32(&m.ID) }

func (m *welcome) fields(f *fields) {
	f.uint64(&m.Nonce)
	f.byte((*byte)(&m.Verdict), byte(gone))
	f.uint32(&m.Version)
	m.sides.fields(f)
	f.addrs(&m.Path, maxHops)
}

func (m *scouted) fields(f *fields) {
	f.uint64(&m.Nonce)
	m.sides.fields(f)
}

func (m *neighbours) fields(f *fields) {
	f.uint32(&m.ID)
	f.uint32(&m.Version)
	m.sides.fields(f)
}

func (m *tables) fields(f *fields) {
	f.uint32(&m.ID)
	f.addrs(&m.Slots, maxSlots)
	f.addrs(&m.Near, maxNear)
}

func (m *pong) fields(f *fields) { f.uint32(&m.ID) }

func (m *admitted) fields(f *fields) {
	f.uint32(&m.ID)
	f.bit(&m.Granted)
	m.sides.fields(f)
}

func (m *adopted) fields(f *fields) {
	f.uint32(&m.ID)
	f.bit(&m.Done)
}

func (m *put) fields(f *fields) {
	f.magic()
	f.text(&m.Name)
	f.item(&m.item)
}

func (m *want) fields(*fields) {}

func (m *piece) fields(f *fields) { f.content(&m.Data) }

func (m *stored) fields(f *fields) {
	f.byte((*byte)(&m.Verdict), byte(gone))
	f.uint32(&m.Version)
}

func (m *get) fields(f *fields) {
	f.magic()
	f.text(&m.Name)
}

func (m *object) fields(f *fields) {
	f.bit(&m.Found)
	f.item(&m.item)
}

func (s *sides) fields(f *fields) {
	f.addrs(&s.Smaller, maxSide)
	f.addrs(&s.Larger, maxSide)
}

// A fields writes the fields that it is shown to dst, or sets them from r. It
// sets all: the message may have carried another before.
type fields struct {
	r   *wire.Reader // nil: write
	dst []byte
}

func (f *fields) byte(v *byte, most byte) {
	if f.r == nil {
		f.dst = append(f.dst, *v)
		return
	}
	if *v = f.r.Uint8(); *v > most {
		f.r.Fail("%d where at most %d is allowed", *v, most)
		*v = 0
	}
}

func (f *fields) bit(v *bool) {
	var b byte
	if *v {
		b = 1
	}
	f.byte(&b, 1)
	*v = b == 1
}

func (f *fields) uint64(v *uint64) {
	if f.r == nil {
		f.dst = order.AppendUint64(f.dst, *v)
		return
	}
	*v = f.r.Uint64(order)
}

func (f *fields) id(v *ring.ID) { f.uint64((*uint64)(v)) }

func (f *fields) uint32(v *uint32) {
	if f.r == nil {
		f.dst = order.AppendUint32(f.dst, *v)
		return
	}
	*v = f.r.Uint32(order)
}

func (f *fields) text(v *string) {
	if f.r == nil {
		f.dst = wire.AppendString(f.dst, *v)
		return
	}
	*v = f.r.String()
}

func (f *fields) addr(v *p2p.Addr) {
	if f.r == nil {
		f.dst = wire.AppendAddr(f.dst, *v)
		return
	}
	*v = f.r.Addr()
}

func (f *fields) addrs(v *[]p2p.Addr, most int) {
	n := byte(len(*v))
	if f.byte(&n, byte(most)); f.r != nil {
		n := f.room(n, sizeAddr)
		*v = slices.Grow((*v)[:0], n)[:n]
	}
	for i := range *v {
		f.addr(&(*v)[i])
	}
}

// room returns n, if so many items of a size can follow; else it fails.
func (f *fields) room(n byte, size int) int {
	if int(n)*size > f.r.Len() {
		f.r.Fail("%d items of %d bytes in %d", n, size, f.r.Len())
		return 0
	}
	return int(n)
}

func (f *fields) path(v *[]stage) {
	n := byte(len(*v))
	f.byte(&n, maxHops)
	if f.r != nil {
		n := f.room(n, sizeStage)
		*v = slices.Grow((*v)[:0], n)[:n]
	}
	for i := range *v {
		s := &(*v)[i]
		f.addr(&s.Addr)
		f.via(&s.Via)
	}
}

func (f *fields) via(v *via) {
	if f.r == nil {
		f.dst = order.AppendUint16(f.dst, uint16(*v))
		return
	}
	*v = via(f.r.Uint16(order))
}

func (f *fields) item(v *item) {
	n := uint64(v.Bytes)
	if f.uint64(&n); n > maxObject {
		f.r.Fail("object of %d bytes", n)
		n = 0
	}
	v.Bytes = int64(n)
	if f.r == nil {
		f.dst = append(f.dst, v.Sum[:]...)
	} else {
		copy(v.Sum[:], f.r.Take(len(v.Sum)))
	}
	f.uint32(&v.Version)
}

func (f *fields) magic() {
	if f.r == nil {
		f.dst = append(f.dst, magic...)
		return
	}
	if string(f.r.Take(len(magic))) != magic {
		f.r.Fail("a stream that does not begin with %q", magic)
	}
}

func (f *fields) content(v *p2p.Content) {
	if f.r == nil {
		f.dst = order.AppendUint32(f.dst, uint32(v.Len))
		return
	}
	*v = p2p.View(f.r.Take(int(f.r.Uint32(order))))
}
