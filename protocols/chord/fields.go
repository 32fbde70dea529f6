package chord

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
	sizeAddr = 6 + 1
	sizeLine = 2
	sizeAsk  = 4 + sizeLine
	sizeItem = 8 + len(hash{}) + 4 + sizeAddr
)

func (m *next) Size() int          { return 1 + sizeAsk + 8 + 1 + sizeAddr*len(m.Not) }
func (m *route) Size() int         { return 1 + sizeAsk + 8 + 8 + sizeAddr + sizePath(m.Path) }
func (m *has) Size() int           { return 1 + sizeAsk + 1 + len(m.Name) }
func (m *getNeighbours) Size() int { return 1 + sizeAsk }
func (m *notify) Size() int        { return 1 + sizeLine }
func (m *ping) Size() int          { return 1 + sizeAsk }
func (m *bye) Size() int           { return 1 + sizeLine + sizeAddr + 1 + sizeAddr*len(m.Succs) }
func (m *meet) Size() int          { return 1 + sizeLine + sizeAddr }
func (m *step) Size() int          { return 1 + sizeAsk + m.choice.size() }
func (m *ack) Size() int           { return 1 + sizeAsk }
func (m *routed) Size() int        { return 1 + sizeLine + 8 + m.choice.size() + sizePath(m.Path) }
func (m *held) Size() int          { return 1 + sizeAsk + 1 + sizeItem }
func (m *remove) Size() int        { return 1 + sizeAsk + 1 + len(m.Name) + 4 }
func (m *removed) Size() int       { return 1 + sizeAsk + 1 }
func (m *neighbours) Size() int    { return 1 + sizeAsk + sizeAddr + 1 + sizeAddr*len(m.Succs) }
func (m *pong) Size() int          { return 1 + sizeAsk }
func (m *put) Size() int           { return 1 + len(magic) + 1 + 1 + len(m.Name) + sizeItem }
func (m *want) Size() int          { return 1 }
func (m *piece) Size() int         { return 1 + 4 + m.Data.Len }
func (m *stored) Size() int        { return 1 + 1 + 4 }
func (m *get) Size() int           { return 1 + len(magic) + 1 + 1 + len(m.Name) }
func (m *object) Size() int        { return 1 + 1 + sizeItem }

func (c *choice) size() int     { return 1 + 1 + 1 + sizeAddr*len(c.Nodes) }
func sizePath(path []stage) int { return 1 + (sizeAddr+1)*len(path) }

func (m *next) fields(f *fields) {
	f.ask(&m.ask)
	f.id(&m.Key)
	f.addrs(&m.Not, maxDead)
}

func (m *route) fields(f *fields) {
	f.ask(&m.ask)
	f.id(&m.Key)
	f.uint64(&m.Nonce)
	f.addr(&m.Origin)
	f.path(&m.Path)
}

func (m *has) fields(f *fields) {
	f.ask(&m.ask)
	f.text(&m.Name)
}

func (m *getNeighbours) fields(f *fields) { f.ask(&m.ask) }
func (m *notify) fields(f *fields)        { f.line(&m.line) }
func (m *ping) fields(f *fields)          { f.ask(&m.ask) }

func (m *bye) fields(f *fields) {
	f.line(&m.line)
	f.addr(&m.Pred)
	f.addrs(&m.Succs, maxSuccessors)
}

func (m *meet) fields(f *fields) {
	f.line(&m.line)
	f.addr(&m.Through)
}

func (m *step) fields(f *fields) {
	f.ask(&m.ask)
	m.choice.fields(f)
}

func (m *ack) fields(f *fields) { f.ask(&m.ask) }

func (m *routed) fields(f *fields) {
	f.line(&m.line)
	f.uint64(&m.Nonce)
	m.choice.fields(f)
	f.path(&m.Path)
}

func (m *held) fields(f *fields) {
	f.ask(&m.ask)
	f.bit(&m.Found)
	f.item(&m.item)
}

func (m *remove) fields(f *fields) {
	f.ask(&m.ask)
	f.text(&m.Name)
	f.uint32(&m.Version)
}

func (m *removed) fields(f *fields) {
	f.ask(&m.ask)
	f.bit(&m.Found)
}

func (m *neighbours) fields(f *fields) {
	f.ask(&m.ask)
	f.addr(&m.Pred)
	f.addrs(&m.Succs, maxSuccessors)
}

func (m *pong) fields(f *fields) { f.ask(&m.ask) }

func (m *put) fields(f *fields) {
	f.magic()
	f.byte(&m.To, 0xff)
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
	f.byte(&m.To, 0xff)
	f.text(&m.Name)
}

func (m *object) fields(f *fields) {
	f.bit(&m.Found)
	f.item(&m.item)
}

func (c *choice) fields(f *fields) {
	f.bit(&c.Done)
	f.byte((*byte)(&c.Via), 0xff)
	f.addrs(&c.Nodes, maxSuccessors+1)
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

func (f *fields) ask(v *ask) {
	f.uint32(&v.ID)
	f.line(&v.line)
}

func (f *fields) line(v *line) {
	f.byte(&v.From, 0xff)
	f.byte(&v.To, 0xff)
}

func (f *fields) text(v *string) {
	if f.r == nil {
		f.dst = wire.AppendString(f.dst, *v)
		return
	}
	*v = f.r.String()
}

func (f *fields) addr(v *p2p.Addr) {
	point := byte(v.Place())
	if f.r == nil {
		f.dst = append(wire.AppendAddr(f.dst, *v), point)
		return
	}
	*v = f.r.Addr()
	*v = v.At(int(f.r.Uint8()))
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
		n := f.room(n, sizeAddr+1)
		*v = slices.Grow((*v)[:0], n)[:n]
	}
	for i := range *v {
		f.addr(&(*v)[i].Addr)
		f.byte((*byte)(&(*v)[i].Via), 0xff)
	}
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
	f.addr(&v.Holder)
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
