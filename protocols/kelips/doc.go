// Package kelips is Kelips, the one-hop distributed hash table of Gupta, Birman,
// Linga, Demers and van Renesse (IPTPS 2003, "the paper"), as the lecture tells it:
// nodes are hashed into k affinity groups, about the root of their number. A node
// knows (almost) all of its group and one or two contacts in each other group, and
// gossip keeps that fresh. A file's name is hashed to a group too, all of whose
// members know where the file is. So a lookup is one hop: to the contact in the
// file's group. The price is memory, and a constant stream of gossip.
//
// # How it is laid out
//
// One mechanism a file. What can be chosen stands in Config (config.go), each
// variant as a small type beside what it does.
//
// Soft state:
//
//   - kelips.go: the node, its timetable, and what it does with each message.
//   - view.go: the members of its group; heartbeats, time-outs, good-byes.
//   - contacts.go: contacts in other groups, and which makes room (-eviction).
//   - tuples.go: which node has which file; refreshed by that node.
//   - gossip.go: a round: whom it tells, and the rations of what.
//   - ping.go: round trips, by which targets are drawn and contacts are chosen.
//   - join.go: how a newcomer gets its first rations.
//
// Files:
//
//   - place.go: where a file lies, and which group knows of it (-place).
//   - walk.go: the way to a member of a file's group, with all its retries.
//   - find.go, publish.go, fetch.go, files.go: what a user wishes.
//   - intake.go, transfer.go: files that are brought to their home.
//
// For others:
//
//   - protocol.go: Kelips as a p2p.Protocol; ideal networks.
//   - invariants.go, sound.go: what must hold of all states.
//   - messages.go, fields.go, codec.go: the messages and their bytes.
//
// # Groups
//
// The group of a node is the first 64 bits of the SHA-1 of its address, modulo k,
// and that of a file the same of its name; a shell can check it:
//
//	printf 10.0.0.1:7000 | sha1sum    # a node: its IP address, a colon, its port
//	printf PennyLane.mp3 | sha1sum    # a file
//
// Groups never travel: whoever hears of an address works its group out. All nodes
// must have the same k; gossip says the sender's, and others' is ignored. A cast of
// n nodes takes the root of n.
//
// # Heartbeats
//
// A heartbeat is told by its age: each message says how old the newest is that the
// sender knows of, and the receiver reckons back by its own clock. So clocks need
// not agree, a node that starts again needs no count from before its crash, and an
// entry is gone everywhere at the same time, Timeout after its node's last
// heartbeat, instead of that long after the last rumour of it (in the paper's
// figure 6 that takes longer by the time of dissemination). On its way a heartbeat
// grows younger by the time that datagrams take; so only one that is newer by half a
// round replaces another, and in its last two rounds an entry is not passed on, or
// nodes would bring back to each other what both had forgotten.
//
// # Rations
//
// A message of gossip has at most 272 bytes (-bytes), as in the paper, and goes to
// 3 members and 3 contacts every 2 seconds. It carries 4 members, 2 contacts, and
// to members as many tuples as fit, at most 8. Half of each ration is fresh (told to
// fewer than 3 since it was heard), as far as there is so much; the rest is any. An
// entry takes 10 bytes here, where the paper counts 40, so that messages have room
// for more; the rations are those of its experiments. What they carry bounds what
// can be kept fresh: groups of more than about 60 members want a larger -members or
// -timeout, and many tuples a longer -refresh and -tuple-timeout.
//
// # Where it differs, and why
//
//   - The lecture keeps a file where it was published and hashes only the pointer
//     to the file's group. The paper brings it to a random member of that group and
//     keeps tuples only of homes in the own group. The lecture's way is the default,
//     the paper's is place=paper. Either way a file has one home, and is not found
//     while that is away.
//   - The paper says neither when an entry times out nor how a message is divided.
//     60 s, and 4, 2 and 8, are ours; with 60 s its figure 6 comes out.
//   - Of the targets of a round the first is any, and only the others are near ones:
//     with the paper's 1/rtt^2 alone a node that all others see far away would
//     starve (random plans show it).
//   - By default a contact makes room for one whose heartbeat is newer, which
//     brings live contacts soonest after many have died. The paper's rule, farthest
//     first, is eviction=farthest.
//   - A contact that made room is named to the one that came for it: with one
//     contact a group nobody else could tell two members of it of each other.
//   - A node that leaves says so, and gossip passes it on. A file of it goes too.
//   - Halves that were cut apart for longer than the time-out have forgotten each
//     other. So a node remembers the last 32 that it forgot and gossips to one of
//     them now and then (-revive; the paper has nothing of the kind). Halves in
//     which all who remember have gone stay apart.
//   - Where a group is empty, the next that is not has its tuples. With groups of
//     tens of members that never happens.
//   - A find asks the home node whether it still has the file, so that what it names
//     is there. The question is not a hop: Result.Hops counts the nodes up to the one
//     that knew the home. It is 0 where the asker is of the file's group and knows
//     it itself.
//   - The paper sends a query on from node to node, with a time to live. Here the
//     asker asks each one itself, and each names others: contacts in the group, or
//     other members of it.
//   - Anybody may remove a file that lies at a home of the network's choice, as
//     files have no owners in the paper; with the lecture's placement only the
//     node that published it.
//
// # Messages
//
// Datagrams. Looking up: find asks who has a file and found answers, with homes or
// with others to ask; insert tells a member of the file's group of a file, and
// inserted answers; house asks for a home to bring a file to, and housed names it;
// has asks a home whether it has the file, and held answers; remove tells it to
// forget it, and removed answers.
//
// Keeping the state: gossip; refresh says that a file is still there; join asks for
// a first ration, and welcome gives it; ping and pong measure a round trip; bye says
// that a node leaves.
//
// Streams. put brings a file, piece carries it, stored says how that ended. get asks
// for a file; object says what follows, in pieces.
package kelips
