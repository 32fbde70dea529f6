package kelips

import (
	"time"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// What each message consists of, said once for both directions; codec.go has
// the table. Sizes are formulas, because the simulator asks for one at every
// send; a test holds them against the bytes.

const (
	sizeTag    = 4
	sizeRumour = wire.SizeAddr + 4
	sizeNews   = 1 + wire.SizeAddr + 4 // and the name
	sizeItem   = 8 + len(hash{})
)

func (m *find) Size() int     { return 1 + sizeTag + 1 + len(m.Name) }
func (m *insert) Size() int   { return 1 + sizeTag + 1 + len(m.Name) + wire.SizeAddr }
func (m *has) Size() int      { return 1 + sizeTag + 1 + len(m.Name) }
func (m *remove) Size() int   { return 1 + sizeTag + 1 + len(m.Name) }
func (m *house) Size() int    { return 1 + sizeTag + 1 + len(m.Name) }
func (m *join) Size() int     { return 1 + sizeTag + 2 }
func (m *ping) Size() int     { return 1 + sizeTag }
func (m *gossip) Size() int   { return 1 + 2 + sizeTidings(m.Rumours, m.News) }
func (m *refresh) Size() int  { return 1 + 1 + len(m.Name) + wire.SizeAddr + 1 }
func (m *bye) Size() int      { return 1 }
func (m *found) Size() int    { return 1 + sizeTag + 1 + sizeAddrs(m.Homes) + sizeAddrs(m.Named) }
func (m *inserted) Size() int { return 1 + sizeTag + 1 + sizeAddrs(m.Named) }
func (m *held) Size() int     { return 1 + sizeTag + 1 + sizeItem }
func (m *removed) Size() int  { return 1 + sizeTag + 1 }
func (m *housed) Size() int   { return 1 + sizeTag + wire.SizeAddr + sizeAddrs(m.Named) }
func (m *welcome) Size() int  { return 1 + sizeTag + sizeTidings(m.Rumours, m.News) }
func (m *pong) Size() int     { return 1 + sizeTag }
func (m *put) Size() int      { return 1 + len(magic) + 1 + len(m.Name) + sizeItem }
func (m *piece) Size() int    { return 1 + 4 + m.Data.Len }
func (m *stored) Size() int   { return 1 + 1 }
func (m *get) Size() int      { return 1 + len(magic) + 1 + len(m.Name) }
func (m *object) Size() int   { return 1 + 1 + sizeItem }

func sizeAddrs(list []p2p.Addr) int { return 1 + wire.SizeAddr*len(list) }

func sizeTidings(r []rumour, list []news) int {
	n := 1 + sizeRumour*len(r) + 1
	for i := range list {
		n += sizeNews + len(list[i].Name)
	}
	return n
}

func (m *find) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.String(&m.Name)
}

func (m *insert) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.String(&m.Name)
	f.Addr(&m.Home)
}

func (m *has) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.String(&m.Name)
}

func (m *remove) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.String(&m.Name)
}

func (m *house) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.String(&m.Name)
}

func (m *join) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.Uint16(&m.Groups)
}

func (m *ping) Fields(f *wire.Fields) { f.Uint32(&m.ID) }

func (m *gossip) Fields(f *wire.Fields) {
	f.Uint16(&m.Groups)
	wire.List(f, &m.Rumours, maxRumours, sizeRumour, (*rumour).fields)
	wire.List(f, &m.News, maxTuples, sizeNews, (*news).fields)
}

func (m *refresh) Fields(f *wire.Fields) {
	f.String(&m.Name)
	f.Addr(&m.Home)
	f.Uint8(&m.Left, 0xff)
}

func (m *bye) Fields(*wire.Fields) {}

func (m *found) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.Bool(&m.Mine)
	f.Addrs(&m.Homes, maxHomes)
	f.Addrs(&m.Named, maxNamed)
}

func (m *inserted) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.Bool(&m.Mine)
	f.Addrs(&m.Named, maxNamed)
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

func (m *housed) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	f.Addr(&m.Home)
	f.Addrs(&m.Named, maxNamed)
}

func (m *welcome) Fields(f *wire.Fields) {
	f.Uint32(&m.ID)
	wire.List(f, &m.Rumours, maxRumours, sizeRumour, (*rumour).fields)
	wire.List(f, &m.News, maxTuples, sizeNews, (*news).fields)
}

func (m *pong) Fields(f *wire.Fields) { f.Uint32(&m.ID) }

func (m *put) Fields(f *wire.Fields) {
	f.Constant(magic)
	f.String(&m.Name)
	m.item.fields(f)
}

func (m *piece) Fields(f *wire.Fields) { f.Content(&m.Data) }

func (m *stored) Fields(f *wire.Fields) { f.Uint8((*byte)(&m.Verdict), byte(refused)) }

func (m *get) Fields(f *wire.Fields) {
	f.Constant(magic)
	f.String(&m.Name)
}

func (m *object) Fields(f *wire.Fields) {
	f.Bool(&m.Found)
	m.item.fields(f)
}

func (r *rumour) fields(f *wire.Fields) {
	f.Addr(&r.Addr)
	age(f, &r.Age, &r.Gone)
}

func (n *news) fields(f *wire.Fields) {
	f.String(&n.Name)
	f.Addr(&n.Home)
	var gone bool
	if age(f, &n.Age, &gone); gone {
		f.Fail("an age of more than 24 days")
	}
}

// oldest is the greatest age that can be told, in milliseconds.
const oldest = 1<<31 - 1

// age is an age in milliseconds, and a flag in its high bit.
func age(f *wire.Fields, v *time.Duration, gone *bool) {
	ms := uint32(min(*v/time.Millisecond, oldest))
	if *gone {
		ms |= oldest + 1
	}
	f.Uint32(&ms)
	if f.Reads() {
		*v, *gone = time.Duration(ms&oldest)*time.Millisecond, ms > oldest
	}
}

func (i *item) fields(f *wire.Fields) {
	f.Length(&i.Bytes, maxObject)
	f.Array(i.Sum[:])
}
