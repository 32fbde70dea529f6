package bittorrent

import (
	"crypto/sha1"
	"encoding/binary"
	"time"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// The language of UDP trackers (BEP 15). The transaction id is the Tag.

// UDPConnect asks for a connection id, which proves that the asker's address is
// its own.
type UDPConnect struct{ p2p.Tag }

// UDPConnected gives it.
type UDPConnected struct {
	p2p.Tag
	Conn uint64
}

// UDPAnnounce is Announce.
type UDPAnnounce struct {
	p2p.Tag
	Conn                       uint64
	Hash                       Hash
	ID                         ID
	Downloaded, Left, Uploaded int64
	Event                      Event
	Key                        uint32
	Want                       int32
	Port                       uint16
}

// UDPAnnounced answers it.
type UDPAnnounced struct {
	p2p.Tag
	Interval        uint32 // seconds
	Leechers, Seeds uint32
	Peers           []p2p.Addr
}

// UDPScrape asks how large swarms are.
type UDPScrape struct {
	p2p.Tag
	Conn   uint64
	Hashes []Hash
}

// UDPScraped says for each: seeds, completed, leechers.
type UDPScraped struct {
	p2p.Tag
	Counts [][3]uint32
}

// UDPError says why not.
type UDPError struct {
	p2p.Tag
	Text string
}

func (*UDPConnect) Kind() p2p.Kind   { return kindUDPConnect }
func (*UDPConnected) Kind() p2p.Kind { return kindUDPConnected }
func (*UDPAnnounce) Kind() p2p.Kind  { return kindUDPAnnounce }
func (*UDPAnnounced) Kind() p2p.Kind { return kindUDPAnnounced }
func (*UDPScrape) Kind() p2p.Kind    { return kindUDPScrape }
func (*UDPScraped) Kind() p2p.Kind   { return kindUDPScraped }
func (*UDPError) Kind() p2p.Kind     { return kindUDPError }

func (*UDPConnect) Size() int     { return 16 }
func (*UDPConnected) Size() int   { return 16 }
func (*UDPAnnounce) Size() int    { return 98 }
func (m *UDPAnnounced) Size() int { return 20 + 6*len(m.Peers) }
func (m *UDPScrape) Size() int    { return 16 + 20*len(m.Hashes) }
func (m *UDPScraped) Size() int   { return 8 + 12*len(m.Counts) }
func (m *UDPError) Size() int     { return 8 + len(m.Text) }

// magic begins a connect request.
const magic = 0x41727101980

// The actions.
const (
	actConnect = iota
	actAnnounce
	actScrape
	actError
)

const (
	maxUDPPeers = 200
	maxScrape   = 70
)

// packets is the codec of datagrams. A request begins with a connection id and
// an answer with an action, which is a small number: ids of ours are not.
type packets struct {
	connect   UDPConnect
	connected UDPConnected
	announce  UDPAnnounce
	announced UDPAnnounced
	scrape    UDPScrape
	scraped   UDPScraped
	wrong     UDPError
}

func newPackets() p2p.Codec { return &packets{} }

func (c *packets) Append(dst []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	if w, ok := m.(interface{ appendUDP([]byte) []byte }); ok {
		return w.appendUDP(dst), p2p.Content{}, nil
	}
	return dst, p2p.Content{}, malformed("no datagram for a %T", m)
}

func head(dst []byte, conn uint64, action, id uint32) []byte {
	dst = be.AppendUint64(dst, conn)
	return be.AppendUint32(be.AppendUint32(dst, action), id)
}

func answer(dst []byte, action, id uint32) []byte {
	return be.AppendUint32(be.AppendUint32(dst, action), id)
}

func (m *UDPConnect) appendUDP(dst []byte) []byte { return head(dst, magic, actConnect, m.ID) }

func (m *UDPConnected) appendUDP(dst []byte) []byte {
	return be.AppendUint64(answer(dst, actConnect, m.ID), m.Conn)
}

func (m *UDPAnnounce) appendUDP(dst []byte) []byte {
	dst = head(dst, m.Conn, actAnnounce, m.Tag.ID)
	dst = append(append(dst, m.Hash[:]...), m.ID[:]...)
	for _, n := range []int64{m.Downloaded, m.Left, m.Uploaded} {
		dst = be.AppendUint64(dst, uint64(n))
	}
	dst = be.AppendUint32(dst, uint32(m.Event))
	dst = be.AppendUint32(dst, 0) // the address is the sender's
	dst = be.AppendUint32(be.AppendUint32(dst, m.Key), uint32(m.Want))
	return be.AppendUint16(dst, m.Port)
}

func (m *UDPAnnounced) appendUDP(dst []byte) []byte {
	dst = answer(dst, actAnnounce, m.ID)
	for _, n := range []uint32{m.Interval, m.Leechers, m.Seeds} {
		dst = be.AppendUint32(dst, n)
	}
	return append(dst, compact(m.Peers)...)
}

func (m *UDPScrape) appendUDP(dst []byte) []byte {
	dst = head(dst, m.Conn, actScrape, m.ID)
	for _, h := range m.Hashes {
		dst = append(dst, h[:]...)
	}
	return dst
}

func (m *UDPScraped) appendUDP(dst []byte) []byte {
	dst = answer(dst, actScrape, m.ID)
	for _, c := range m.Counts {
		for _, n := range c {
			dst = be.AppendUint32(dst, n)
		}
	}
	return dst
}

func (m *UDPError) appendUDP(dst []byte) []byte {
	return append(answer(dst, actError, m.ID), m.Text...)
}

func (c *packets) Next(src []byte, _ bool) (m p2p.Msg, n int, err error) {
	r := wire.NewReader(src)
	first := r.Uint32(be)
	if first > actError {
		m = c.request(uint64(first)<<32|uint64(r.Uint32(be)), r)
	} else {
		m = c.answer(first, r)
	}
	if err := r.End(); err != nil {
		return nil, 0, err
	}
	if m == nil {
		return nil, 0, malformed("a datagram of no tracker")
	}
	return m, len(src), nil
}

func (c *packets) request(conn uint64, r *wire.Reader) p2p.Msg {
	action, tag := r.Uint32(be), p2p.Tag{ID: r.Uint32(be)}
	switch {
	case action == actConnect && conn == magic:
		c.connect = UDPConnect{tag}
		return &c.connect
	case action == actAnnounce:
		m := &c.announce
		*m = UDPAnnounce{Tag: tag, Conn: conn}
		copy(m.Hash[:], r.Take(20))
		copy(m.ID[:], r.Take(20))
		m.Downloaded, m.Left, m.Uploaded = int64(r.Uint64(be)), int64(r.Uint64(be)), int64(r.Uint64(be))
		m.Event = Event(r.Uint32(be) & 3)
		r.Uint32(be)
		m.Key, m.Want, m.Port = r.Uint32(be), int32(r.Uint32(be)), r.Uint16(be)
		r.Take(r.Len()) // BEP 41 puts options there
		return m
	case action == actScrape && r.Len() <= 20*maxScrape:
		c.scrape = UDPScrape{Tag: tag, Conn: conn}
		for r.Len() > 0 && r.Err() == nil {
			var h Hash
			copy(h[:], r.Take(len(h)))
			c.scrape.Hashes = append(c.scrape.Hashes, h)
		}
		return &c.scrape
	}
	return nil
}

func (c *packets) answer(action uint32, r *wire.Reader) p2p.Msg {
	tag := p2p.Tag{ID: r.Uint32(be)}
	switch action {
	case actConnect:
		c.connected = UDPConnected{tag, r.Uint64(be)}
		return &c.connected
	case actAnnounce:
		c.announced = UDPAnnounced{Tag: tag, Interval: r.Uint32(be), Leechers: r.Uint32(be), Seeds: r.Uint32(be)}
		c.announced.Peers = parseCompact(r.Take(r.Len()), maxUDPPeers)
		return &c.announced
	case actScrape:
		c.scraped = UDPScraped{Tag: tag}
		for r.Len() > 0 && r.Err() == nil {
			c.scraped.Counts = append(c.scraped.Counts, [3]uint32{r.Uint32(be), r.Uint32(be), r.Uint32(be)})
		}
		return &c.scraped
	}
	text := r.Take(r.Len())
	c.wrong = UDPError{tag, string(text[:min(len(text), maxReason)])}
	return &c.wrong
}

// connLife is how long a connection id is good for, at least.
const connLife = time.Minute

// conn makes the connection id of an address, without keeping anything.
func (k *tracker) conn(a p2p.Addr, age uint64) uint64 {
	var b [24]byte
	binary.BigEndian.PutUint64(b[:], k.secret)
	binary.BigEndian.PutUint64(b[8:], uint64(a))
	binary.BigEndian.PutUint64(b[16:], uint64(k.c.env.Now()/connLife)-age)
	sum := sha1.Sum(b[:])
	return be.Uint64(sum[:]) | 1<<63 // no answer begins so
}

// datagram answers one request by UDP.
func (k *tracker) datagram(from p2p.Peer, m p2p.Msg) {
	env := k.c.env
	good := func(tag p2p.Tag, conn uint64) bool {
		if conn == k.conn(from.Addr, 0) || conn == k.conn(from.Addr, 1) {
			return true
		}
		p2p.Reply(env, from, tag, UDPError{Text: "connect first"})
		return false
	}
	switch m := m.(type) {
	case *UDPConnect:
		p2p.Reply(env, from, m.Tag, UDPConnected{Conn: k.conn(from.Addr, 0)})
	case *UDPAnnounce:
		if !good(m.Tag, m.Conn) {
			return
		}
		a := k.announced(p2p.MakeAddr(from.Addr.IP(), m.Port), &Announce{Hash: m.Hash, ID: m.ID, Left: max(0, m.Left), Port: m.Port, Event: m.Event, Want: m.Want})
		if a.Failure != "" {
			p2p.Reply(env, from, m.Tag, UDPError{Text: a.Failure})
			return
		}
		p2p.Reply(env, from, m.Tag, UDPAnnounced{Interval: uint32(a.Interval / time.Second), Leechers: a.Incomplete, Seeds: a.Complete, Peers: a.Peers})
	case *UDPScrape:
		if good(m.Tag, m.Conn) {
			p2p.Reply(env, from, m.Tag, UDPScraped{Counts: k.counts(m.Hashes)})
		}
	}
}

func (k *tracker) counts(hashes []Hash) [][3]uint32 {
	out := make([][3]uint32, len(hashes))
	for i, h := range hashes {
		if s := k.swarms[h]; s != nil {
			out[i] = [3]uint32{uint32(s.seeds), s.downloads, uint32(len(s.members) - s.seeds)}
		}
	}
	return out
}

// connect asks a UDP tracker for a connection id. Datagrams are lost: it goes on
// asking until the errand loses its patience.
func (e *errand) connect() { p2p.Ask(&e.c.calls, e.addr.Peer(), UDPConnect{}, e, (*errand).connected) }

func (e *errand) connected(r *UDPConnected) {
	switch {
	case e.over || e.addr == 0:
	case r == nil:
		e.connect()
	default:
		m := e.announce
		p2p.Ask(&e.c.calls, e.addr.Peer(), UDPAnnounce{Conn: r.Conn, Hash: m.Hash, ID: m.ID, Downloaded: m.Downloaded, Left: m.Left,
			Uploaded: m.Uploaded, Event: m.Event, Want: m.Want, Port: m.Port}, e, (*errand).announced)
	}
}

func (e *errand) announced(r *UDPAnnounced) {
	switch {
	case e.over || e.addr == 0:
	case r == nil:
		e.connect()
	default:
		e.answered(&Announced{Interval: time.Duration(min(r.Interval, 1<<20)) * time.Second, Complete: r.Seeds, Incomplete: r.Leechers, Peers: r.Peers})
	}
}
