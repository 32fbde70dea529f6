package kelips

import (
	"crypto/sha1"
	"time"

	"peerbed/protocols/p2p"
)

// The messages of Kelips, in the order of their numbers on the wire. Questions
// that only a node in a network answers come first.
const (
	kindFind p2p.Kind = p2p.First + iota
	kindInsert
	kindHas
	kindRemove
	kindHouse
	kindJoin
	kindPing
	kindGossip
	kindRefresh
	kindBye

	kindFound
	kindInserted
	kindHeld
	kindRemoved
	kindHoused
	kindWelcome
	kindPong

	kindPut
	kindPiece
	kindStored
	kindGet
	kindObject

	lastQuestion = kindBye
	lastDatagram = kindPong
)

// kinds describes them, in the same order.
var kinds = []p2p.KindInfo{
	{Name: "find", Class: p2p.Lookup, Blank: new(find)},
	{Name: "insert", Class: p2p.Lookup, Blank: new(insert)},
	{Name: "has", Class: p2p.Lookup, Blank: new(has)},
	{Name: "remove", Class: p2p.Lookup, Blank: new(remove)},
	{Name: "house", Class: p2p.Lookup, Blank: new(house)},
	{Name: "join", Class: p2p.Membership, Blank: new(join)},
	{Name: "ping", Class: p2p.Membership, Blank: new(ping)},
	{Name: "gossip", Class: p2p.Membership, Blank: new(gossip)},
	{Name: "refresh", Class: p2p.Membership, Blank: new(refresh)},
	{Name: "bye", Class: p2p.Membership, Blank: new(bye)},
	{Name: "found", Class: p2p.Lookup, Blank: new(found)},
	{Name: "inserted", Class: p2p.Lookup, Blank: new(inserted)},
	{Name: "held", Class: p2p.Lookup, Blank: new(held)},
	{Name: "removed", Class: p2p.Lookup, Blank: new(removed)},
	{Name: "housed", Class: p2p.Lookup, Blank: new(housed)},
	{Name: "welcome", Class: p2p.Membership, Blank: new(welcome)},
	{Name: "pong", Class: p2p.Membership, Blank: new(pong)},
	{Name: "put", Class: p2p.Transfer, Blank: new(put)},
	{Name: "piece", Class: p2p.Transfer, Blank: new(piece)},
	{Name: "stored", Class: p2p.Transfer, Blank: new(stored)},
	{Name: "get", Class: p2p.Transfer, Blank: new(get)},
	{Name: "object", Class: p2p.Transfer, Blank: new(object)},
}

// Bounds on what a message may carry. They keep every datagram within
// p2p.MaxDatagram.
const (
	maxRumours = 130 // of members, contacts and departures in one message
	maxTuples  = 64
	maxHomes   = 8
	maxNamed   = 8 // nodes that an answer names to ask next
	maxObject  = 1 << 40
)

// A rumour is what one node tells another of a third: when the last heartbeat
// was made that it knows of, or that the node said good-bye. Heartbeats are told
// by their age, so clocks need not agree.
type rumour struct {
	Addr p2p.Addr
	Age  time.Duration // in whole milliseconds
	Gone bool
}

// A news is what one node tells another of a file.
type news struct {
	Name string
	Home p2p.Addr
	Age  time.Duration // since Home said that it has the file
}

// gossip is one message of a round. That it comes is the sender's heartbeat.
type gossip struct {
	Groups  uint16 // the sender's k; with another k its groups are others
	Rumours []rumour
	News    []news
}

// join asks for a first ration: I am new.
type join struct {
	p2p.Tag
	Groups uint16
}

// welcome answers join.
type welcome struct {
	p2p.Tag
	Rumours []rumour
	News    []news
}

// bye says that the sender leaves.
type bye struct{}

// ping measures a round trip.
type ping struct{ p2p.Tag }

// pong answers ping.
type pong struct{ p2p.Tag }

// find asks who has a file.
type find struct {
	p2p.Tag
	Name string
}

// found answers find.
type found struct {
	p2p.Tag
	Mine  bool       // the receiver is of the file's group
	Homes []p2p.Addr // who has it, the last heard of first; empty: not known here
	Named []p2p.Addr // Homes is empty: whom to ask instead, of the file's group
}

// insert tells a member of the file's group of a file.
type insert struct {
	p2p.Tag
	Name string
	Home p2p.Addr
}

// inserted answers insert.
type inserted struct {
	p2p.Tag
	Mine  bool       // it is noted
	Named []p2p.Addr // it is not: whom to tell instead
}

// refresh is insert for a file that was inserted before. Nobody answers.
type refresh struct {
	Name string
	Home p2p.Addr
	Left uint8 // how often it may still be handed on
}

// house asks a member of the file's group for a node to store the file at.
type house struct {
	p2p.Tag
	Name string
}

// housed answers house.
type housed struct {
	p2p.Tag
	Home  p2p.Addr   // 0: the receiver is not of the file's group
	Named []p2p.Addr // whom to ask instead
}

// has asks a home node whether it still has the file.
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

// An item is a file without its name.
type item struct {
	Bytes int64
	Sum   hash
}

// A hash is the SHA-1 of a file's bytes.
type hash [sha1.Size]byte

// remove asks a home node to forget a file that it stores for others.
type remove struct {
	p2p.Tag
	Name string
}

// removed answers remove.
type removed struct {
	p2p.Tag
	Found bool
}

// put opens a stream: store this file. Its pieces follow at once.
type put struct {
	Name string
	item
}

// piece is part of a file, in order.
type piece struct{ Data p2p.Content }

// stored ends a put.
type stored struct{ Verdict verdict }

// get opens a stream: send me this file.
type get struct{ Name string }

// object answers get; pieces follow if it was found.
type object struct {
	Found bool
	item
}

func (*find) Kind() p2p.Kind     { return kindFind }
func (*insert) Kind() p2p.Kind   { return kindInsert }
func (*has) Kind() p2p.Kind      { return kindHas }
func (*remove) Kind() p2p.Kind   { return kindRemove }
func (*house) Kind() p2p.Kind    { return kindHouse }
func (*join) Kind() p2p.Kind     { return kindJoin }
func (*ping) Kind() p2p.Kind     { return kindPing }
func (*gossip) Kind() p2p.Kind   { return kindGossip }
func (*refresh) Kind() p2p.Kind  { return kindRefresh }
func (*bye) Kind() p2p.Kind      { return kindBye }
func (*found) Kind() p2p.Kind    { return kindFound }
func (*inserted) Kind() p2p.Kind { return kindInserted }
func (*held) Kind() p2p.Kind     { return kindHeld }
func (*removed) Kind() p2p.Kind  { return kindRemoved }
func (*housed) Kind() p2p.Kind   { return kindHoused }
func (*welcome) Kind() p2p.Kind  { return kindWelcome }
func (*pong) Kind() p2p.Kind     { return kindPong }
func (*put) Kind() p2p.Kind      { return kindPut }
func (*piece) Kind() p2p.Kind    { return kindPiece }
func (*stored) Kind() p2p.Kind   { return kindStored }
func (*get) Kind() p2p.Kind      { return kindGet }
func (*object) Kind() p2p.Kind   { return kindObject }
