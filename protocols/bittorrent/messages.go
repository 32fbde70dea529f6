package bittorrent

import (
	"time"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

const (
	kindHandshake p2p.Kind = p2p.First + iota
	kindKeepAlive
	kindChoke
	kindUnchoke
	kindInterested
	kindNotInterested
	kindHave
	kindBitfield
	kindRequest
	kindPiece
	kindRest
	kindCancel
	kindSuggest
	kindHaveAll
	kindHaveNone
	kindReject
	kindAllowedFast
	kindExtended
	kindMetadata
	kindPex
	kindAnnounce
	kindAnnounced
	kindWanted
	kindOffer
	kindGiven
	kindRefused
	kindUDPConnect
	kindUDPConnected
	kindUDPAnnounce
	kindUDPAnnounced
	kindUDPScrape
	kindUDPScraped
	kindUDPError
)

var kinds = append([]p2p.KindInfo{
	{Name: "handshake", Class: p2p.Membership, Blank: new(Handshake)},
	{Name: "keep_alive", Class: p2p.Membership, Blank: new(KeepAlive)},
	{Name: "choke", Class: p2p.Transfer, Blank: new(Choke)},
	{Name: "unchoke", Class: p2p.Transfer, Blank: new(Unchoke)},
	{Name: "interested", Class: p2p.Transfer, Blank: new(Interested)},
	{Name: "not_interested", Class: p2p.Transfer, Blank: new(NotInterested)},
	{Name: "have", Class: p2p.Transfer, Blank: new(Have)},
	{Name: "bitfield", Class: p2p.Transfer, Blank: new(Bitfield)},
	{Name: "request", Class: p2p.Transfer, Blank: new(Request)},
	{Name: "piece", Class: p2p.Transfer, Blank: new(Piece)},
	{Name: "piece_rest", Class: p2p.Transfer, Blank: new(Rest)},
	{Name: "cancel", Class: p2p.Transfer, Blank: new(Cancel)},
	{Name: "suggest", Class: p2p.Transfer, Blank: new(Suggest)},
	{Name: "have_all", Class: p2p.Transfer, Blank: new(HaveAll)},
	{Name: "have_none", Class: p2p.Transfer, Blank: new(HaveNone)},
	{Name: "reject", Class: p2p.Transfer, Blank: new(Reject)},
	{Name: "allowed_fast", Class: p2p.Transfer, Blank: new(AllowedFast)},
	{Name: "extended", Class: p2p.Membership, Blank: new(Extended)},
	{Name: "metadata", Class: p2p.Transfer, Blank: new(Metadata)},
	{Name: "pex", Class: p2p.Membership, Blank: new(Pex)},
	{Name: "announce", Class: p2p.Membership, Blank: new(Announce)},
	{Name: "announced", Class: p2p.Membership, Blank: new(Announced)},
	{Name: "torrent_wanted", Class: p2p.Lookup, Blank: new(Wanted)},
	{Name: "torrent_offer", Class: p2p.Membership, Blank: new(Offer)},
	{Name: "torrent_given", Class: p2p.Lookup, Blank: new(Given)},
	{Name: "refused", Class: p2p.Lookup, Blank: new(Refused)},
	{Name: "udp_connect", Class: p2p.Membership, Blank: new(UDPConnect)},
	{Name: "udp_connected", Class: p2p.Membership, Blank: new(UDPConnected)},
	{Name: "udp_announce", Class: p2p.Membership, Blank: new(UDPAnnounce)},
	{Name: "udp_announced", Class: p2p.Membership, Blank: new(UDPAnnounced)},
	{Name: "udp_scrape", Class: p2p.Membership, Blank: new(UDPScrape)},
	{Name: "udp_scraped", Class: p2p.Membership, Blank: new(UDPScraped)},
	{Name: "udp_error", Class: p2p.Membership, Blank: new(UDPError)},
}, introducer.Kinds...)

// An ID names a peer for as long as its process lives (BEP 20: "-PB0001-" and
// twelve bytes drawn).
type ID [20]byte

// A Handshake begins a stream between peers, in each direction (BEP 3).
type Handshake struct {
	Reserved [8]byte
	Hash     Hash
	ID       ID
}

// Bits of Handshake.Reserved: byte and mask.
const (
	extendedByte, extendedBit = 5, 0x10 // BEP 10
	fastByte, fastBit         = 7, 0x04 // BEP 6
)

// KeepAlive is four zero bytes.
type KeepAlive struct{}

// Choke and Unchoke say whether the sender answers requests.
type Choke struct{}
type Unchoke struct{}

// Interested and NotInterested say whether the sender would make some.
type Interested struct{}
type NotInterested struct{}

// Have says that the sender now has a piece, verified.
type Have struct{ Piece uint32 }

// Bitfield says which pieces the sender has: piece 0 is the first byte's high
// bit. Some clients send it again instead of many Haves.
type Bitfield struct{ Bits []byte }

// A Block is a part of a piece, as requests name it.
type Block struct{ Piece, Begin, Len uint32 }

// Request asks for a block, of at most 16 KiB.
type Request struct{ Block }

// Cancel takes a Request back.
type Cancel struct{ Block }

// Reject refuses a Request (BEP 6).
type Reject struct{ Block }

// Piece brings a block. Len is the length of all of it. If the block lies in
// several files, Data is the part in the first of them, and Rests follow.
type Piece struct {
	Index, Begin, Len uint32
	Data              p2p.Content
}

// Rest goes on where a Piece or Rest ended in the middle of its block. On the
// wire it is nothing but the bytes; a codec never returns it, for it reads the
// whole block as one Piece.
type Rest struct{ Data p2p.Content }

// Suggest, HaveAll, HaveNone and AllowedFast are of BEP 6.
type Suggest struct{ Piece uint32 }
type HaveAll struct{}
type HaveNone struct{}
type AllowedFast struct{ Piece uint32 }

// Extended is the handshake of BEP 10: by which numbers the sender wants to
// hear the extensions that it knows (0: it does not), how long the info
// dictionary is (0: it does not say), and where it listens.
type Extended struct {
	Metadata, Pex uint8
	InfoLen       uint32
	Port          uint16
	Version       string
}

// Metadata is a message of BEP 9: it asks for 16 KiB of the info dictionary,
// brings them, or refuses.
type Metadata struct {
	To    uint8 // the receiver's number of the extension
	Type  uint8
	Piece uint32
	Total uint32 // length of the info dictionary, with metadataData
	Data  []byte
}

const (
	metadataRequest = iota
	metadataData
	metadataReject
)

// Pex tells of other peers (BEP 11).
type Pex struct {
	To             uint8
	Added, Dropped []p2p.Addr
}

// An Event is why a peer announces.
type Event uint8

const (
	Periodic  Event = iota // nothing has happened
	Completed              // it has all now
	Started
	Stopped
)

// Announce tells the tracker of a peer and asks it for others, over HTTP. The
// peer's address is where the request comes from.
type Announce struct {
	Hash                       Hash
	ID                         ID
	Port                       uint16
	Uploaded, Downloaded, Left int64
	Event                      Event
	Want                       int32 // how many peers; negative: as many as the tracker likes
	Host, Path                 string
}

// Announced answers Announce. Failure is why it was refused.
type Announced struct {
	Failure              string
	Interval             time.Duration // in seconds on the wire
	Complete, Incomplete uint32        // seeds and leechers, as the tracker knows them
	Peers                []p2p.Addr
}

// Wanted asks a tracker of ours for a torrent by its name: for who has all of
// it, and with Meta for the metainfo too.
type Wanted struct {
	Name string
	Meta bool
}

// Offer gives a tracker of ours a torrent to hand out.
type Offer struct {
	Name string
	Meta []byte
}

// Given answers Wanted and Offer.
type Given struct {
	Hash  Hash
	Meta  []byte
	Seeds []p2p.Addr
}

// Refused is an answer of HTTP other than 200.
type Refused struct{ Code uint16 }

func (*Handshake) Kind() p2p.Kind     { return kindHandshake }
func (*KeepAlive) Kind() p2p.Kind     { return kindKeepAlive }
func (*Choke) Kind() p2p.Kind         { return kindChoke }
func (*Unchoke) Kind() p2p.Kind       { return kindUnchoke }
func (*Interested) Kind() p2p.Kind    { return kindInterested }
func (*NotInterested) Kind() p2p.Kind { return kindNotInterested }
func (*Have) Kind() p2p.Kind          { return kindHave }
func (*Bitfield) Kind() p2p.Kind      { return kindBitfield }
func (*Request) Kind() p2p.Kind       { return kindRequest }
func (*Piece) Kind() p2p.Kind         { return kindPiece }
func (*Rest) Kind() p2p.Kind          { return kindRest }
func (*Cancel) Kind() p2p.Kind        { return kindCancel }
func (*Suggest) Kind() p2p.Kind       { return kindSuggest }
func (*HaveAll) Kind() p2p.Kind       { return kindHaveAll }
func (*HaveNone) Kind() p2p.Kind      { return kindHaveNone }
func (*Reject) Kind() p2p.Kind        { return kindReject }
func (*AllowedFast) Kind() p2p.Kind   { return kindAllowedFast }
func (*Extended) Kind() p2p.Kind      { return kindExtended }
func (*Metadata) Kind() p2p.Kind      { return kindMetadata }
func (*Pex) Kind() p2p.Kind           { return kindPex }
func (*Announce) Kind() p2p.Kind      { return kindAnnounce }
func (*Announced) Kind() p2p.Kind     { return kindAnnounced }
func (*Wanted) Kind() p2p.Kind        { return kindWanted }
func (*Offer) Kind() p2p.Kind         { return kindOffer }
func (*Given) Kind() p2p.Kind         { return kindGiven }
func (*Refused) Kind() p2p.Kind       { return kindRefused }

const (
	handshakeSize = 68
	frameSize     = 4 + 1 // length and id
)

func (*Handshake) Size() int     { return handshakeSize }
func (*KeepAlive) Size() int     { return 4 }
func (*Choke) Size() int         { return frameSize }
func (*Unchoke) Size() int       { return frameSize }
func (*Interested) Size() int    { return frameSize }
func (*NotInterested) Size() int { return frameSize }
func (*Have) Size() int          { return frameSize + 4 }
func (m *Bitfield) Size() int    { return frameSize + len(m.Bits) }
func (*Request) Size() int       { return frameSize + 12 }
func (m *Piece) Size() int       { return frameSize + 8 + m.Data.Len }
func (m *Rest) Size() int        { return m.Data.Len }
func (*Cancel) Size() int        { return frameSize + 12 }
func (*Suggest) Size() int       { return frameSize + 4 }
func (*HaveAll) Size() int       { return frameSize }
func (*HaveNone) Size() int      { return frameSize }
func (*Reject) Size() int        { return frameSize + 12 }
func (*AllowedFast) Size() int   { return frameSize + 4 }
func (m *Extended) Size() int    { return len(m.append(nil)) }
func (m *Metadata) Size() int    { return len(m.append(nil)) }
func (m *Pex) Size() int         { return len(m.append(nil)) }
func (m *Announce) Size() int    { return len(m.append(nil)) }
func (m *Announced) Size() int   { return len(m.append(nil)) }
func (m *Wanted) Size() int      { return len(m.append(nil)) }
func (m *Offer) Size() int       { return len(m.append(nil)) }
func (m *Given) Size() int       { return len(m.append(nil)) }
func (m *Refused) Size() int     { return len(m.append(nil)) }
