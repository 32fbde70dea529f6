package napster

import (
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

const (
	kindLogin p2p.Kind = p2p.First + iota
	kindText
	kindShare
	kindFolder
	kindUnshare
	kindSearch
	kindResults
	kindRequest
	kindOffer
	kindAccepted
	kindGranted
	kindDenied
	kindQueued
	kindShown
	kindHello
	kindMember
	kindAsk
	kindAnswer
	kindRelay
	kindOne
	kindGet
	kindGive
	kindLength
	kindStart
	kindRefusal
	kindData
)

var kinds = append([]p2p.KindInfo{
	{Name: "login", Class: p2p.Membership, Blank: new(Login)},
	{Name: "text", Class: p2p.Membership, Blank: new(Text)},
	{Name: "share", Class: p2p.Membership, Blank: new(Share)},
	{Name: "share_folder", Class: p2p.Membership, Blank: new(Folder)},
	{Name: "unshare", Class: p2p.Membership, Blank: new(Unshare)},
	{Name: "search", Class: p2p.Lookup, Blank: new(Search)},
	{Name: "results", Class: p2p.Lookup, Blank: new(Results)},
	{Name: "request", Class: p2p.Transfer, Blank: new(Request)},
	{Name: "offer", Class: p2p.Transfer, Blank: new(Offer)},
	{Name: "accepted", Class: p2p.Transfer, Blank: new(Accepted)},
	{Name: "granted", Class: p2p.Transfer, Blank: new(Granted)},
	{Name: "denied", Class: p2p.Transfer, Blank: new(Denied)},
	{Name: "queued", Class: p2p.Transfer, Blank: new(Queued)},
	{Name: "shown", Class: p2p.Lookup, Blank: new(Shown)},
	{Name: "hello", Class: p2p.Membership, Blank: new(Hello)},
	{Name: "member", Class: p2p.Membership, Blank: new(Member)},
	{Name: "ask", Class: p2p.Lookup, Blank: new(Ask)},
	{Name: "answer", Class: p2p.Lookup, Blank: new(Answer)},
	{Name: "relay", Class: p2p.Transfer, Blank: new(Relay)},
	{Name: "one", Class: p2p.Lookup, Blank: new(One)}, // what answers a ping; it begins a transfer too
	{Name: "get", Class: p2p.Transfer, Blank: new(Get)},
	{Name: "give", Class: p2p.Transfer, Blank: new(Give)},
	{Name: "length", Class: p2p.Transfer, Blank: new(Length)},
	{Name: "start", Class: p2p.Transfer, Blank: new(Start)},
	{Name: "refusal", Class: p2p.Transfer, Blank: new(Refusal)},
	{Name: "data", Class: p2p.Transfer, Blank: new(Data)},
}, introducer.Kinds...)

// The types of frames that are named in code; all others are a [Text] too.
const (
	codeError     = 0
	codeLogin     = 2
	codeWelcome   = 3
	codeNewLogin  = 6
	codeNick      = 7
	codeNickFree  = 8
	codeNickTaken = 9
	codeNickBad   = 10
	codeShare     = 100
	codeUnshare   = 102
	codeNoShares  = 110
	codeSearch    = 200
	codeResult    = 201
	codeEnd       = 202
	codeRequest   = 203
	codeGranted   = 204
	codePrivate   = 205
	codeGetError  = 206
	codeHot       = 207
	codeHotMore   = 208
	codeHotOn     = 209
	codeBrowse    = 211
	codeShown     = 212
	codeBrowsed   = 213
	codeStats     = 214
	codeResume    = 215
	codeResumed   = 216
	codeResumeEnd = 217
	codeGetting   = 218
	codeGot       = 219
	codeGiving    = 220
	codeGave      = 221
	codeHotKnown  = 301
	codeHotDrop   = 303
	codeGeneral   = 404
	codePush      = 500
	codePushed    = 501
	codeSpeed     = 600
	codeSpeedIs   = 601
	codeWhois     = 603
	codeWhoisIs   = 604
	codeWhowas    = 605
	codeOffer     = 607
	codeAccepted  = 608
	codeNoAccept  = 609
	codeSetPort   = 613
	codeFull      = 619
	codeQueued    = 620
	codeMotd      = 621
	codeDataPort  = 626
	codeNewLine   = 700
	codeNewPort   = 703
	codePing      = 750
	codeUserPing  = 751
	codeUserPong  = 752
	codeRedirect  = 821
	codeFolder    = 870

	// Between servers; the numbers and what they mean are ours.
	codeHello  = 10010
	codeMember = 10018
	codeAsk    = 10020
	codeAnswer = 10021
	codeRelay  = 10022
)

// A Line is how a host says it is connected: 0 unknown, 1 to 3 modems of 14.4,
// 28.8 and 33.6 kbit/s, 4 of 56.7, 5 and 6 ISDN of 64 and 128, 7 cable, 8 DSL,
// 9 T1, 10 T3 or more.
type Line uint8

// Login opens a session; with New it registers the nick too (type 6).
type Login struct {
	Nick, Pass string
	Port       uint16 // where its transfers are dialled; 0: they cannot be
	Client     string
	Line       Line
	Build      uint32 // of type 2 only; our clients say where they listen, even if nobody can dial that
	Email      string // of type 6 only
	New        bool
}

// Text is every frame whose data is not taken apart: one word, a line for a
// user, or nothing.
type Text struct {
	Code uint16
	Text string
}

// A File is what a library says of a file.
type File struct {
	Name  string // no quotes
	MD5   string // of the first 300,000 bytes, in hex; other clients write other things
	Bytes int64
	Kbps  uint32 // the bit rate
	Hz    uint32 // the sampling frequency
	Secs  uint32
}

// Share adds a file to the directory; Folder several, whose names follow Dir.
type Share struct{ File }

// Folder is a Share of many.
type Folder struct {
	Dir   string
	Files []File
}

// Unshare takes a file out of the directory.
type Unshare struct{ Name string }

// Search asks for files with all words of Contains and And in their names.
type Search struct {
	Contains, And     string
	Max               uint32
	Speed, Kbps, Freq Bound
	Local             bool // of this server only
}

// A Bound is a condition on a number of a file or of a line.
type Bound struct {
	Rel Relation
	N   uint32
}

// A Relation is how a Bound compares.
type Relation uint8

// The relations. AnyValue is no condition.
const (
	AnyValue Relation = iota
	AtLeast
	AtBest
	EqualTo
)

// Results answer a Search: a row of frames, one a hit, and at the end one that
// is empty. On the wire a Results is as many frames as come in one piece.
type Results struct {
	Hits   []Hit
	End    bool
	Resume bool // they answer a search by hash
}

// A Hit is a file and who has it.
type Hit struct {
	File
	Nick string
	IP   uint32 // first octet in the high byte, unlike on the wire
	Line Line
	// What only our server says, and to our clients only: Open, whether the
	// host can be dialled, and where it listens; 0: not said.
	Open bool
	Port uint16
}

// Request asks the server for a file of nick's; with Push because nick cannot
// be dialled (type 500).
type Request struct {
	Nick, Name string
	Push       bool
}

// Offer tells an owner that nick wants a file.
type Offer struct {
	Nick, Name string
	Line       Line
}

// Accepted is the owner's consent.
type Accepted struct{ Nick, Name string }

// Granted tells one side of a transfer where the other is: the asker to dial
// the owner, or with Push the owner to dial the asker (type 501).
type Granted struct {
	Nick string
	IP   uint32
	Port uint16 // 0: it cannot be dialled
	Name string
	MD5  string
	Line Line
	Push bool
}

// Denied ends a Request: 206, nobody has it; 609, the owner did not accept.
type Denied struct {
	Code       uint16
	Nick, Name string
}

// Queued says that the owner has no place for more than Limit transfers: 619
// from the owner, 620 to the asker.
type Queued struct {
	Code       uint16
	Nick, Name string
	Limit      uint32
}

// Shown is one file of a library that is looked through.
type Shown struct {
	Nick string
	File
}

// Hello begins a link between two servers: Addr is where its sender listens.
type Hello struct{ Addr p2p.Addr }

// Member tells other servers that somebody has come to the sender, or gone.
type Member struct {
	Nick   string
	Addr   p2p.Addr // port 0: it cannot be dialled
	Build  uint16   // as in Login
	Line   Line
	Client string
	Gone   bool
}

// Ask is a Search among servers.
type Ask struct {
	ID uint32
	Search
}

// Answer is the Results of an Ask, in one piece or in several.
type Answer struct {
	ID uint32
	Results
}

// Relay is a frame for a user of another server: From says for whom it is sent.
type Relay struct {
	From, To string
	Code     uint16
	Data     string // the frame's
}

// One greets who dials a client: the character 1. It is also the answer to a
// ping, which is a dial and no more.
type One struct{}

// Get asks for a file from Offset on.
type Get struct {
	Nick, Name string
	Offset     int64
}

// Give offers a file to who cannot dial its owner.
type Give struct {
	Nick, Name string
	Bytes      int64
}

// Length answers Get: the size of the whole file. What follows is [Data].
type Length struct{ Bytes int64 }

// Start answers Give: where to begin.
type Start struct{ Offset int64 }

// Refusal answers Get or Give instead.
type Refusal struct{ Text string }

// Data is a piece of a file.
type Data struct{ Data p2p.Content }

func (*Login) Kind() p2p.Kind    { return kindLogin }
func (*Text) Kind() p2p.Kind     { return kindText }
func (*Share) Kind() p2p.Kind    { return kindShare }
func (*Folder) Kind() p2p.Kind   { return kindFolder }
func (*Unshare) Kind() p2p.Kind  { return kindUnshare }
func (*Search) Kind() p2p.Kind   { return kindSearch }
func (*Results) Kind() p2p.Kind  { return kindResults }
func (*Request) Kind() p2p.Kind  { return kindRequest }
func (*Offer) Kind() p2p.Kind    { return kindOffer }
func (*Accepted) Kind() p2p.Kind { return kindAccepted }
func (*Granted) Kind() p2p.Kind  { return kindGranted }
func (*Denied) Kind() p2p.Kind   { return kindDenied }
func (*Queued) Kind() p2p.Kind   { return kindQueued }
func (*Shown) Kind() p2p.Kind    { return kindShown }
func (*Hello) Kind() p2p.Kind    { return kindHello }
func (*Member) Kind() p2p.Kind   { return kindMember }
func (*Ask) Kind() p2p.Kind      { return kindAsk }
func (*Answer) Kind() p2p.Kind   { return kindAnswer }
func (*Relay) Kind() p2p.Kind    { return kindRelay }
func (*One) Kind() p2p.Kind      { return kindOne }
func (*Get) Kind() p2p.Kind      { return kindGet }
func (*Give) Kind() p2p.Kind     { return kindGive }
func (*Length) Kind() p2p.Kind   { return kindLength }
func (*Start) Kind() p2p.Kind    { return kindStart }
func (*Refusal) Kind() p2p.Kind  { return kindRefusal }
func (*Data) Kind() p2p.Kind     { return kindData }

func (m *Login) Size() int    { return size(m) }
func (m *Text) Size() int     { return headSize + len(m.Text) }
func (m *Share) Size() int    { return headSize + m.File.size() }
func (m *Folder) Size() int   { return size(m) }
func (m *Unshare) Size() int  { return size(m) }
func (m *Search) Size() int   { return size(m) }
func (m *Results) Size() int  { return m.size() }
func (m *Request) Size() int  { return size(m) }
func (m *Offer) Size() int    { return size(m) }
func (m *Accepted) Size() int { return size(m) }
func (m *Granted) Size() int  { return size(m) }
func (m *Denied) Size() int   { return size(m) }
func (m *Queued) Size() int   { return size(m) }
func (m *Shown) Size() int    { return size(m) }
func (m *Hello) Size() int    { return size(m) }
func (m *Member) Size() int   { return size(m) }
func (m *Ask) Size() int      { return size(m) }
func (m *Answer) Size() int   { return size(m) }
func (m *Relay) Size() int    { return size(m) }
func (m *One) Size() int      { return 1 }
func (m *Get) Size() int      { return size(m) }
func (m *Give) Size() int     { return size(m) }
func (m *Length) Size() int   { return digits(uint64(m.Bytes)) }
func (m *Start) Size() int    { return digits(uint64(m.Offset)) }
func (m *Refusal) Size() int  { return len(m.Text) }
func (m *Data) Size() int     { return m.Data.Len }
