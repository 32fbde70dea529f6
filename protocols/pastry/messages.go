package pastry

import (
	"crypto/sha1"

	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// The messages of Pastry, in the order of their numbers on the wire. Questions
// that only a member answers come first.
const (
	kindRoute p2p.Kind = p2p.First + iota
	kindHas
	kindRemove
	kindJoin
	kindScout
	kindGetLeaves
	kindGetState
	kindPing
	kindAdmit
	kindAdopt
	kindRelease
	kindAnnounce
	kindBye
	kindFallen

	kindAck
	kindRouted
	kindHeld
	kindRemoved
	kindNod
	kindWelcome
	kindScouted
	kindLeafSet
	kindTables
	kindPong
	kindAdmitted
	kindAdopted

	kindPut
	kindWant
	kindPiece
	kindStored
	kindGet
	kindObject

	lastQuestion = kindFallen
	lastDatagram = kindAdopted
)

// kinds describes them, in the same order.
var kinds = []p2p.KindInfo{
	{Name: "route", Class: p2p.Lookup, Blank: new(route)},
	{Name: "has", Class: p2p.Lookup, Blank: new(has)},
	{Name: "remove", Class: p2p.Lookup, Blank: new(remove)},
	{Name: "join", Class: p2p.Membership, Blank: new(join)},
	{Name: "scout", Class: p2p.Membership, Blank: new(scout)},
	{Name: "get_leaves", Class: p2p.Membership, Blank: new(getLeaves)},
	{Name: "get_state", Class: p2p.Membership, Blank: new(getState)},
	{Name: "ping", Class: p2p.Membership, Blank: new(ping)},
	{Name: "admit", Class: p2p.Membership, Blank: new(admit)},
	{Name: "adopt", Class: p2p.Membership, Blank: new(adopt)},
	{Name: "release", Class: p2p.Membership, Blank: new(release)},
	{Name: "announce", Class: p2p.Membership, Blank: new(announce)},
	{Name: "bye", Class: p2p.Membership, Blank: new(bye)},
	{Name: "fallen", Class: p2p.Membership, Blank: new(fallen)},
	{Name: "ack", Class: p2p.Lookup, Blank: new(ack)},
	{Name: "routed", Class: p2p.Lookup, Blank: new(routed)},
	{Name: "held", Class: p2p.Lookup, Blank: new(held)},
	{Name: "removed", Class: p2p.Lookup, Blank: new(removed)},
	{Name: "nod", Class: p2p.Membership, Blank: new(nod)},
	{Name: "welcome", Class: p2p.Membership, Blank: new(welcome)},
	{Name: "scouted", Class: p2p.Membership, Blank: new(scouted)},
	{Name: "leaf_set", Class: p2p.Membership, Blank: new(neighbours)},
	{Name: "tables", Class: p2p.Membership, Blank: new(tables)},
	{Name: "pong", Class: p2p.Membership, Blank: new(pong)},
	{Name: "admitted", Class: p2p.Membership, Blank: new(admitted)},
	{Name: "adopted", Class: p2p.Membership, Blank: new(adopted)},
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
	maxSide   = 16  // leaves on one side, as in Config
	maxNear   = 32  // as in Config
	maxSlots  = 160 // slots of a table, those of the first rows
	maxHops   = 64  // stages of one route
	maxDead   = 32  // nodes that one node on a route may find dead before it gives up
	maxObject = 1 << 40
)

// route is a message on its way to the node numerically closest to Key. Each node
// on the way says ack to the one before.
type route struct {
	p2p.Tag
	Key    ring.ID
	Nonce  uint64   // the asker's name for it
	Origin p2p.Addr // who asked, and hears how it ended
	Name   string   // of the object that is looked for, which any node with a copy may answer; "": the way to the root is wanted
	Path   []stage  // the asker first, the receiver last
}

// A stage is one node on the way of a route, and the entry of the tables of the
// node before that chose it.
type stage struct {
	Addr p2p.Addr
	Via  via
}

// ack says that the receiver of route takes care of it.
type ack struct{ p2p.Tag }

// routed ends a route: its last node tells the asker.
type routed struct {
	Nonce uint64
	Found bool // the sender stores the object
	item
	Nodes []p2p.Addr // the sender and, if it is the root, those next closest to the key
	Path  []stage
}

// join and scout are route where a node looks for its own place: to join, or to
// find its neighbours in a network that was cut off. They are kinds of their own,
// with an acknowledgement of their own, so that upkeep is not counted as lookups.
type (
	join  struct{ route }
	scout struct{ route }
	nod   struct{ p2p.Tag }
)

// welcome ends a join: the root of the newcomer's id tells it.
type welcome struct {
	Nonce   uint64
	Verdict verdict // kept: it may come in; refused: later; gone: its id is taken
	Version uint32  // of the leaf set
	sides
	Path []p2p.Addr // from the first node to the root
}

// scouted ends a scout.
type scouted struct {
	Nonce uint64
	sides
}

// The sides of a leaf set, each nearest first.
type sides struct{ Smaller, Larger []p2p.Addr }

// getLeaves asks for the receiver's leaf set.
type getLeaves struct{ p2p.Tag }

// neighbours is that leaf set: it answers getLeaves, and an announce whose sender knows an old one.
type neighbours struct {
	p2p.Tag
	Version uint32
	sides
}

// getState asks for a row of the receiver's table, or for all of it, and the
// neighbourhood set.
type getState struct {
	p2p.Tag
	Row uint8 // allRows: all
}

const allRows = 0xff

// tables answers getState.
type tables struct {
	p2p.Tag
	Slots []p2p.Addr
	Near  []p2p.Addr // only with allRows
}

// ping asks whether the receiver lives.
type ping struct{ p2p.Tag }

// pong answers ping.
type pong struct{ p2p.Tag }

// admit asks the receiver for its consent to a newcomer between itself and
// Other, which has given its own.
type admit struct {
	p2p.Tag
	Other p2p.Addr
}

// admitted answers admit.
type admitted struct {
	p2p.Tag
	Granted bool
	sides
}

// adopt says that both neighbours have consented: take me in.
type adopt struct{ p2p.Tag }

// adopted answers adopt.
type adopted struct {
	p2p.Tag
	Done bool
}

// release gives a consent back.
type release struct{}

// announce says that a node has arrived. Version is that of the leaf set that the
// receiver has shown it, 0: none.
type announce struct {
	p2p.Tag
	Version uint32
}

// bye says that the sender leaves, and who its leaves are.
type bye struct{ sides }

// fallen says that a leaf has died, to those that may list it too.
type fallen struct{ Who p2p.Addr }

// has asks whether the receiver stores an object.
type has struct {
	p2p.Tag
	Name string
}

// held answers has.
type held struct {
	p2p.Tag
	Found bool
	item
}

// An item is an object without its name.
type item struct {
	Bytes   int64
	Sum     hash
	Version uint32 // counts what was published and removed under its name
}

// A hash is the SHA-1 of an object's bytes.
type hash [sha1.Size]byte

// remove says that an object is to be forgotten.
type remove struct {
	p2p.Tag
	Name    string
	Version uint32 // 0: a user wishes it; else by a removal of this version
}

// removed answers remove.
type removed struct {
	p2p.Tag
	Found bool
}

// put opens a stream: store this object. Version 0: it was just published, and
// the receiver numbers it.
type put struct {
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
type get struct{ Name string }

// object answers get; pieces follow if it was found.
type object struct {
	Found bool
	item
}

func (*route) Kind() p2p.Kind      { return kindRoute }
func (*has) Kind() p2p.Kind        { return kindHas }
func (*remove) Kind() p2p.Kind     { return kindRemove }
func (*join) Kind() p2p.Kind       { return kindJoin }
func (*scout) Kind() p2p.Kind      { return kindScout }
func (*getLeaves) Kind() p2p.Kind  { return kindGetLeaves }
func (*getState) Kind() p2p.Kind   { return kindGetState }
func (*ping) Kind() p2p.Kind       { return kindPing }
func (*admit) Kind() p2p.Kind      { return kindAdmit }
func (*adopt) Kind() p2p.Kind      { return kindAdopt }
func (*release) Kind() p2p.Kind    { return kindRelease }
func (*announce) Kind() p2p.Kind   { return kindAnnounce }
func (*bye) Kind() p2p.Kind        { return kindBye }
func (*fallen) Kind() p2p.Kind     { return kindFallen }
func (*ack) Kind() p2p.Kind        { return kindAck }
func (*routed) Kind() p2p.Kind     { return kindRouted }
func (*held) Kind() p2p.Kind       { return kindHeld }
func (*removed) Kind() p2p.Kind    { return kindRemoved }
func (*nod) Kind() p2p.Kind        { return kindNod }
func (*welcome) Kind() p2p.Kind    { return kindWelcome }
func (*scouted) Kind() p2p.Kind    { return kindScouted }
func (*neighbours) Kind() p2p.Kind { return kindLeafSet }
func (*tables) Kind() p2p.Kind     { return kindTables }
func (*pong) Kind() p2p.Kind       { return kindPong }
func (*admitted) Kind() p2p.Kind   { return kindAdmitted }
func (*adopted) Kind() p2p.Kind    { return kindAdopted }
func (*put) Kind() p2p.Kind        { return kindPut }
func (*want) Kind() p2p.Kind       { return kindWant }
func (*piece) Kind() p2p.Kind      { return kindPiece }
func (*stored) Kind() p2p.Kind     { return kindStored }
func (*get) Kind() p2p.Kind        { return kindGet }
func (*object) Kind() p2p.Kind     { return kindObject }
