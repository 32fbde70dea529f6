package p2p

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"time"
)

// The kinds that belong to the worlds. A world makes these messages; a
// protocol only hears them.
const (
	KindNone Kind = iota
	KindTick
	KindAlarm
	KindUp
	KindDown
	KindRoom
	KindResolved
	KindWritten
	KindSummed
	KindDeadline

	// Shared is the first of the kinds of a language that every protocol
	// speaks: the introducer's.
	Shared Kind = 12
	// First is the first kind of a protocol's own.
	First Kind = 16
)

// A Tick is a timer that needs no more than a name. A protocol lists its
// timetable as constants,
//
//	const (
//		tickStabilize p2p.Tick = iota
//		tickFixFingers
//	)
//
// and their names, for traces, in Protocol.Ticks.
type Tick uint8

func (Tick) Kind() Kind { return KindTick }
func (Tick) Size() int  { return 0 }

// An Alarm is embedded by a timer that carries data: a struct that is given to
// After and never sent, such as
//
//	type giveUp struct { p2p.Alarm; s *search }
type Alarm struct{}

func (Alarm) Kind() Kind { return KindAlarm }
func (Alarm) Size() int  { return 0 }

// Up says that a stream stands. The dialler's Handler hears it when the other
// side has accepted. The acceptor's Node hears it (Inbound) once Accept has
// recognised the language, before the first message.
type Up struct{ Inbound bool }

// Down says that a stream has ended. It comes once, after everything else of
// that stream, and never after the Node's own Close. What was sent and not yet
// delivered is lost.
type Down struct {
	// Err is nil if the other side closed, after all that it had sent has
	// arrived; else ErrRefused, ErrReset, ErrSilent, or an error that wraps
	// ErrMalformed.
	Err error
}

// Room says that a stream which was Full has drained.
type Room struct{}

// Resolved answers Resolve. Addrs is empty if and only if Err is set.
type Resolved struct {
	Name  string
	Addrs []Addr
	Err   error
}

// Written answers Disk.Write.
type Written struct {
	Blob string
	Off  int64
	Len  int
	Err  error
}

// Summed answers Disk.Sum.
type Summed struct {
	Blob     string
	Off, Len int64
	Sum      []byte
	Err      error
}

func (*Up) Kind() Kind       { return KindUp }
func (*Up) Size() int        { return 0 }
func (*Down) Kind() Kind     { return KindDown }
func (*Down) Size() int      { return 0 }
func (*Room) Kind() Kind     { return KindRoom }
func (*Room) Size() int      { return 0 }
func (*Resolved) Kind() Kind { return KindResolved }
func (*Resolved) Size() int  { return 0 }
func (*Written) Kind() Kind  { return KindWritten }
func (*Written) Size() int   { return 0 }
func (*Summed) Kind() Kind   { return KindSummed }
func (*Summed) Size() int    { return 0 }

// An Op is a user's wish: Publish, Find, Fetch, Remove or Leave, given by
// value.
type Op interface{ op() }

// Publish makes the blob called Name on this node's Disk findable by others.
//
// If Size is above 0, the world first puts a blob of that many bytes, drawn
// from Seed, on the Disk; otherwise the blob lies there already. A protocol
// reads only the Name.
type Publish struct {
	Name string
	Size int64  `json:",omitempty"`
	Seed uint64 `json:",omitempty"`
}

// Bytes returns the bytes that a world makes: the first Size of the output of
// ChaCha8 (math/rand/v2; C2SP chacha8rand) whose key is Seed in 8 bytes, low
// byte first, and 24 zero bytes. They are the same in every world and in every
// version of Go.
func (p Publish) Bytes() io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], p.Seed)
	return io.LimitReader(rand.NewChaCha8(key), p.Size)
}

// Find asks who has Name. Result.Found tells, the best first.
type Find struct{ Name string }

// Fetch finds Name and brings it to this node's Disk, verified. Result.Blob
// tells its length.
type Fetch struct{ Name string }

// Remove takes back what this node published as Name.
type Remove struct{ Name string }

// Leave says good-bye to the network. After done the world stops the Node.
type Leave struct{}

func (Publish) op() {}
func (Find) op()    {}
func (Fetch) op()   {}
func (Remove) op()  {}
func (Leave) op()   {}

// A Result answers an Op.
type Result struct {
	Err   error  // ErrNotFound, ErrTimeout ... or one that wraps them; nil: done
	Found []Addr // Find, Fetch: who has it, the best first
	Blob  Blob   // Fetch: what lies on the Disk now
	// Hops counts the messages between nodes from the asker to the one that
	// knew: the nodes contacted, the asker not included.
	Hops int
	// Path is the way of the lookup as far as the asker knows it, itself
	// first. It is set also where the lookup failed: it ends where it stopped.
	Path []Hop
	// ID names the operation in the protocol's messages where the way is
	// known only to those on it (a flood's descriptor, in hex); see
	// Protocol.Trail.
	ID string
}

// A Hop is one stage of a lookup.
type Hop struct {
	Addr Addr
	// By says which entry of the table of the hop before chose this one:
	// "finger 5", "successor". Empty for the asker. A State.Detail may have the
	// method Entry(by string) []Addr, which tells whom the entry called so
	// names in that state.
	By string
}

// MaxOp is how long the world waits before it gives up an Op whose Node never calls done. The
// Node ought to have done so long before: this is for broken ones.
const MaxOp = 10 * time.Minute
