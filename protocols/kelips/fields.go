package kelips

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// What each message consists of, said once for both directions; codec.go has
// the table. Sizes are formulas, because the simulator asks for one at every
// send; a test holds them against the bytes.

const (
	sizeTag    = 4
	sizeAddr   = 6
	sizeRumour = sizeAddr + 4
	sizeNews   = 1 + sizeAddr + 4 // and the name
	sizeItem   = 8 + len(hash{})
)

func (m *find) Size() int     { return 1 + sizeTag + 1 + len(m.Name) }
func (m *insert) Size() int   { return 1 + sizeTag + 1 + len(m.Name) + sizeAddr }
func (m *has) Size() int      { return 1 + sizeTag + 1 + len(m.Name) }
func (m *remove) Size() int   { return 1 + sizeTag + 1 + len(m.Name) }
func (m *house) Size() int    { return 1 + sizeTag + 1 + len(m.Name) }
func (m *join) Size() int     { return 1 + sizeTag + 2 }
func (m *ping) Size() int     { return 1 + sizeTag }
func (m *gossip) Size() int   { return 1 + 2 + sizeTidings(m.Rumours, m.News) }
func (m *refresh) Size() int  { return 1 + 1 + len(m.Name) + sizeAddr + 1 }
func (m *bye) Size() int      { return 1 }
func (m *found) Size() int    { return 1 + sizeTag + 1 + sizeAddrs(m.Homes) + sizeAddrs(m.Named) }
func (m *inserted) Size() int { return 1 + sizeTag + 1 + sizeAddrs(m.Named) }
func (m *held) Size() int     { return 1 + sizeTag + 1 + sizeItem }
func (m *removed) Size() int  { return 1 + sizeTag + 1 }
func (m *housed) Size() int   { return 1 + sizeTag + sizeAddr + sizeAddrs(m.Named) }
func (m *welcome) Size() int  { return 1 + sizeTag + sizeTidings(m.Rumours, m.News) }
func (m *pong) Size() int     { return 1 + sizeTag }
func (m *put) Size() int      { return 1 + len(magic) + 1 + len(m.Name) + sizeItem }
func (m *piece) Size() int    { return 1 + 4 + m.Data.Len }
func (m *stored) Size() int   { return 1 + 1 }
func (m *get) Size() int      { return 1 + len(magic) + 1 + len(m.Name) }
func (m *object) Size() int   { return 1 + 1 + sizeItem }

func sizeAddrs(list []p2p.Addr) int { return 1 + sizeAddr*len(list) }

func sizeTidings(r []rumour, list []news) int {
	n := 1 + sizeRumour*len(r) + 1
	for i := range list {
		n += sizeNews + len(list[i].Name)
	}
	return n
}

func (m *find) fields(f *fields) {
	f.tag(&m.Tag)
	f.text(&m.Name)
}

func (m *insert) fields(f *fields) {
	f.tag(&m.Tag)
	f.text(&m.Name)
	f.addr(&m.Home)
}

func (m *has) fields(f *fields) {
	f.tag(&m.Tag)
	f.text(&m.Name)
}

func (m *remove) fields(f *fields) {
	f.tag(&m.Tag)
	f.text(&m.Name)
}

func (m *house) fields(f *fields) {
	f.tag(&m.Tag)
	f.text(&m.Name)
}

func (m *join) fields(f *fields) {
	f.tag(&m.Tag)
	f.uint16(&m.Groups)
}

func (m *ping) fields(f *fields) { f.tag(&m.Tag) }

func (m *gossip) fields(f *fields) {
	f.uint16(&m.Groups)
	f.rumours(&m.Rumours)
	f.news(&m.News)
}

func (m *refresh) fields(f *fields) {
	f.text(&m.Name)
	f.addr(&m.Home)
	f.byte(&m.Left, 0xff)
}

func (m *bye) fields(*fields) {}

func (m *found) fields(f *fields) {
	f.tag(&m.Tag)
	f.bit(&m.Mine)
	f.addrs(&m.Homes, maxHomes)
	f.addrs(&m.Named, maxNamed)
}

func (m *inserted) fields(f *fields) {
	f.tag(&m.Tag)
	f.bit(&m.Mine)
	f.addrs(&m.Named, maxNamed)
}

func (m *held) fields(f *fields) {
	f.tag(&m.Tag)
	f.bit(&m.Found)
	f.item(&m.item)
}

func (m *removed) fields(f *fields) {
	f.tag(&m.Tag)
	f.bit(&m.Found)
}

func (m *housed) fields(f *fields) {
	f.tag(&m.Tag)
	f.addr(&m.Home)
	f.addrs(&m.Named, maxNamed)
}

func (m *welcome) fields(f *fields) {
	f.tag(&m.Tag)
	f.rumours(&m.Rumours)
	f.news(&m.News)
}

func (m *pong) fields(f *fields) { f.tag(&m.Tag) }

func (m *put) fields(f *fields) {
	f.magic()
	f.text(&m.Name)
	f.item(&m.item)
}

func (m *piece) fields(f *fields) { f.content(&m.Data) }

func (m *stored) fields(f *fields) { f.byte((*byte)(&m.Verdict), byte(refused)) }

func (m *get) fields(f *fields) {
	f.magic()
	f.text(&m.Name)
}

func (m *object) fields(f *fields) {
	f.bit(&m.Found)
	f.item(&m.item)
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

func (f *fields) uint16(v *uint16) {
	if f.r == nil {
		f.dst = order.AppendUint16(f.dst, *v)
		return
	}
	*v = f.r.Uint16(order)
}

func (f *fields) uint32(v *uint32) {
	if f.r == nil {
		f.dst = order.AppendUint32(f.dst, *v)
		return
	}
	*v = f.r.Uint32(order)
}

func (f *fields) tag(v *p2p.Tag) { f.uint32(&v.ID) }

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

// count writes or reads the length of a list of items that take so many bytes
// each, or more.
func (f *fields) count(n, most, size int) int {
	b := byte(n)
	if f.byte(&b, byte(most)); f.r != nil && int(b)*size > f.r.Len() {
		f.r.Fail("%d items of %d bytes in %d", b, size, f.r.Len())
		return 0
	}
	return int(b)
}

// list makes room for n items that are to be read.
func list[T any](f *fields, v *[]T, n int) {
	if f.r != nil {
		*v = slices.Grow((*v)[:0], n)[:n]
	}
}

func (f *fields) addrs(v *[]p2p.Addr, most int) {
	list(f, v, f.count(len(*v), most, sizeAddr))
	for i := range *v {
		f.addr(&(*v)[i])
	}
}

func (f *fields) rumours(v *[]rumour) {
	list(f, v, f.count(len(*v), maxRumours, sizeRumour))
	for i := range *v {
		f.addr(&(*v)[i].Addr)
		f.age(&(*v)[i].Age, &(*v)[i].Gone)
	}
}

func (f *fields) news(v *[]news) {
	list(f, v, f.count(len(*v), maxTuples, sizeNews))
	for i := range *v {
		n := &(*v)[i]
		f.text(&n.Name)
		f.addr(&n.Home)
		var none bool
		if f.age(&n.Age, &none); none {
			f.r.Fail("an age of more than 24 days")
		}
	}
}

// oldest is the greatest age that can be told, in milliseconds.
const oldest = 1<<31 - 1

func (f *fields) age(v *time.Duration, gone *bool) {
	ms := uint32(min(*v/time.Millisecond, oldest))
	if *gone {
		ms |= oldest + 1
	}
	f.uint32(&ms)
	if f.r != nil {
		*v, *gone = time.Duration(ms&oldest)*time.Millisecond, ms > oldest
	}
}

func (f *fields) item(v *item) {
	if f.r == nil {
		f.dst = append(order.AppendUint64(f.dst, uint64(v.Bytes)), v.Sum[:]...)
		return
	}
	n := f.r.Uint64(order)
	if n > maxObject {
		f.r.Fail("file of %d bytes", n)
		n = 0
	}
	v.Bytes = int64(n)
	copy(v.Sum[:], f.r.Take(len(v.Sum)))
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
