// Package gnutella is Gnutella, the unstructured network without any server:
// every node, a servent, links to a few others, asks all of them, lets them ask
// theirs, and fetches what it likes best of what is found straight from its
// owner.
//
// # Sources
//
//   - Clip2, "The Gnutella Protocol Specification v0.4": descriptors, routing,
//     transfers.
//   - "Gnutella 0.6" handshake (Lime Wire and the Gnutella Developer Forum,
//     2001), with the later headers of real servents.
//   - HUGE, "Hash/URN Gnutella Extensions" v0.94: SHA-1 in hits and transfers.
//   - "Query Routing for the Gnutella Network" (QRP) v0.1, "Ultrapeers", "Gnutella
//     Dynamic Query Protocol" v0.1 and "Ping/Pong Scheme", all of 2001 to 2003.
//   - The Bye, compression, minimal speed and HTTP conventions that gtk-gnutella
//     documents.
//
// What goes over the wire is theirs, byte for byte, but for [Relay].
//
// # One port, two languages
//
// The first bytes of a stream tell what it speaks. "GNUTELLA" begins a link,
// "GET /" or "HEAD /" a transfer, and so do "GIV " and "RELAY ", after which the
// side that was dialled, or a third, asks.
//
// A link begins with texts. In version 0.4 there are two, [Connect] and "OK"; in
// 0.6 three blocks of headers: [Connect], [Answer], and the dialler's [Answer].
// From then on there are descriptors: as they are, or, where a block has said
// Content-Encoding: deflate, as one zlib stream in the direction of its sender.
//
// # Descriptors
//
// Each has a [Head] of 23 bytes: a GUID, the type, TTL, hops, the length of what
// follows. Integers are little-endian, IP addresses are not. TTL and hops add
// up to the same everywhere; no servent lets the sum exceed its own TTL.
//
//   - [Ping] is flooded now and then, over few links. It asks who is there.
//   - [Pong] answers it, on the way back. Whoever it passes learns of a servent
//     and keeps it in the host cache, from which lost links are replaced.
//   - [Query] is flooded. Of a flood, each servent passes on the first copy to
//     all neighbours but the one that it came from, and drops the others. So a
//     flood that its TTL does not end takes 2E-N+1 messages over E links among
//     N servents.
//   - [Hit] answers a query, on the way that its first copy came, and on no
//     other: if that breaks the hit is lost. A hit with an unknown GUID is
//     dropped.
//   - [Push] travels back on the way of a hit, to its servent.
//   - [RouteReset] and [RoutePatch] tell an ultrapeer which words a leaf has.
//   - [Bye] says why a link ends.
//
// A query finds the files that have all its words in their names, whatever
// their case and order. A word is a run of letters and digits. One without words finds
// the file of the SHA-1 that it names (urn.go).
//
// # Transfers
//
// [Get] asks for a part of a file by index and name, or by hash, over HTTP/1.0
// or 1.1 on the servent's one port; [Response] and pieces of [Body] come back. A
// download takes the fastest responder, the nearest of equals; if it breaks it
// goes on at the next with what is missing, and in the end compares the SHA-1
// with that of the hit. What does not match is thrown away and taken elsewhere:
// if it came from several, from each as a whole, so that whoever lies is found.
//
// A responder that cannot be dialled, or does not answer, is sent a [Push]: it
// dials the asker, says [Giv], and the asker sends its Get. If the asker cannot
// be dialled either it gives up; or, with Config.Relay, a third that both can
// dial stands between.
//
// # Roles
//
// By default all servents are equal ([Peer]). [Leaf], [Ultrapeer] and [Able] make
// the two levels of version 0.6: a leaf relays nothing and hears a query only if
// its words are in the table that it has sent; ultrapeers flood among one
// another and shield their leaves. A host behind a slow line needs nobody to
// relay through it: as a leaf it has its ultrapeers for proxies.
//
// # The overlay
//
// A servent keeps Degree links that it has dialled, to hosts of its cache. Others
// dial it too, so it has twice as many on average; with MaxLinks it refuses
// more and names others to try. Two servents never keep two links: see
// servent.admit.
//
// The introducer names those who joined last. If newcomers linked to these only,
// the network would be a long chain that no TTL spans; so a newcomer dials two
// of them, and the others when the pongs to its first ping, which goes far, have
// filled the cache.
//
// A servent that lost a link replaces it at once. It still dials the one that it
// has lost, ever more rarely and up to two links more than Degree: only so do
// the parts of a network that was cut find together again.
// One that finds nobody for p2p.Silence tells the introducer where it is: all whom
// that names may be gone, and others may look for it.
//
// # Variants
//
// Each is a word or a number in [Config], and has a file of its own:
//
//	rank.go       role: peer, leaf, ultrapeer or able; X-Ultrapeer-Needed
//	qrp.go        the table by which a leaf is shielded
//	deflate.go    deflated links
//	ping.go       pings that are flooded
//	multiplex.go  several pings that go on as one
//	pongcache.go  pings that are answered from a cache
//	dynamic.go    queries that go to one neighbour after the other
//	cache.go      hits that are remembered
//	attach.go     random and preferential attachment
//	push.go       Push and GIV
//	way.go        how a download comes to a stream: it dials, or is dialled
//	relay.go      a third between two firewalls
//
// # In what order to read it
//
// gnutella.go is the servent and what it does with each message. Then come the files
// of every servent, in the order in which things happen: handshake.go and texts.go
// make a link, tend.go and hosts.go keep enough of them; messages.go, codec.go,
// descriptors.go, ping.go and flood.go are what happens on it; search.go and library.go the two ends of a query;
// http.go, transfer.go and download.go what is fetched, and push.go how it is from
// behind a firewall. That is some 2 500 lines of code, of which 800 are bytes
// and texts: more than a course's Gnutella, because strangers speak to it, and
// every refusal, length and broken stream of theirs is a line here. The rest is in
// files of its own that this part can be read without: the variants above (850), and
// for tests and pictures inspect.go, mark.go and ideal.go.
//
// # Deviations
//
//   - But for a newcomer's first, pings cross two links by default, not seven:
//     N servents that flood pings everywhere cost N*N pongs. ping-ttl=7 does
//     that.
//   - A Peer says nothing of ultrapeers, as servents did before there were any.
//     Those of today want an Ultrapeer or a Leaf. It dials in 0.6 only.
//   - Ultrapeers take tables of their leaves, but tell one another none
//     (X-Ultrapeer-Query-Routing), so a flood among them is a flood.
//   - A dynamic query ends after 50 files, not 150 results, and does not ask the
//     leaf how many it has kept (vendor message LEAF/11).
//   - Each descriptor of a deflated link is flushed, for nobody says when a
//     burst has ended; real servents wait a little. What is read between two
//     flushes is bounded, so a stranger cannot make much of little.
//   - A query with a minimal speed is of version 0.4; newer servents drop it.
//   - Its own hits stay below 4 kB, as in version 0.4; it takes descriptors of
//     up to 64 KiB - 1. Others, and those of unknown type, are not relayed;
//     extensions of a Ping or Pong are dropped, those of a Query or Hit kept.
//   - A descriptor that finds its link full is lost.
//   - Ideal knows one role only: a network of ultrapeers and leaves has to join.
//   - Files of 4 GiB and more, and files without a letter or digit in their
//     names, cannot be shared. Hits without a SHA-1 are not downloaded, for
//     nobody could say whether what came is right.
//   - An answer without Content-Length is malformed, and requests are not
//     pipelined: a request before the end of the answer costs the stream.
//   - The library is remembered in 64 KiB; of more files the oldest are
//     forgotten in a crash. A download begins anew after a crash of its own
//     node; it replaces a file of that name which is not shared.
package gnutella
