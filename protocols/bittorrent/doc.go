// Package bittorrent is BitTorrent (Cohen 2003; BEP 3, 6, 9, 10, 11, 12, 15, 20
// and 23), byte-compatible: other people's clients take part in swarms of ours,
// and ours in theirs (TestForeignClients).
//
// # The swarm
//
// A torrent is a file, or several in a row, cut into pieces of 32 KiB to some
// MiB. Its metainfo holds the SHA-1 of every piece; the SHA-1 of the metainfo's
// info dictionary is its name on the wire. Whoever wants it or has it tells a
// tracker (announce.go, errand.go; by HTTP, or UDP in udp.go), hears of others
// there, and dials them. Neighbours tell one another which pieces they have
// (bits.go, peer.go), and ask for blocks of 16 KiB (download.go), which go out as
// references into the file (upload.go).
//
//	choose     the rarest piece among the neighbours', the first one drawn; any
//	           block of a piece that is under way first; at the end, everybody
//	           is asked for the last blocks, and told to forget it (pick.go, download.go)
//	verify     a piece that has come is hashed off the loop; one that is wrong is
//	           fetched again from one neighbour alone, and who lied is banned
//	choke      every 10 s, the four that give most, and one more that is drawn
//	           every 30 s, get what they ask for; a seed lets each have its turn
//	           (choke.go)
//
// Which piece and whom are functions in tables (pickers, rules), chosen by
// Config: to try another is to write one.
//
// # By name
//
// How one comes by a .torrent is not BitTorrent's affair; a testbed in which a
// node is told to fetch "song" must say. So a tracker of ours also takes
// metainfo under the torrent's name, and hands it out (Offer, Wanted, Given: our
// own, as HTTP on the same port). Publish makes the torrent, is its first seed
// and offers it; Find asks the tracker who has all; Fetch gets the metainfo from
// it and then speaks nothing but BitTorrent. A Fetch of a magnet link, or of a
// .torrent file as a data URL, needs no such tracker.
//
// The tracker is a role, and a peer besides. Only trackers tell the introducer
// that they have joined, so it names them to whoever asks.
//
// # Where it differs
//
// Strict priority: Cohen finishes begun pieces before any other. Here a piece
// that is rarer than all begun ones comes first, for otherwise a seed sends the
// rest of pieces that leechers have half of, and a swarm of 33 takes a half
// longer than it must (see choose). The pipeline is as deep as what a second
// brings, at least five blocks.
//
// Slots: at most five neighbours are unchoked at any instant, whether they are
// interested or not. A slot that is free is given away at once (Config.Eager);
// all else is decided every ten seconds.
//
// # What a stranger can do
//
// A metainfo of at most 384 KiB is read; its paths are plain names; its lengths
// must be those that there are hashes for. A block that was not asked for is
// dropped. What is not BEP 3 in the first 20 bytes (encryption, uTP) is refused,
// after which real clients come again in plain.
//
// # What outlives a crash
//
// The metainfo of each torrent and, at most five seconds old, which pieces are
// here: they were written before they were hashed. A tracker keeps what was
// offered to it, and hears of peers as they announce.
//
// # Not here
//
// DHT (BEP 5), uTP, encryption, web seeds. Files of a torrent with folders lie
// in the node's folder with %2F in place of the slashes, for a Disk has none.
package bittorrent
