package fasttrack

import (
	"encoding/hex"
	"fmt"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

const (
	kindHello p2p.Kind = p2p.First + iota
	kindWelcome
	kindNetwork
	kindPing
	kindPong
	kindSupernodes
	kindLogin
	kindWanted
	kindShare
	kindUnshare
	kindSearch
	kindResults
	kindEnd
	kindPush
	kindPushWanted
	kindExternal
	kindOther
	kindLink
	kindStanding
	kindPromote
	kindQuery
	kindHits
	kindPushOn
	kindProbe
	kindProbed
	kindGive
	kindGet
	kindResponse
	kindBody
)

var kinds = append([]p2p.KindInfo{
	{Name: "hello", Class: p2p.Membership, Blank: new(Hello)},
	{Name: "welcome", Class: p2p.Membership, Blank: new(Welcome)},
	{Name: "network", Class: p2p.Membership, Blank: new(Network)},
	{Name: "ping", Class: p2p.Membership, Blank: new(Ping)},
	{Name: "pong", Class: p2p.Membership, Blank: new(Pong)},
	{Name: "supernodes", Class: p2p.Membership, Blank: new(Supernodes)},
	{Name: "login", Class: p2p.Membership, Blank: new(Login)},
	{Name: "wanted", Class: p2p.Membership, Blank: new(Wanted)},
	{Name: "share", Class: p2p.Membership, Blank: new(Share)},
	{Name: "unshare", Class: p2p.Membership, Blank: new(Unshare)},
	{Name: "search", Class: p2p.Lookup, Blank: new(Search)},
	{Name: "results", Class: p2p.Lookup, Blank: new(Results)},
	{Name: "end", Class: p2p.Lookup, Blank: new(End)},
	{Name: "push", Class: p2p.Transfer, Blank: new(Push)},
	{Name: "push_wanted", Class: p2p.Transfer, Blank: new(PushWanted)},
	{Name: "external", Class: p2p.Membership, Blank: new(External)},
	{Name: "other", Class: p2p.Membership, Blank: new(Other)},
	{Name: "link", Class: p2p.Membership, Blank: new(Link)},
	{Name: "standing", Class: p2p.Membership, Blank: new(Standing)},
	{Name: "promote", Class: p2p.Membership, Blank: new(Promote)},
	{Name: "query", Class: p2p.Lookup, Blank: new(Query)},
	{Name: "hits", Class: p2p.Lookup, Blank: new(Hits)},
	{Name: "push_on", Class: p2p.Transfer, Blank: new(PushOn)},
	{Name: "probe", Class: p2p.Membership, Blank: new(Probe)},
	{Name: "probed", Class: p2p.Membership, Blank: new(Probed)},
	{Name: "give", Class: p2p.Transfer, Blank: new(Give)},
	{Name: "get", Class: p2p.Transfer, Blank: new(Get)},
	{Name: "response", Class: p2p.Transfer, Blank: new(Response)},
	{Name: "body", Class: p2p.Transfer, Blank: new(Body)},
}, introducer.Kinds...)

// Hello begins a session: the dialler's half of the cipher's keys.
type Hello struct{ Seed, Masked uint32 }

// Welcome answers Hello and chooses the cipher. All that follows is enciphered.
type Welcome struct{ Seed, Masked uint32 }

// Network names the network that a side belongs to: first the acceptor, then the
// dialler.
type Network struct{ Name string }

// Ping asks whether the other side lives, and Pong says so.
type (
	Ping struct{}
	Pong struct{}
)

// Supernodes lists supernodes (0x00). The first that a child hears says that it
// is in; it names at least its sender then.
type Supernodes struct{ List []Supernode }

// A Supernode is one of a list.
type Supernode struct {
	Addr p2p.Addr
	Seen uint8 // minutes since there was a sign of life
	Load uint8 // per cent of its places for children that are taken
}

// Login says who the child is (0x02).
type Login struct {
	Addr      p2p.Addr // where it can be dialled; port 0: nowhere
	Bandwidth uint8    // see bandwidth
	User      string
}

// Wanted asks for the child's shares (0x03).
type Wanted struct{}

// Share adds a file to the supernode's directory (0x22).
type Share struct {
	Media uint8
	File
}

// Unshare takes it back (0x05).
type Unshare struct{ File }

// A File is what the directory knows of one: its hash, size and tags.
type File struct {
	Hash Hash
	Sum  uint16 // the hash's checksum, packed
	Size uint32
	Tags Tags
}

// A Hash is the UUHash of a file: see uuhash.go.
type Hash [20]byte

// String writes h as 40 hex digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes h as String does.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) != hex.EncodedLen(len(h)) {
		return fmt.Errorf("UUHash %.50q: want %d hex digits", b, hex.EncodedLen(len(h)))
	}
	_, err := hex.Decode(h[:], b)
	return err
}

// Search asks a supernode (0x06).
type Search struct {
	Max   uint16
	ID    uint16 // the answers to it carry the same
	Realm uint8  // A1 to A5: audio to software; BF: all
	Terms []Term // all must hold
}

// A Term is one condition of a Search.
type Term struct {
	Cmp   uint8 // see the comparisons
	Field uint8 // a tag; 0: any
	Text  string
}

// Results are files that answer a Search (0x07).
type Results struct {
	Supernode p2p.Addr // whose children have them
	ID        uint16
	List      []Result
}

// A Result is one file of one child.
type Result struct {
	Addr      p2p.Addr // port 0: it cannot be dialled
	Bandwidth uint8
	User      string
	Network   string
	File
}

// End says that no more Results of a Search will come (0x08).
type End struct{ ID uint16 }

// Push tells a child to dial who asked for it, and to say Give (0x0D).
type Push struct {
	ID uint32
	To p2p.Addr
}

// PushWanted asks a supernode to have a child of it, or of another, dial (0x0D
// too).
type PushWanted struct {
	Push
	Who       p2p.Addr // as in its Result
	Supernode p2p.Addr // whose child it is
	User      string
}

// External tells a child the IP address that it is seen with (0x2C).
type External struct{ IP uint32 }

// Other is a frame that means nothing here: statistics, chat, and what nobody has
// found out. It is read and ignored.
type Other struct {
	Type    uint16
	Payload string
}

// Link makes a session one between supernodes; both say it, and repeat it when
// what it says has changed. It is of our own design, as all up to PushOn.
type Link struct {
	Addr       p2p.Addr // where the sender listens
	Reputation uint16
	Load       uint8
}

// Standing is how a child that could be a supernode recommends itself.
type Standing struct {
	Reputation uint16 // 0 to 1000
	Addr       p2p.Addr
}

// Promote tells a child to become a supernode.
type Promote struct{}

// Query is flooded among supernodes.
type Query struct {
	Flood     uint64 // names it; the hits carry the same
	TTL, Hops uint8
	Search    // its ID is that of the asker's own
}

// Hits answer a Query, on its way back.
type Hits struct {
	Flood uint64
	Hops  uint8 // links between the sender and the asker's supernode
	Results
}

// PushOn carries a PushWanted to the supernode whose child is meant, as a datagram.
type PushOn struct{ PushWanted }

// Probe asks by a datagram whether a supernode listens; Probed answers it.
type (
	Probe struct {
		Cipher  uint32 // the oldest that the asker can do
		Network string
	}
	Probed struct {
		Supernode bool
		Cipher    uint32
		Load      uint8 // per cent
		Network   string
	}
)

// Give begins a stream on which its dialler, told so by a Push, has a file to be
// got.
type Give struct{ ID uint32 }

// Get asks for a part of a file over HTTP.
type Get struct {
	Head    bool // HEAD: without the bytes
	Hash    Hash
	Host    p2p.Addr // whom it is sent to
	Network string   // X-Kazaa-Network
	User    string   // X-Kazaa-Username
	Range   string   // as "bytes=0-99"; "": all of it
	Keep    bool     // the sender will ask again on this stream
}

// Response is the head of the answer to Get. Bodies follow, Length bytes in all.
type Response struct {
	Code   uint16 // 200, 206, 404, 416, 503
	Length int64  // Content-Length
	Off    int64  // 206: the first byte's place in the file
	Total  int64  // 206: of the whole file
	Retry  uint16 // 503: seconds to wait
	User   string // X-Kazaa-Username
	Keep   bool   // more can be asked on this stream
}

// Body is a piece of what Response has announced.
type Body struct{ Data p2p.Content }

func (*Hello) Kind() p2p.Kind      { return kindHello }
func (*Welcome) Kind() p2p.Kind    { return kindWelcome }
func (*Network) Kind() p2p.Kind    { return kindNetwork }
func (*Ping) Kind() p2p.Kind       { return kindPing }
func (*Pong) Kind() p2p.Kind       { return kindPong }
func (*Supernodes) Kind() p2p.Kind { return kindSupernodes }
func (*Login) Kind() p2p.Kind      { return kindLogin }
func (*Wanted) Kind() p2p.Kind     { return kindWanted }
func (*Share) Kind() p2p.Kind      { return kindShare }
func (*Unshare) Kind() p2p.Kind    { return kindUnshare }
func (*Search) Kind() p2p.Kind     { return kindSearch }
func (*Results) Kind() p2p.Kind    { return kindResults }
func (*End) Kind() p2p.Kind        { return kindEnd }
func (*Push) Kind() p2p.Kind       { return kindPush }
func (*PushWanted) Kind() p2p.Kind { return kindPushWanted }
func (*External) Kind() p2p.Kind   { return kindExternal }
func (*Other) Kind() p2p.Kind      { return kindOther }
func (*Link) Kind() p2p.Kind       { return kindLink }
func (*Standing) Kind() p2p.Kind   { return kindStanding }
func (*Promote) Kind() p2p.Kind    { return kindPromote }
func (*Query) Kind() p2p.Kind      { return kindQuery }
func (*Hits) Kind() p2p.Kind       { return kindHits }
func (*PushOn) Kind() p2p.Kind     { return kindPushOn }
func (*Probe) Kind() p2p.Kind      { return kindProbe }
func (*Probed) Kind() p2p.Kind     { return kindProbed }
func (*Give) Kind() p2p.Kind       { return kindGive }
func (*Get) Kind() p2p.Kind        { return kindGet }
func (*Response) Kind() p2p.Kind   { return kindResponse }
func (*Body) Kind() p2p.Kind       { return kindBody }

func (*Hello) Size() int        { return 12 }
func (*Welcome) Size() int      { return 8 }
func (m *Network) Size() int    { return len(m.Name) + 1 }
func (*Ping) Size() int         { return 1 }
func (*Pong) Size() int         { return 1 }
func (m *Supernodes) Size() int { return frameHead + 8*len(m.List) }
func (m *Login) Size() int      { return frameHead + 8 + len(m.User) }
func (*Wanted) Size() int       { return frameHead }
func (m *Share) Size() int      { return frameHead + 4 + m.File.size() }
func (m *Unshare) Size() int    { return frameHead + m.File.size() }
func (m *Search) Size() int     { return frameHead + m.size() }
func (m *Results) Size() int    { return frameHead + m.size() }
func (*End) Size() int          { return frameHead + 2 }
func (*Push) Size() int         { return frameHead + 10 }
func (m *PushWanted) Size() int { return frameHead + 22 + len(m.User) }
func (*External) Size() int     { return frameHead + 4 }
func (m *Other) Size() int      { return frameHead + len(m.Payload) }
func (*Link) Size() int         { return frameHead + 9 }
func (*Standing) Size() int     { return frameHead + 8 }
func (*Promote) Size() int      { return frameHead }
func (m *Query) Size() int      { return frameHead + 10 + m.Search.size() }
func (m *Hits) Size() int       { return frameHead + 9 + m.Results.size() }
func (m *PushOn) Size() int     { return 1 + 22 + len(m.User) }
func (m *Probe) Size() int      { return 6 + len(m.Network) + 1 }
func (m *Probed) Size() int     { return 11 + len(m.Network) + 1 }
func (m *Give) Size() int       { return len(m.append(make([]byte, 0, 32))) }
func (m *Get) Size() int        { return len(m.append(make([]byte, 0, 256))) }
func (m *Response) Size() int   { return len(m.append(make([]byte, 0, 256))) }
func (m *Body) Size() int       { return m.Data.Len }

func (m *Search) size() int {
	n := 9
	for i := range m.Terms {
		t := &m.Terms[i]
		n += 1 + packedSize(uint32(t.Field)) + packedSize(uint32(len(t.Text))) + len(t.Text)
	}
	return n
}

func (m *Results) size() int {
	n := 10
	for i := range m.List {
		r := &m.List[i]
		n += 7 + 1 + r.File.size()
		if i == 0 || !r.sameUser(&m.List[i-1]) {
			n += len(r.User) + 1 + len(r.Network)
		}
	}
	return n
}

func (f *File) size() int {
	return len(f.Hash) + packedSize(uint32(f.Sum)) + packedSize(f.Size) + packedSize(uint32(f.Tags.N)) + len(f.Tags.Raw)
}
