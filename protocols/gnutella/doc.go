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
//   - The Bye, minimal speed and HTTP conventions that gtk-gnutella documents.
//
// What goes over the wire is theirs, byte for byte.
//
// # One port, three languages
//
// The first bytes of a stream tell what it speaks. "GNUTELLA" begins a link,
// "GET /" or "HEAD /" a transfer. "GIV ", with which a servent that cannot be
// dialled offers a file after a [Push], is refused: this servent sends no Push.
//
// A link begins with texts. In version 0.4 there are two, [Connect] and "OK"; in
// 0.6 three blocks of headers: [Connect], [Answer], and the dialler's [Answer],
// which will choose compression one day. From then on there are descriptors.
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
//   - [Bye] says why a link ends.
//
// A query finds the files that have all its words in their names, whatever
// their case and order. A word is a run of letters and digits.
//
// # Transfers
//
// [Get] asks for a part of a file by index and name, or by hash, over HTTP/1.0
// or 1.1 on the servent's one port; [Response] and pieces of [Body] come back. A
// download takes the fastest responder, the nearest of equals; if it breaks it
// goes on at the next with what is missing, and in the end compares the SHA-1
// with that of the hit. What does not match is thrown away and taken elsewhere.
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
//
// # Files
//
// handshake.go and texts.go hold what makes a link; descriptors.go, flood.go,
// ping.go and hosts.go what happens on it; search.go and library.go the two ends
// of a query; http.go, transfer.go and download.go what is fetched.
//
// # Deviations
//
//   - But for a newcomer's first, pings cross two links by default, not seven:
//     N servents that flood pings everywhere cost N*N pongs. ping-ttl=7 does
//     that.
//   - A servent says X-Ultrapeer: False, yet it relays: it is an ordinary one
//     of the flat network of version 0.4. It dials in 0.6 only.
//   - Its own hits stay below 4 kB, as in version 0.4; it takes descriptors of
//     up to 64 KiB - 1. Others, and those of unknown type, are not relayed;
//     extensions of a Ping or Pong are dropped, those of a Query or Hit kept.
//   - A descriptor that finds its link full is lost.
//   - Files of 4 GiB and more, and files without a letter or digit in their
//     names, cannot be shared. Hits without a SHA-1 are not downloaded, for
//     nobody could say whether what came is right.
//   - An answer without Content-Length is malformed, and requests are not
//     pipelined: a request before the end of the answer costs the stream.
//   - The library is remembered in 64 KiB; of more files the oldest are
//     forgotten in a crash. A download begins anew after a crash of its own
//     node; it replaces a file of that name which is not shared.
package gnutella
