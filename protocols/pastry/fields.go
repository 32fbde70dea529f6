package pastry

import "peerbed/protocols/wire"

// What each message consists of, said once for both directions; codec.go has
// the table. Sizes are formulas, because the simulator asks for one at every
// send; a test holds them against the bytes.

const (
	sizeTag   = 4
	sizeStage = wire.SizeAddr + 2
	sizeItem  = 8 + len(hash{}) + 4
)

func (m *route) Size() int {
	return 1 + sizeTag + 8 + 8 + wire.SizeAddr + 1 + len(m.Name) + 1 + sizeStage*len(m.Path)
}
func (m *has) Size() int       { return 1 + sizeTag + 1 + len(m.Name) }
func (m *remove) Size() int    { return 1 + sizeTag + 1 + len(m.Name) + 4 }
func (m *getLeaves) Size() int { return 1 + sizeTag }
func (m *getState) Size() int  { return 1 + sizeTag + 1 }
func (m *ping) Size() int      { return 1 + sizeTag }
func (m *admit) Size() int     { return 1 + sizeTag + wire.SizeAddr }
func (m *adopt) Size() int     { return 1 + sizeTag }
func (m *release) Size() int   { return 1 }
func (m *announce) Size() int  { return 1 + sizeTag + 4 }
func (m *bye) Size() int       { return 1 + m.sides.size() }
func (m *fallen) Size() int    { return 1 + wire.SizeAddr }
func (m *ack) Size() int       { return 1 + sizeTag }
func (m *routed) Size() int {
	return 1 + 8 + 1 + sizeItem + 1 + wire.SizeAddr*len(m.Nodes) + 1 + sizeStage*len(m.Path)
}
func (m *held) Size() int       { return 1 + sizeTag + 1 + sizeItem }
func (m *removed) Size() int    { return 1 + sizeTag + 1 }
func (m *nod) Size() int        { return 1 + sizeTag }
func (m *welcome) Size() int    { return 1 + 8 + 1 + 4 + m.sides.size() + 1 + wire.SizeAddr*len(m.Path) }
func (m *scouted) Size() int    { return 1 + 8 + m.sides.size() }
func (m *neighbours) Size() int { return 1 + sizeTag + 4 + m.sides.size() }
func (m *tables) Size() int     { return 1 + sizeTag + 2 + wire.SizeAddr*(len(m.Slots)+len(m.Near)) }
func (m *pong) Size() int       { return 1 + sizeTag }
func (m *admitted) Size() int   { return 1 + sizeTag + 1 + m.sides.size() }
func (m *adopted) Size() int    { return 1 + sizeTag + 1 }
func (m *put) Size() int        { return 1 + len(magic) + 1 + len(m.Name) + sizeItem }
func (m *want) Size() int       { return 1 }
func (m *piece) Size() int      { return 1 + 4 + m.Data.Len }
func (m *stored) Size() int     { return 1 + 1 + 4 }
func (m *get) Size() int        { return 1 + len(magic) + 1 + len(m.Name) }
func (m *object) Size() int     { return 1 + 1 + sizeItem }

func (s *sides) size() int { return 2 + wire.SizeAddr*(len(s.Smaller)+len(s.Larger)) }

func (m *route) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.Uint64((*uint64)(&m.Key))
	f.Uint64(&m.Nonce)
	f.Addr(&m.Origin)
	f.String(&m.Name)
	wire.List(f, &m.Path, maxHops, sizeStage, (*stage).fields)
}

func (m *has) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.String(&m.Name)
}

func (m *remove) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.String(&m.Name)
	f.Uint32(&m.Version)
}

func (m *getLeaves) Fields(f *wire.Fields) { f.Uint32(&m.ID) }

func (m *getState) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.Uint8(&m.Row, 0xff)
}

func (m *ping) Fields(f *wire.Fields) { f.Uint32(&m.ID) }

func (m *admit) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.Addr(&m.Other)
}

func (m *adopt) Fields(f *wire.Fields) { f.Uint32(&m.ID) }
func (m *release) Fields(*wire.Fields) {}

func (m *announce) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.Uint32(&m.Version)
}

func (m *bye) Fields(f *wire.Fields)    { m.sides.fields(f) }
func (m *fallen) Fields(f *wire.Fields) { f.Addr(&m.Who) }
func (m *ack) Fields(f *wire.Fields)    { f.Uint32(&m.ID) }

func (m *routed) Fields(f *wire.Fields) {
	f.Uint64(&m.Nonce)
	f.Bool(&m.Found)
	m.item.fields(f)
	f.Addrs(&m.Nodes, 2*maxSide+1)
	wire.List(f, &m.Path, maxHops, sizeStage, (*stage).fields)
}

func (m *held) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.Bool(&m.Found)
	m.item.fields(f)
}

func (m *removed) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.Bool(&m.Found)
}

func (m *nod) Fields(f *wire.Fields) { f.Uint32(&m.ID) }

func (m *welcome) Fields(f *wire.Fields) {
	f.Uint64(&m.Nonce)
	f.Uint8((*byte)(&m.Verdict), byte(gone))
	f.Uint32(&m.Version)
	m.sides.fields(f)
	f.Addrs(&m.Path, maxHops)
}

func (m *scouted) Fields(f *wire.Fields) {
	f.Uint64(&m.Nonce)
	m.sides.fields(f)
}

func (m *neighbours) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.Uint32(&m.Version)
	m.sides.fields(f)
}

func (m *tables) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.Addrs(&m.Slots, maxSlots)
	f.Addrs(&m.Near, maxNear)
}

func (m *pong) Fields(f *wire.Fields) { f.Uint32(&m.ID) }

func (m *admitted) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.Bool(&m.Granted)
	m.sides.fields(f)
}

func (m *adopted) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.Bool(&m.Done)
}

func (m *put) Fields(f *wire.Fields) {
	f.Constant(magic)
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
	f.String(&m.Name)
}

func (m *object) Fields(f *wire.Fields) {
	f.Bool(&m.Found)
	m.item.fields(f)
}

func (s *sides) fields(f *wire.Fields) {
	f.Addrs(&s.Smaller, maxSide)
	f.Addrs(&s.Larger, maxSide)
}

func (s *stage) fields(f *wire.Fields) {
	f.Addr(&s.Addr)
	f.Uint16((*uint16)(&s.Via))
}

func (i *item) fields(f *wire.Fields) {
	f.Length(&i.Bytes, maxObject)
	f.Array(i.Sum[:])
	f.Uint32(&i.Version)
}
