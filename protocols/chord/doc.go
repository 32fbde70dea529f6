// Package chord is Chord, the distributed hash table of Stoica, Morris,
// Liben-Nowell, Karger, Kaashoek, Dabek and Balakrishnan: nodes and keys share
// one circle of ids, a key belongs to the first node at or after it, and any
// node finds that one in about log2 N hops. Read it beside the papers:
// SIGCOMM 2001 ("the 2001 paper") and IEEE/ACM ToN 11(1), 2003 ("ToN").
//
// # What is implemented
//
//   - Ids: the leading M bits of SHA-1, of a node's "ip:port" and of a file's
//     name (package ring; ToN, section IV-B).
//   - Lookup along finger table and successor list, iterative or recursive
//     (lookup.go, recursive.go; ToN, section IV-D).
//   - Join, stabilise, notify, fix fingers, check predecessor (join.go,
//     stabilize.go, fingers.go; ToN, section IV-E.1).
//   - Successor lists of length r (table.go; ToN, section IV-E.3).
//   - Storing: a published file lies at the owner of its key and, as copies, at
//     the next successors; it is found, fetched and verified (publish.go,
//     find.go, serve.go, store.go). ToN, section IV-E.3, leaves copies to the
//     application, and names these nodes as the place for them.
//   - Repair: when the ring around a node changes, objects go to whom they
//     belong to now, and copies to the next successors (repair.go).
//   - Leaving: what a node stores goes to its successor, and the neighbours
//     close the gap (leave.go; ToN, section IV-E.4).
//
// # Where it differs, and why
//
//   - A node adopts a successor only once that has answered, and takes over
//     its list in the same step; a newcomer copies the list of the successor
//     that has answered. The 2001 operations adopt without asking, which can
//     break the ring for good (Zave 2012, 2017). A round of stabilisation goes
//     on while the answers name nearer nodes. A neighbour is dead after two
//     unanswered questions, so that a lost datagram does not tear the ring.
//   - A dead hop is reported to the node that named it, as in ToN's simulator
//     (section V-A). That node leaves it out of its answer at once, but takes
//     it out of its table only after a ping of its own: others cannot talk it
//     out of its neighbours.
//   - Of the finger table only the distinct nodes are kept, and one lookup
//     repairs all rows that it answers (fingers.go).
//   - A node that loses its whole successor list goes on with its nearest
//     finger, and without one as a ring of its own, and asks the introducer
//     for others. Two rings that have formed stay two.
//   - Ids never travel: they are worked out from addresses by whoever hears of
//     one. Nobody can choose a place on the ring.
//   - A lookup may find the owner to be the asker, by its predecessor; the
//     papers' find_predecessor would go round the circle.
//
// # How hops are counted
//
// Result.Hops counts the nodes contacted, the owner included. The papers'
// path length counts up to the predecessor of the key: one less. (Hops is 0
// where the asker owns the key itself; such lookups have no place in a
// comparison with the papers.)
//
// # Messages
//
// Datagrams. Looking up: next asks for the next hop towards a key; step names
// it, or, from the key's predecessor, the owner and those after it; route is
// next as it is handed on in recursive lookup, acknowledged by ack and answered
// to the asker by routed; has asks an owner for an object; held answers.
//
// Keeping the ring: seek and sought are next and step of lookups for the ring's
// own sake, counted apart; getNeighbours asks for predecessor and successor
// list; neighbours answers; notify says "I think that I am your predecessor";
// ping and pong find out who lives; bye says that a node leaves.
//
// Streams. put offers an object; want asks for it; piece carries it; stored
// says how that ended. get asks for an object; object says what follows, in
// pieces.
package chord
