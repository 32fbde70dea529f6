// Package p2p is the contract between a peer-to-peer protocol and the world it
// runs in. Read it first: a protocol is written against this package and
// nothing else, and then runs, unchanged, in a simulator with virtual time, as
// a process, and in a container.
//
// # The model
//
// A [Node] reacts. The world calls its Start once, then Handle for every
// message and Do for every wish of a user, one call at a time; the Node changes
// its own state, sends messages and sets timers through its [Env], and
// returns. It never waits. It has no goroutines, locks or clocks, and draws
// random numbers only from Env.Rand, so that the same seed gives the same run.
//
// Everything is a message: what another node sent (a pointer to the struct
// that was sent), a timer ([Tick]), the news that a stream stands or has
// ended ([Up], [Down]), the end of a disk write ([Written]).
//
//	func (c *Chord) Handle(from p2p.Peer, m p2p.Msg) {
//		switch m := m.(type) {
//		case p2p.Tick:
//			c.tick(m)
//		case *getPred:
//			p2p.Reply(c.env, from, m.Tag, pred{Pred: c.pred})
//		default:
//			c.calls.Handle(from, m) // answers to what this node asked
//		}
//	}
//
// A question and what happens next are two named methods, not a closure:
//
//	func (c *Chord) stabilize() {
//		p2p.Ask(&c.calls, c.succ.Addr.Peer(), getPred{}, c, (*Chord).stabilized)
//	}
//
//	func (c *Chord) stabilized(r *pred) { // nil: nobody answered
//
// An operation in flight, a lookup or a download, is a small struct that is
// itself a [Handler] of its stream, or the s of its Asks. So what belongs
// together stands together, and what nobody asked for reaches nobody.
//
// # Who owns a message
//
// [Send] takes a value: from then on it is the world's. Handle is lent a
// pointer, until it returns: to keep the message, copy it (*m); to keep its
// slices, clone them; to forward it, send *m. The simulator checks this: in
// poison mode a message is overwritten after Handle, in strict mode it is
// encoded when it is sent and again when it arrives, and both must be equal.
// What is given to After is not lent: it comes back as it is.
//
// # Datagrams
//
// [Peer].Link 0. A datagram arrives once, or not at all, or twice; late, and in
// any order; whole. Over [MaxDatagram] bytes it never arrives. One to nobody,
// or to a node that is gone, vanishes without a word. One to oneself arrives
// like any other. The sender's address is the one it listens on.
//
// # Streams
//
// Dial returns a Peer at once; what is sent before Up waits for it. The
// Handler of a stream hears, in this order:
//
//	Up        the other side has accepted
//	messages  in the order they were sent, each once
//	Room      after Full said true: the queue has drained
//	Down      the end; nothing comes after it
//
// or Down alone, if the stream never came up. A Node that calls Close hears
// nothing more, not even Down; what it had sent still goes out, and then the
// other side hears Down with no error. On the side that was dialled, the Node
// itself hears all of it until it calls Hand, beginning with Up{Inbound} once
// Protocol.Accept has recognised the language from the first bytes.
//
// The Peer of such an inbound stream has the address that the other side
// dialled from, with a port of its own, not the one it listens on. Its Link is
// this node's number for it: the same stream has another Link at either end.
//
// Two nodes that dial each other at once get two streams. The contract does
// not choose: a protocol that wants one keeps a rule that both sides can work
// out, such as: the one that the lower address dialled.
//
// Messages of one stream arrive in order. Between streams, and between a
// stream and datagrams, there is no order.
//
// # Back-pressure
//
// Bulk data is [Content]: a reference, in pieces of at most [MaxContent]. Send
// a piece, ask Full, and if it says true stop until Room. Who ignores Full
// will find the stream Down with [ErrOverrun]. A reader has no such duty: the
// world reads no faster than the reader's Disk writes.
//
// # How nodes end
//
// What others see of a node that is gone:
//
//	Leave   whatever the protocol says as good-bye; its streams close
//	Crash   its streams are Down with ErrReset at once; datagrams to it vanish;
//	        dials are refused
//	Vanish  nothing at all: its streams, and dials to it, are Down with
//	        ErrSilent only after Silence
//
// A cut between two nodes looks like Vanish as long as it lasts. If it heals
// sooner than Silence, streams go on where they were, with nothing lost.
//
// A node that starts again has the same address and Disk, and a new Node: it
// remembers what it saved. The others are not told.
//
// # Strangers
//
// Messages come from anybody, in any order, at any time: an answer nobody
// asked for, the middle of a conversation without its start. A Codec refuses
// malformed bytes, and that costs the sender its stream and nothing else. A
// well-formed message that makes no sense here must be ignored, or answered
// with Close.
//
// # Determinism
//
// Go slips in one nondeterminism by itself: the order of a map. No range over
// a map may reach a send, a timer or a random draw; keep a slice, or sort.
//
// # Why it is so
//
// Timers and answers are messages and not closures because a closure has no
// name in a trace, costs an allocation each, and hides what it will change.
// Messages are lent and not given because then the simulator can recycle them,
// which keeps 40 % of its memory free at 100 000 nodes. Full exists, and a
// length of the queue does not, because a protocol with a threshold of its own
// below the world's would wait for a Room that never comes. The Handler of a
// Dial, and of every write, is named where it begins because otherwise every
// protocol keeps tables from links to what they are for, and looks up in them
// what a stranger chose.
package p2p
