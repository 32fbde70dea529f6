package chord

import (
	"crypto/sha1"

	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// The messages of Chord, in the order of their numbers on the wire. Questions
// that only a member of a ring answers come first.
const (
	kindNext p2p.Kind = p2p.First + iota
	kindRoute
	kindHas
	kindRemove
	kindSeek
	kindGetNeighbours
	kindNotify
	kindPing
	kindBye
	kindMeet

	kindStep
	kindAck
	kindRouted
	kindHeld
	kindRemoved
	kindSought
	kindNeighbours
	kindPong

	kindPut
	kindWant
	kindPiece
	kindStored
	kindGet
	kindObject

	lastQuestion = kindMeet
	lastDatagram = kindPong
)

// kinds describes them, in the same order.
var kinds = []p2p.KindInfo{
	{Name: "next", Class: p2p.Lookup, Blank: new(next)},
	{Name: "route", Class: p2p.Lookup, Blank: new(route)},
	{Name: "has", Class: p2p.Lookup, Blank: new(has)},
	{Name: "remove", Class: p2p.Lookup, Blank: new(remove)},
	{Name: "seek", Class: p2p.Membership, Blank: new(seek)},
	{Name: "get_neighbours", Class: p2p.Membership, Blank: new(getNeighbours)},
	{Name: "notify", Class: p2p.Membership, Blank: new(notify)},
	{Name: "ping", Class: p2p.Membership, Blank: new(ping)},
	{Name: "bye", Class: p2p.Membership, Blank: new(bye)},
	{Name: "meet", Class: p2p.Membership, Blank: new(meet)},
	{Name: "step", Class: p2p.Lookup, Blank: new(step)},
	{Name: "ack", Class: p2p.Lookup, Blank: new(ack)},
	{Name: "routed", Class: p2p.Lookup, Blank: new(routed)},
	{Name: "held", Class: p2p.Lookup, Blank: new(held)},
	{Name: "removed", Class: p2p.Lookup, Blank: new(removed)},
	{Name: "sought", Class: p2p.Membership, Blank: new(sought)},
	{Name: "neighbours", Class: p2p.Membership, Blank: new(neighbours)},
	{Name: "pong", Class: p2p.Membership, Blank: new(pong)},
	{Name: "put", Class: p2p.Transfer, Blank: new(put)},
	{Name: "want", Class: p2p.Transfer, Blank: new(want)},
	{Name: "piece", Class: p2p.Transfer, Blank: new(piece)},
	{Name: "stored", Class: p2p.Transfer, Blank: new(stored)},
	{Name: "get", Class: p2p.Transfer, Blank: new(get)},
	{Name: "object", Class: p2p.Transfer, Blank: new(object)},
}

// Bounds on what a message may carry. They keep every datagram within
// p2p.MaxDatagram.
const (
	maxSuccessors = 32  // as in Config
	maxDead       = 64  // nodes that one lookup may find dead before it gives up: with every second node dead, 2 % find more than 16
	maxHops       = 128 // stages of one lookup
	maxObject     = 1 << 40
)

// A line says between which points of two nodes a datagram goes; see virtual.go.
type line struct{ From, To uint8 }

func (l *line) ends() *line { return l }

// An ask begins a question, and its answer.
type ask struct {
	p2p.Tag
	line
}

// next asks for the next hop towards Key.
type next struct {
	ask
	Key ring.ID
	Not []p2p.Addr // do not name these: they did not answer the asker
}

// step answers next.
type step struct {
	ask
	choice
}

// A choice is what one node knows about the way to a key.
type choice struct {
	Done  bool       // Nodes are the owner and its successors; else the one next hop
	Via   via        // the row of the table that Nodes[0] stands in
	Nodes []p2p.Addr // empty: it knows no way
}

// seek and sought are next and step where a node looks up a key for the ring's
// own sake, to join or to repair a finger: kinds of their own, so that upkeep
// is not counted as lookups.
type (
	seek   struct{ next }
	sought struct{ step }
)

// route is a lookup that is handed on from node to node (recursive). Each one
// says ack to the one before, if the tag is not 0.
type route struct {
	ask
	Key    ring.ID
	Nonce  uint64   // the asker's name for the lookup
	Origin p2p.Addr // who asked, and hears routed
	Path   []stage  // the asker first, the receiver last
}

// ack says that the receiver of route takes care of it.
type ack struct{ ask }

// routed ends a recursive lookup: the predecessor of the key tells the asker.
type routed struct {
	line
	Nonce uint64
	choice
	Path []stage
}

// A stage is one node on the way of a lookup, and the row of the table of the
// node before that chose it.
type stage struct {
	Addr p2p.Addr
	Via  via
}

// has asks whether the receiver stores an object.
type has struct {
	ask
	Name string
}

// held answers has.
type held struct {
	ask
	Found bool
	item
}

// An item is an object without its name.
type item struct {
	Bytes   int64
	Sum     hash
	Version uint32   // counts what was published and removed under its name
	Holder  p2p.Addr // who has the bytes, if this is only a pointer to them; 0: they lie beside it
}

// A hash is the SHA-1 of an object's bytes.
type hash [sha1.Size]byte

// remove says that an object is to be forgotten.
type remove struct {
	ask
	Name    string
	Version uint32 // 0: a user wishes it; else by a removal of this version
}

// removed answers remove.
type removed struct {
	ask
	Found bool
}

// getNeighbours asks for the receiver's place on the ring.
type getNeighbours struct{ ask }

// neighbours answers getNeighbours.
type neighbours struct {
	ask
	Pred  p2p.Addr // 0: not known
	Succs []p2p.Addr
}

// notify says: I think that I am your predecessor.
type notify struct{ line }

// ping asks whether the receiver lives.
type ping struct{ ask }

// pong answers ping.
type pong struct{ ask }

// bye tells the predecessor and the successor of a node that it leaves, and
// who follows in its place.
type bye struct {
	line
	Pred  p2p.Addr
	Succs []p2p.Addr
}

// meet tells of a node in another ring, so that the receiver looks for its place
// there.
type meet struct {
	line
	Through p2p.Addr
}

// put opens a stream: store this object. Version 0: it was just published, and
// the receiver numbers it.
type put struct {
	To   uint8 // which point of the receiver
	Name string
	item
}

// want answers put: send it.
type want struct{}

// piece is part of an object, in order.
type piece struct{ Data p2p.Content }

// stored ends a put.
type stored struct {
	Verdict verdict
	Version uint32 // the receiver's, of what it keeps under this name
}

// get opens a stream: send me this object.
type get struct {
	To   uint8 // which point of the receiver
	Name string
}

// object answers get; pieces follow if it was found.
type object struct {
	Found bool
	item
}

func (*next) Kind() p2p.Kind          { return kindNext }
func (*route) Kind() p2p.Kind         { return kindRoute }
func (*has) Kind() p2p.Kind           { return kindHas }
func (*remove) Kind() p2p.Kind        { return kindRemove }
func (*seek) Kind() p2p.Kind          { return kindSeek }
func (*getNeighbours) Kind() p2p.Kind { return kindGetNeighbours }
func (*notify) Kind() p2p.Kind        { return kindNotify }
func (*ping) Kind() p2p.Kind          { return kindPing }
func (*bye) Kind() p2p.Kind           { return kindBye }
func (*meet) Kind() p2p.Kind          { return kindMeet }
func (*step) Kind() p2p.Kind          { return kindStep }
func (*ack) Kind() p2p.Kind           { return kindAck }
func (*routed) Kind() p2p.Kind        { return kindRouted }
func (*held) Kind() p2p.Kind          { return kindHeld }
func (*removed) Kind() p2p.Kind       { return kindRemoved }
func (*sought) Kind() p2p.Kind        { return kindSought }
func (*neighbours) Kind() p2p.Kind    { return kindNeighbours }
func (*pong) Kind() p2p.Kind          { return kindPong }
func (*put) Kind() p2p.Kind           { return kindPut }
func (*want) Kind() p2p.Kind          { return kindWant }
func (*piece) Kind() p2p.Kind         { return kindPiece }
func (*stored) Kind() p2p.Kind        { return kindStored }
func (*get) Kind() p2p.Kind           { return kindGet }
func (*object) Kind() p2p.Kind        { return kindObject }
