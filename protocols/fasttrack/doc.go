// Package fasttrack is FastTrack, the network of Kazaa: ordinary nodes that tell a
// supernode what they share and ask it for what they want, and supernodes that flood
// questions among one another, as all nodes do in Gnutella. Files go straight from
// peer to peer.
//
// # Sources
//
// FastTrack was never published. What goes between a client and a supernode, between
// peers, and in datagrams is what the open clients found out and speak:
//
//   - giFT-FastTrack, "PROTOCOL" 1.19 (2004): sessions, frames, messages, UUHash.
//   - MLdonkey's client, with which handshake, cipher, frames and hashes of this
//     package's kind were exchanged.
//   - Liang, Kumar and Ross, "The FastTrack overlay: A measurement study" (2006): five
//     supernodes tried at once, lists of up to 200, 60 to 150 children.
//
// What goes between supernodes nobody has found out. It is our own here, and so is how
// a node becomes one: frames of the types 8001 to 8003, 8007 and C006, which open
// clients never see, and one datagram.
//
// # One port, two languages
//
// The first bytes of a stream tell what it speaks. fa00b62b begins a session; "GET /",
// "HEAD /" and "GIVE " a transfer.
//
// A session begins with [Hello] and [Welcome]: two seeds, and the type of the cipher,
// which the supernode chooses. Type 40 needs no secret arithmetic, so that is what
// our supernodes choose and our children ask for; 48 is understood too. From then on
// all is enciphered, which hides nothing: both keys have been said. Then each side
// names its [Network], and there are frames, in whose heads the bytes of type and
// length change places.
//
// # A child
//
// A newcomer has heard of supernodes from the introducer, or from its last one. It
// dials five at once, and logs in to the one that answers first: that is near, or
// idle, or both. It is in when the supernode has sent a list with itself in it
// ([Supernodes]), or wants its shares ([Wanted]). The others of the list are its
// spares.
//
//   - [Share] and [Unshare] keep the supernode's directory as the library is. There is
//     no answer to them; the [Pong] to a [Ping] behind them is one, and so a Publish is
//     over when the file can be found.
//   - [Search] asks; [Results] come in pieces, and [End] when no more will. A result
//     names the peer, the file's UUHash, its size and tags.
//   - A supernode that closes, or has not answered for two pings, is left for a spare.
//     After a crash that takes a handshake, after a silent end two or three times
//     Config.Ping and a handshake. Searches that had no answer are asked anew.
//
// # Supernodes
//
// A supernode answers a child's search from its own directory, and sends a [Query]
// over its links to other supernodes. Each of these passes the first copy on to all
// others and drops the rest, and its [Hits] go back on the way that the query came:
// 2E-N+1 queries over E links among N supernodes, if no TTL ends them.
//
// It dials Degree others. Two never keep two links: see node.linked. Links that were
// lost are dialled ever more rarely for long, since only so do the parts of a network
// that was cut find together again.
//
// # Rank
//
// Config.Role says who may be what; by default everybody may be a supernode. Whoever
// does not find one within Config.Orphan becomes one. A supernode whose places for
// children run short, or who knows fewer than Config.Least, tells the fittest of its
// children to rise ([Promote]): the one of best reputation, if that is enough, and its
// line is good enough. It stays a child until it has its link, so that all the time it
// is found and finds. One that is idle, or whose reputation has fallen, resigns if
// there are enough others and none of them is worse.
//
// Reputation is a number from 0 to 1000 that begins at 10: see merit.go for what moves
// it. Its owner says it ([Standing]), as Kazaa's did, and Kazaa Lite said 1000.
// Config.Trust is for finding out what that does.
//
// # Transfers
//
// [Get] asks for a part of a file by its hash over HTTP; [Response] and pieces of
// [Body] come back. A download fetches parts from several sources at once, has what
// one does not give from the others, and compares the UUHash in the end. If it does
// not fit, parts of several may have been mixed: then each must give all of it, and
// whoever lies is found.
//
// UUHash sees the first 300 KiB and a few samples. Whoever changes what lies between
// them is not found: so the network was flooded with broken files, and so it is here.
//
// A peer without a port, or that could not be dialled, is asked through its supernode
// ([PushWanted], [Push]): it dials, says [Give], and is asked. To a child of another
// supernode a datagram carries that ([PushOn]). If neither side can be dialled it is
// given up.
//
// # Files
//
//	codec.go frames.go messages.go datagrams.go tags.go  what goes over the wire
//	cipher.go uuhash.go http.go                          and how it is hidden, named, fetched
//	uplink.go hosts.go                                   a child's side of a session; its spares
//	children.go directory.go                             the supernode's side; what it lists
//	links.go flood.go                                    among supernodes
//	rank.go merit.go                                     who is one
//	search.go library.go                                 a user's two ends of it
//	download.go leg.go transfer.go push.go               files
//
// # Deviations
//
//   - Files of 4 GiB and more cannot be shared: real clients could not either.
//   - Only names, titles and artists are searched by words; each word may be part of a
//     longer one. Other conditions are as the wire has them.
//   - Results of other supernodes' children carry a tag of our own that says how far
//     away they are; a client skips it.
//   - A peer that cannot be dialled has port 0 on the wire. This package's user names
//     say where a node listens, so that the harness knows it.
//   - Statistics (0x09), the download list (/.files) and chat are not spoken; frames of
//     other types are read and ignored.
//   - Kazaa's supernodes closed links now and then to mix the network; these do not.
//   - A searcher hears the results on streams; who finds its stream full loses them.
//   - PushOn is believed of anybody, as a Push was: a datagram can make a child dial
//     whom it names.
package fasttrack
