// Package pastry is Pastry, the peer-to-peer routing of Rowstron and Druschel
// (Middleware 2001, "the paper"): nodes and keys share one circle of ids, read as
// digits of b bits; a message for a key goes to a node that shares one more digit
// with the key at each hop, and of all that do to one that is near in the network.
// So it comes in about log_2^b N hops, most of them short, to the node whose id is
// numerically closest to the key, its root.
//
// # How it is laid out
//
// One mechanism a file. What can be chosen stands in Config (config.go), each
// variant as a small type.
//
// The tables (section 2.1 of the paper):
//
//   - pastry.go: the node, its timetable, and what it does with each message.
//   - digits.go: ids as digits; which of two is closer to a third.
//   - leafset.go: the nodes next on the circle, on both sides.
//   - table.go: the routing table, a slot for each prefix, and the neighbourhood
//     set, the nodes nearest by round trip.
//   - survey.go: measuring round trips (section 2.5); who has died.
//   - keep.go: leaves that keep in touch, and repair (section 2.4).
//
// Joining (section 2.4):
//
//   - join.go: the way in, and the tables collected on it: SL, WT, WTF (-collect).
//   - operations.go: the join as published in 2001 and as corrected (-operations).
//   - admit.go: the corrected one: both neighbours consent, to one at a time.
//   - leave.go: good-bye.
//   - merge.go: networks that a partition made become one again; an extension
//     (-merge).
//
// Routes (section 2.2):
//
//   - way.go: the next hop towards a key; the k closest to it.
//   - route.go: a route from node to node, and its answer.
//   - estimate.go: the heuristic by which a find meets a near copy (-answer).
//
// Objects: publish.go, find.go, remove.go (what a user wishes), serve.go, store.go,
// transfer.go (what a node does that stores them), repair.go (objects follow their
// roots). Each lies on the k nodes closest to its key (-copies).
//
// For others: protocol.go has Pastry as a p2p.Protocol, perfect networks and the
// lecture's peers; invariants.go and mark.go what must hold; messages.go, fields.go
// and codec.go the messages and their bytes.
//
// # Where it differs from the paper, and why
//
//   - Ids are 64 bits by default, not 128: with fewer than millions of nodes nobody
//     can tell. They never travel: they are worked out from addresses by whoever
//     hears of one. So nobody can choose a place on the circle.
//   - By default the join is corrected. As published a newcomer answers for keys as
//     soon as it has the leaf set of the root of its id; two that join at once
//     between the same neighbours both answer for keys of theirs until they
//     hear of each other. Lu, Merz and Weidenbach (FMOODS 2011 and after) found that,
//     and proved a join in which only a ready node handles one newcomer at a time;
//     admit.go says how it is done here. Their proof, and the guarantee here, is for
//     networks that nobody leaves.
//   - A newcomer asks the nodes on its route for their state, which the paper lets
//     them send: what is lost can be asked for again. It asks the nearest of the
//     members that the introducer names to begin the route.
//   - Nobody enters a table unheard: who is heard of is pinged first, and the time
//     the answer takes is the proximity metric. As published the leaf set is an
//     exception. Each slot holds one node, without spare ones.
//   - A node that misses an answer is pinged; who misses that too is dead, and what
//     others say of it is not believed for a while. Neighbours of the dead one tell
//     their leaves, who ping it for themselves: nobody can be talked out of a leaf.
//   - A root gives keys up to another only with its place in the leaf set: while
//     the closest node is silent but not yet known to be dead, a route waits.
//   - Entries of the tables are looked at in turn, and asked for the row that they
//     stand in, which fills empty slots and finds nearer nodes (as later papers on
//     Pastry do); the paper leaves dead ones until they are needed.
//   - What Chord's doc.go says of objects holds here too: nodes number versions, a
//     removal leaves a note, nothing is dropped for lying elsewhere. A copy on the
//     way answers a find only where its node is one of the k closest.
//   - Of two nodes as close to a key the one clockwise is the root.
//
// # How hops are counted
//
// Result.Hops counts the nodes contacted, the one that answered included: with
// -answer root all hops to the root; otherwise those to the first node with a copy.
// Where the asker itself answers it is 0.
//
// # Messages
//
// Datagrams. route is a lookup on its way, ack takes it over, routed ends it. has
// asks a node for an object, and held answers; remove tells it to forget one, and
// removed answers.
//
// join is a newcomer's route to the root of its id, scout that of a node that looks
// for its neighbours in another network; nod takes them over; welcome and scouted
// end them. admit asks the other neighbour for its consent, admitted answers; adopt
// says that both have given it, adopted that the newcomer is a leaf now; release
// gives a consent back. announce tells of an arrival, and leaf_set, where it has
// changed since, the published newcomer. get_leaves and leaf_set keep leaves in
// touch; get_state and tables show rows and the neighbourhood set; ping and pong
// find out who lives, and how far; fallen says who does not; bye that a node leaves.
//
// Streams. put offers an object; want asks for it; piece carries it; stored says how
// that ended. get asks for an object; object says what follows, in pieces.
package pastry
