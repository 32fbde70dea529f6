// Package chord is Chord, the distributed hash table of Stoica, Morris,
// Liben-Nowell, Karger, Kaashoek, Dabek and Balakrishnan: nodes and keys share
// one circle of ids, a key belongs to the first node at or after it, and any
// node finds that one in about log2 N hops. Read it beside the papers:
// SIGCOMM 2001 ("the 2001 paper") and IEEE/ACM ToN 11(1), 2003 ("ToN").
//
// # How it is laid out
//
// One mechanism a file. What can be chosen stands in Config (config.go), each
// variant as a small type beside what it does.
//
// The ring:
//
//   - chord.go: the node, its timetable, and what it does with each message.
//   - table.go: predecessor, successor list and fingers; the way to a key
//     (ToN, section IV-D).
//   - join.go, stabilize.go, fingers.go, leave.go: ToN, section IV-E.
//   - operations.go: what is different in the operations as published in 2001
//     and as corrected by Zave (-operations).
//   - strong.go: the strong stabiliser of PODC 2002, for loopy rings
//     (-stabilizer).
//   - merge.go: rings that a partition made become one again; an extension
//     (-merge).
//   - virtual.go: several points of the ring on one node (-points).
//
// Lookups:
//
//   - lookup.go, recursive.go: iterative, recursive, and recursive without
//     acknowledgement (-lookup).
//   - proximity.go: fingers by round trip (-proximity).
//   - timeouts.go: fixed or by round trips (-timeouts).
//
// Objects:
//
//   - publish.go, find.go, remove.go: what a user wishes.
//   - serve.go, store.go, transfer.go: what the owner of a key does.
//   - place.go: who has copies (-copies, -place).
//   - repair.go: objects and copies follow the ring when it changes.
//   - stray.go: what need not lie here any more goes.
//   - pointers.go: pointers to objects in their place (-store).
//   - notes.go: pointers and notes of removals outlive a crash.
//
// For others:
//
//   - protocol.go: Chord as a p2p.Protocol; ideal rings; the lecture's.
//   - invariants.go, view.go: what must hold of all states, under the names of
//     Zave's papers.
//   - messages.go, fields.go, codec.go: the messages and their bytes.
//
// # In what order to read it
//
// Whoever knows the 2001 paper begins with chord.go, then table.go and lookup.go
// (section 4: how a key is found), join.go, stabilize.go and fingers.go (section 5:
// how the ring stays whole) and leave.go: some 850 lines of code, and all of what the
// papers call Chord. publish.go, find.go and remove.go, 320 more, are what a user wants
// of it. The package is longer than these 1 200 lines because it also is what the papers
// leave to others, each in a file that the core can be read without: where objects lie
// and how they move (450 lines), variants, virtual nodes, merging (540), the bytes of 24
// messages (550), and, for tests and pictures, ideal rings and the invariants (580).
//
// # Where it differs, and why
//
//   - By default the operations are corrected: a node adopts a successor only
//     once that has answered, and takes over its list in the same step; a
//     newcomer copies the list of the successor that has answered. Zave's own
//     correction (TSE 2017) differs in the letter: there a newcomer copies the
//     list of its predecessor, a list is padded to its length, a round asks at
//     most two nodes, and a node asks its predecessor whether it lives only
//     when another claims the place. Here lists may be shorter, a round goes on
//     while the answers name nearer nodes, and the predecessor is pinged by the
//     clock (ToN's check_predecessor).
//   - A neighbour is dead after two unanswered questions, so that a lost
//     datagram does not tear the ring.
//   - As published, the successor list is copied in the second half of a round
//     of stabilisation; 2001 does not say when.
//   - A dead hop is reported to the node that named it, as in ToN's simulator
//     (section V-A). That node leaves it out of its answer at once, but takes
//     it out of its table only after a ping of its own: others cannot talk it
//     out of its neighbours.
//   - Of the finger table only the distinct nodes are kept, and one lookup
//     repairs all rows that it answers (fingers.go).
//   - A node that loses its whole successor list goes on with its nearest
//     finger, and without one as a ring of its own, and asks the introducer
//     for others. Two rings that have formed stay two, unless merge is on.
//   - The strong stabiliser walks along successor lists itself, where the paper
//     lets the successor look the place up: so no finger shortens the way.
//   - Ids never travel: they are worked out from addresses by whoever hears of
//     one. Nobody can choose a place on the ring.
//   - Objects are versioned by the nodes that store them, so that a removal is
//     not undone by a copy that was away. The papers leave copies and removals
//     to the application. What moves with the ring is a copy; what is left
//     behind is dropped only when those have it who should (stray.go).
//   - A merge looks for a lost node for an hour. Two parts of a cut that lasts
//     longer stay two rings.
//   - The lecture puts copies on successors and predecessors. A node knows one
//     predecessor, so with -place both that one has a copy.
//   - Virtual nodes of one node look up from whichever point lies nearest, and
//     copies lie on different nodes.
//
// # How hops are counted
//
// Result.Hops counts the nodes contacted, the owner included. The papers'
// path length counts up to the predecessor of the key: one less. (Hops is 0
// where the asker owns the key itself; such lookups have no place in a
// comparison with the papers.) From one point of a node to another of its own is
// a hop like others.
//
// # Messages
//
// Datagrams. Looking up: next asks for the next hop towards a key; step names
// it, or, from the key's predecessor, the owner and those after it; route is
// next as it is handed on in recursive lookup, acknowledged by ack (unless its tag is
// 0) and answered to the asker by routed; has asks an owner for an object, and held answers;
// remove tells it to forget one, and removed answers.
//
// Keeping the ring: seek and sought are next and step of lookups for the ring's
// own sake, counted apart; getNeighbours asks for predecessor and successor
// list; neighbours answers; notify says "I think that I am your predecessor";
// ping and pong find out who lives; bye says that a node leaves; meet tells of
// a node in another ring.
//
// Streams. put offers an object, or a pointer to one; want asks for it; piece
// carries it; stored says how that ended. get asks for an object; object says
// what follows, in pieces.
package chord
