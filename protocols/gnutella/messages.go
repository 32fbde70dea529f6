package gnutella

import (
	"encoding/hex"
	"fmt"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

const (
	kindConnect p2p.Kind = p2p.First + iota
	kindAnswer
	kindPing
	kindPong
	kindBye
	kindRouteReset
	kindRoutePatch
	kindPush
	kindQuery
	kindHit
	kindGiv
	kindRelay
	kindGet
	kindResponse
	kindBody
)

var kinds = append([]p2p.KindInfo{
	{Name: "connect", Class: p2p.Membership, Blank: new(Connect)},
	{Name: "answer", Class: p2p.Membership, Blank: new(Answer)},
	{Name: "ping", Class: p2p.Membership, Blank: new(Ping)},
	{Name: "pong", Class: p2p.Membership, Blank: new(Pong)},
	{Name: "bye", Class: p2p.Membership, Blank: new(Bye)},
	{Name: "route_reset", Class: p2p.Membership, Blank: new(RouteReset)},
	{Name: "route_patch", Class: p2p.Membership, Blank: new(RoutePatch)},
	{Name: "push", Class: p2p.Transfer, Blank: new(Push)},
	{Name: "query", Class: p2p.Lookup, Blank: new(Query)},
	{Name: "query_hit", Class: p2p.Lookup, Blank: new(Hit)},
	{Name: "giv", Class: p2p.Transfer, Blank: new(Giv)},
	{Name: "relay", Class: p2p.Transfer, Blank: new(Relay)},
	{Name: "get", Class: p2p.Transfer, Blank: new(Get)},
	{Name: "response", Class: p2p.Transfer, Blank: new(Response)},
	{Name: "body", Class: p2p.Transfer, Blank: new(Body)},
}, introducer.Kinds...)

// A GUID names a descriptor, or a servent. Servents newer than version 0.4 set
// byte 8 to ff and byte 15 to 00.
type GUID [16]byte

// String writes g as 32 hex digits.
func (g GUID) String() string { return hex.EncodeToString(g[:]) }

// MarshalText writes g as String does.
func (g GUID) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (g *GUID) UnmarshalText(b []byte) error {
	if len(b) != hex.EncodedLen(len(g)) {
		return fmt.Errorf("GUID %.40q: want %d hex digits", b, hex.EncodedLen(len(g)))
	}
	_, err := hex.Decode(g[:], b)
	return err
}

// A Head begins every descriptor; its type is that of the message, and its
// payload length follows from the rest.
type Head struct {
	ID   GUID  // of the flood: an answer carries that of its question
	TTL  uint8 // how many links it may still cross; TTL+Hops stays the same
	Hops uint8 // how many links it has crossed before this one
}

// Connect is the first block of a handshake: "GNUTELLA CONNECT/0.6".
type Connect struct {
	Minor uint8 // of the version: 4 (no Fields) or 6
	Fields
}

// Answer is the second block of a handshake, the acceptor's, and in version
// 0.6 also the third, the dialler's.
type Answer struct {
	Minor uint8
	Code  uint16 // 200: the link stands; 503: full; 409: we have one already
	Fields
}

// Fields are those header fields of a handshake that mean something here;
// others are skipped. What is zero is left out.
type Fields struct {
	Node      p2p.Addr   // where the sender listens: Node, Listen-IP or X-My-Address
	Remote    uint32     // the receiver's IP address as the sender sees it: Remote-IP
	Agent     string     // User-Agent
	Ultrapeer string     // X-Ultrapeer: "True", "False" or ""
	Needed    string     // X-Ultrapeer-Needed: the same; False: the other may become a leaf
	Degree    uint16     // X-Degree: links to ultrapeers that the sender keeps at most
	Dynamic   bool       // X-Dynamic-Querying: it sends queries out step by step
	Routing   bool       // X-Query-Routing: it speaks QRP
	Bye       bool       // Bye-Packet: it wants a Bye
	Inflates  bool       // Accept-Encoding: deflate
	Deflates  bool       // Content-Encoding: deflate, from the first descriptor on
	Try       []p2p.Addr // others to try instead: X-Try and X-Try-Ultrapeers
}

// Ping asks who is there.
type Ping struct{ Head }

// Pong answers Ping: a servent, and how much it shares.
type Pong struct {
	Head
	Addr  p2p.Addr
	Files uint32
	KiB   uint32
}

// Bye says why its sender closes the link.
type Bye struct {
	Head
	Code uint16 // as in HTTP; 200: the user leaves
	Text string
}

// RouteReset begins a leaf's route table anew, with nothing in it (QRP).
type RouteReset struct {
	Head
	Entries  uint32 // of the table: a power of two
	Infinity uint8  // the entry of a word that is not there
}

// RoutePatch is a part of a change of a route table, entry by entry (QRP).
type RoutePatch struct {
	Head
	Seq, Of uint8  // which of how many parts, from 1
	Zlib    bool   // the parts together are one zlib stream
	Bits    uint8  // of an entry: 4 or 8
	Data    string // differences, with a sign; the upper half of a byte first
}

// Push asks a servent that cannot be dialled to dial the asker at Addr and
// offer the file. It travels back the way that the servent's Hits came.
type Push struct {
	Head
	Servent GUID
	Index   uint32
	Addr    p2p.Addr
}

// Query is flooded: who has a file with all words of Text in its name?
type Query struct {
	Head
	// Flags are the first two bytes, high byte first. With the top bit
	// (Marked) set they are flags; else old servents mean a minimal speed in
	// kbit/s, low byte first.
	Flags uint16
	Text  string
	Ext   string // extensions, as they are: HUGE, GGEP
}

// Marked is the Flag without which newer servents drop a Query as ancient.
const Marked = 0x8000

// Hit answers Query, on the same way back.
type Hit struct {
	Head
	Addr    p2p.Addr // where the files can be had
	Speed   uint32   // kbit/s
	Files   []File
	Trailer string // vendor code, open and private data, as they are
	Servent GUID   // who has the files, for Push
}

// A File is one result of a Hit.
type File struct {
	Index uint32 // names the file at its servent
	Size  uint32
	Name  string
	Ext   string // extensions between the name's NUL and the next: HUGE, GGEP
}

// Giv begins a stream on which its dialler, who was asked by Push, offers a
// file: "GIV <index>:<servent>/<name>". Get follows from the other side.
type Giv struct {
	Index   uint32
	Servent GUID
	Name    string
}

// Relay asks a third servent to wait for the Giv of Servent and to pass on what
// follows. No other implementation knows it.
type Relay struct{ Servent GUID }

// Get asks for a part of a file over HTTP, with GET or HEAD.
type Get struct {
	Head  bool   // HEAD: without the bytes
	Index uint32 // of "/get/<index>/<name>"
	Name  string
	URN   string   // of "/uri-res/N2R?<urn>", instead of Index and Name
	Host  p2p.Addr // whom it is sent to: newer servents refuse HTTP/1.1 without it
	Range string   // as "bytes=0-99"; "": all of it
	Keep  bool     // the sender will ask again on this stream
}

// Response is the head of the answer to Get. Bodies follow, Length bytes in
// all.
type Response struct {
	Code   uint16 // 200, 206, 404, 416, 503
	Length int64  // Content-Length
	Off    int64  // 206: the first byte's place in the file
	Total  int64  // 206: of the whole file
	URN    string // X-Gnutella-Content-URN
	Keep   bool   // more can be asked on this stream
}

// Body is a piece of what Response has announced.
type Body struct{ Data p2p.Content }

func (*Connect) Kind() p2p.Kind    { return kindConnect }
func (*Answer) Kind() p2p.Kind     { return kindAnswer }
func (*Ping) Kind() p2p.Kind       { return kindPing }
func (*Pong) Kind() p2p.Kind       { return kindPong }
func (*Bye) Kind() p2p.Kind        { return kindBye }
func (*RouteReset) Kind() p2p.Kind { return kindRouteReset }
func (*RoutePatch) Kind() p2p.Kind { return kindRoutePatch }
func (*Push) Kind() p2p.Kind       { return kindPush }
func (*Query) Kind() p2p.Kind      { return kindQuery }
func (*Hit) Kind() p2p.Kind        { return kindHit }
func (*Giv) Kind() p2p.Kind        { return kindGiv }
func (*Relay) Kind() p2p.Kind      { return kindRelay }
func (*Get) Kind() p2p.Kind        { return kindGet }
func (*Response) Kind() p2p.Kind   { return kindResponse }
func (*Body) Kind() p2p.Kind       { return kindBody }

const headSize = 23 // GUID, type, TTL, hops, payload length

func (m *Connect) Size() int    { return len(m.append(make([]byte, 0, 256))) }
func (m *Answer) Size() int     { return len(m.append(make([]byte, 0, 256))) }
func (m *Ping) Size() int       { return headSize }
func (m *Pong) Size() int       { return headSize + 14 }
func (m *Bye) Size() int        { return headSize + 2 + len(m.Text) + 1 }
func (m *RouteReset) Size() int { return headSize + 6 }
func (m *RoutePatch) Size() int { return headSize + 5 + len(m.Data) }
func (m *Push) Size() int       { return headSize + 26 }
func (m *Query) Size() int      { return headSize + 2 + len(m.Text) + 1 + len(m.Ext) }
func (m *Giv) Size() int        { return len(m.append(make([]byte, 0, 256))) }
func (m *Relay) Size() int      { return len(m.append(make([]byte, 0, 64))) }
func (m *Get) Size() int        { return len(m.append(make([]byte, 0, 256))) }
func (m *Response) Size() int   { return len(m.append(make([]byte, 0, 256))) }
func (m *Body) Size() int       { return m.Data.Len }

func (m *Hit) Size() int {
	n := headSize + 11 + len(m.Trailer) + len(m.Servent)
	for i := range m.Files {
		n += m.Files[i].size()
	}
	return n
}

func (f *File) size() int { return 4 + 4 + len(f.Name) + 1 + len(f.Ext) + 1 }
