package p2p

import (
	"hash"
	"math/rand/v2"
	"time"
)

// A Link is one stream of a node: it numbers the connections of that node,
// dialled or accepted, from 1 upwards and is never used again. Link 0 is not
// a stream: it stands for datagrams.
type Link uint32

// A Peer is where a message came from and where the answer goes: an address
// and, for a stream, the link. Comparing two Peers with == asks whether they
// are the same conversation.
//
// The address of a stream that another node dialled is the one it dialled
// from (an ephemeral port), not the one it listens on: a protocol that needs
// the latter carries it in a message.
type Peer struct {
	Addr Addr
	Link Link // 0: datagrams
}

// A Kind is a small number that names a type of message, so that counters,
// free lists and traces are arrays. Kinds below First belong to the worlds
// and to the languages that every protocol speaks; a protocol numbers its own
// from First on and describes them in Protocol.Kinds.
type Kind uint8

// A Msg is everything that a Node hears: what another node sent, a timer, the
// end of a stream, a finished write. It is a pointer to a struct, or a Tick.
// Its methods have pointer receivers, and Kind answers on a nil pointer too.
type Msg interface {
	Kind() Kind
	Size() int // bytes that the message takes on its link, Content included
}

// A Handler hears messages. The message is on loan until Handle returns: to
// keep it, copy it (*m) and clone its slices; never keep m.
type Handler interface {
	Handle(from Peer, m Msg)
}

// A Node is one participant of a protocol. The world calls it, one call at a
// time, and no call may block: a Node reacts, asks its Env for sends and
// timers, and returns.
type Node interface {
	// Start joins the network, or takes up the State that New was given.
	// It is called once, before anything else; env is the Node's to keep.
	Start(env Env)

	// Handle hears all that no narrower Handler was named for: datagrams,
	// timers, and the streams that others dialled until Hand names one.
	Handler

	// Do carries out a user's wish and calls done exactly once, at once or
	// later. Several wishes may be under way. A wish that the protocol does
	// not know is answered with ErrUnsupported.
	Do(op Op, done func(Result))

	// Inspect tells the Node's state as plain data that shares no memory with
	// the Node. It changes nothing and is not counted as traffic.
	Inspect() State
}

// A Scout is a Node that knows what it will have to read for a message. A world of
// very many nodes asks it some messages ahead, so that its memory is at hand by
// then; the Node reads, and returns something of what it has read. It changes
// nothing. The message may come otherwise, or never: Scout decides nothing.
type Scout interface {
	Scout(m Msg) uint64
}

// An Env is the whole of what a protocol may ask of the world. A Node calls it
// only from within its own Start, Handle and Do.
type Env interface {
	Self() Addr         // where this node listens, for streams and datagrams
	Now() time.Duration // since the run began
	Rand() *rand.Rand   // this node's own seeded stream

	// After hands m back to the Node's Handle (from the zero Peer), d from
	// now, as it was given: not copied, not recycled.
	After(d time.Duration, m Msg) Timer
	// Stop makes sure that t never arrives. It may be called at any time,
	// also twice, also long after t has fired.
	Stop(t Timer)

	// Dial opens a stream in the language c. h hears all of it: Up, the
	// messages, Room, and at last Down; or only Down, if it never came up.
	// What is sent before Up waits for it.
	Dial(to Addr, c Codec, h Handler) Peer
	// Hand names who hears of p from the next message on: for a stream that
	// another node dialled, and where two sides change roles.
	Hand(p Peer, h Handler)
	// Close ends the stream p after what is queued has gone. Nothing more is
	// heard of p, not even Down. Closing twice, or what is down, is no error.
	Close(p Peer)
	// Full reports whether p's queue is above the world's mark. If so, hold
	// back: exactly one Room will follow once it has drained (or Down).
	Full(p Peer) bool

	// Resolve looks up a host, "name:port", as an introducer or a tracker is
	// given. h gets one *Resolved.
	Resolve(name string, h Handler)
	// Disk is the node's folder. It outlives a crash, in the simulator too.
	Disk() Disk

	// Post sends m, which came from Spare or is new, and takes it over. Only
	// this package calls it, in Send, Ask and Reply.
	Post(to Peer, m Msg)
	// Spare returns a message of kind k that the world has done with, or nil.
	// Only this package calls it, in New.
	Spare(k Kind) Msg
}

// A Timer names one call of After. The zero Timer names none; to Stop it does
// nothing.
type Timer struct {
	At time.Duration // when it is due, since the run began
	N  uint32        // tells apart what is due at the same time; never 0
}

// A Codec turns the messages of one link into bytes and back. Each stream has
// one of its own, so it may keep state (a handshake that comes before frames);
// a node has one for all its datagrams. The world calls it from the node's own
// loop only: it needs no lock.
type Codec interface {
	// Append appends m's bytes to dst. Content, if it has any, follows them.
	// The length of both is m.Size(), unless the Codec is a Packer.
	Append(dst []byte, m Msg) ([]byte, Content, error)

	// Next reads one message from the front of src and says how many bytes it
	// took. nil, 0, nil asks for more bytes; nil, n, nil skips n bytes (a
	// keep-alive). m may live in the Codec until the next call of Next.
	// An error ends the stream; a datagram with an error is dropped.
	//
	// eof says that no byte will follow src: the world then calls Next until
	// it returns nil, 0. A datagram is given whole, with eof true, and must be
	// used up by one message.
	//
	// src is a stranger's: every length in it is checked before memory is
	// taken, and at most 4 KiB plus 8 times len(src) is taken.
	Next(src []byte, eof bool) (m Msg, n int, err error)
}

// A Packer is a Codec of streams that compress. What Append writes once out is
// true has another length than m.Size(), which stays the length of the message
// itself: by it messages are counted and, in the simulator, paced. Once in is
// true, Next may take bytes before it returns the messages in them, with n = 0.
// Its window, its tables and what it has inflated may take 512 KiB at a time,
// beside what Next takes otherwise.
//
// (Why so: which messages cost what must not depend on what was sent before
// them. What really went over the wire, the world counts.)
type Packer interface {
	Codec
	Packed() (out, in bool)
}

// MaxContent is the longest Content of one message, in bytes. Longer bodies
// go in pieces, as Full allows.
const MaxContent = 256 << 10

// MaxDatagram is the longest datagram, in bytes: what an Ethernet frame holds
// without fragments. In every world a longer one is dropped.
const MaxDatagram = 1472

// Silence is how long a stream waits for a peer that has gone silent before
// it is Down with ErrSilent. A cut that heals earlier is only a delay. A world
// keeps it to a factor of two.
const Silence = 15 * time.Second

// Content stands for bulk data inside a message: bytes Off to Off+Len of a
// blob. A sender names the blob; the link does the reading. A receiver gets
// bytes to write to its own Disk, and never sees whether there are any: in
// the simulator there are not.
type Content struct {
	Blob   string // sender: the name on its own Disk; receiver: ""
	Off    int64
	Len    int
	Origin uint64 // the simulator's identity of these bytes; 0 elsewhere
	view   []byte
}

// View makes the Content that a Codec's Next returns: bytes that still lie in
// the receive buffer.
func View(src []byte) Content { return Content{Len: len(src), view: src} }

// Bytes returns what View was given, for a world's Disk to write; nil in the
// simulator.
func (c Content) Bytes() []byte { return c.view }

// A Disk is a node's folder: large blobs, written and hashed in the
// background, and small state, saved and loaded at once.
//
// What Written has reported outlives a crash; a write still under way may be
// lost, whole or in part. Names are plain file names: at most 255 bytes, no
// separator, not "." or "..".
type Disk interface {
	// Blobs lists the blobs in the order of their names.
	Blobs() []Blob
	// Write stores c at off of blob, which it makes or lengthens where need
	// be. h gets one *Written, in the order of the calls.
	Write(blob string, off int64, c Content, h Handler)
	// Sum hashes n bytes from off, after all Writes before it, away from the
	// node's loop. h gets one *Summed.
	Sum(blob string, off, n int64, f func() hash.Hash, h Handler)
	// Remove deletes a blob. A blob that is not there is no error.
	Remove(blob string)
	// Load returns what Save saved under the name, or nil.
	Load(name string) []byte
	// Save stores b (at most 64 KiB) in place of what was there: after a
	// crash the old or the new, never half of each.
	Save(name string, b []byte)
}

// A Blob is one file of a Disk.
type Blob struct {
	Name string
	Len  int64
}

// A State is what Inspect tells: plain data for checkers, pictures and golden
// plays, and what New can start a Node from.
type State struct {
	Self       Addr
	ID         string   // the node's name in its overlay: hex digits of an id
	Neighbours []Addr   // whom it would send to, without repeats
	Stored     []string // what it holds for the network, in order of name
	Detail     any      // the protocol's own: a value of Protocol.Detail's type
}
