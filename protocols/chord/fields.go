package chord

import (
	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// What each message consists of, said once for both directions; codec.go has
// the table. Sizes are formulas, because the simulator asks for one at every
// send; a test holds them against the bytes.

const (
	sizeAddr  = wire.SizeAddr + 1
	sizeLine  = 2
	sizeAsk   = 4 + sizeLine
	sizeStage = sizeAddr + 1
	sizeItem  = 8 + len(hash{}) + 4 + sizeAddr
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
func sizePath(path []stage) int { return 1 + sizeStage*len(path) }

func (m *next) Fields(f *wire.Fields) {
	m.ask.fields(f)
	f.Uint64((*uint64)(&m.Key))
	wire.List(f, &m.Not, maxDead, sizeAddr, addr)
}

func (m *route) Fields(f *wire.Fields) {
	m.ask.fields(f)
	f.Uint64((*uint64)(&m.Key))
	f.Uint64(&m.Nonce)
	addr(&m.Origin, f)
	wire.List(f, &m.Path, maxHops, sizeStage, (*stage).fields)
}

func (m *has) Fields(f *wire.Fields) {
	m.ask.fields(f)
	f.String(&m.Name)
}

func (m *getNeighbours) Fields(f *wire.Fields) { m.ask.fields(f) }
func (m *notify) Fields(f *wire.Fields)        { m.line.fields(f) }
func (m *ping) Fields(f *wire.Fields)          { m.ask.fields(f) }

func (m *bye) Fields(f *wire.Fields) {
	m.line.fields(f)
	addr(&m.Pred, f)
	wire.List(f, &m.Succs, maxSuccessors, sizeAddr, addr)
}

func (m *meet) Fields(f *wire.Fields) {
	m.line.fields(f)
	addr(&m.Through, f)
}

func (m *step) Fields(f *wire.Fields) {
	m.ask.fields(f)
	m.choice.fields(f)
}

func (m *ack) Fields(f *wire.Fields) { m.ask.fields(f) }

func (m *routed) Fields(f *wire.Fields) {
	m.line.fields(f)
	f.Uint64(&m.Nonce)
	m.choice.fields(f)
	wire.List(f, &m.Path, maxHops, sizeStage, (*stage).fields)
}

func (m *held) Fields(f *wire.Fields) {
	m.ask.fields(f)
	f.Bool(&m.Found)
	m.item.fields(f)
}

func (m *remove) Fields(f *wire.Fields) {
	m.ask.fields(f)
	f.String(&m.Name)
	f.Uint32(&m.Version)
}

func (m *removed) Fields(f *wire.Fields) {
	m.ask.fields(f)
	f.Bool(&m.Found)
}

func (m *neighbours) Fields(f *wire.Fields) {
	m.ask.fields(f)
	addr(&m.Pred, f)
	wire.List(f, &m.Succs, maxSuccessors, sizeAddr, addr)
}

func (m *pong) Fields(f *wire.Fields) { m.ask.fields(f) }

func (m *put) Fields(f *wire.Fields) {
	f.Constant(magic)
	f.Uint8(&m.To, 0xff)
	f.String(&m.Name)
	m.item.fields(f)
}

func (m *want) Fields(*wire.Fields) {}

func (m *piece) Fields(f *wire.Fields) { f.Content(&m.Data) }

func (m *stored) Fields(f *wire.Fields) {
	f.Uint8((*byte)(&m.Verdict), byte(gone))
	f.Uint32(&m.Version)
}

func (m *get) Fields(f *wire.Fields) {
	f.Constant(magic)
	f.Uint8(&m.To, 0xff)
	f.String(&m.Name)
}

func (m *object) Fields(f *wire.Fields) {
	f.Bool(&m.Found)
	m.item.fields(f)
}

func (c *choice) fields(f *wire.Fields) {
	f.Bool(&c.Done)
	f.Uint8((*byte)(&c.Via), 0xff)
	wire.List(f, &c.Nodes, maxSuccessors+1, sizeAddr, addr)
}

func (m *ask) fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	m.line.fields(f)
}

func (l *line) fields(f *wire.Fields) {
	f.Uint8(&l.From, 0xff)
	f.Uint8(&l.To, 0xff)
}

func (s *stage) fields(f *wire.Fields) {
	addr(&s.Addr, f)
	f.Uint8((*byte)(&s.Via), 0xff)
}

func (i *item) fields(f *wire.Fields) {
	f.Length(&i.Bytes, maxObject)
	f.Array(i.Sum[:])
	f.Uint32(&i.Version)
	addr(&i.Holder, f)
}

// addr is an address and which point of the node there.
func addr(v *p2p.Addr, f *wire.Fields) {
	point := byte(v.Place())
	f.Addr(v)
	f.Uint8(&point, 0xff)
	if f.Reads() {
		*v = v.At(int(point))
	}
}
