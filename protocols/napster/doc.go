// Package napster is Napster, the system of 1999 that began it all: a central
// server knows who has which file, and files go from client to client.
//
// # Sources
//
//   - Reviews of the protocol by those who have listened to it: "napster.txt" of
//     the OpenNap project (2000), and what OpenNap servers and their clients do.
//   - Bentley and Sedgewick, "Fast Algorithms for Sorting and Searching Strings"
//     (SODA 1997): the ternary search tree.
//
// What goes over the wire between clients, and between a client and a server, is
// theirs, byte for byte: clients of others can log in to our server, search it
// and exchange files with our clients, and our client can use their servers.
// Between servers the language is ours.
//
// # A session
//
// A client keeps one TCP stream to its server. Frames go over it: the length of
// the data in two bytes, low byte first, a type in two bytes, and the data, which
// is words with spaces between, file names in quotes. [Login] opens the session, its
// password for all on the way to read; a [Share] a file tells what the user's folder
// holds, a [Search] asks, [Results] answer. When the stream ends, however it does,
// all of the user's entries vanish from the directory. The server has none of the
// files.
//
// The directory is a ternary search tree of words, each with the list of entries
// whose names have it. A search finds entries with all its words, whole ones,
// whatever their case and order: at most a hundred, and within bounds on bit
// rate, frequency and the owner's line if it sets any.
//
// Results carry no number that would tell which search they answer. So a client
// asks one thing at a time; others wait.
//
// # Who is nearest
//
// The client pings all who have the file: it dials them, and each greets it with
// [One]. The real client sent ICMP, which says the same. Then it asks the server
// for the best owner ([Request]), which asks the owner ([Offer], [Accepted]) and
// tells the client where to dial ([Granted]). Where that owner breaks, the client
// goes on at the next with what is missing, and in the end compares the MD5.
//
// # Transfers
//
// Who is dialled says 1. The dialler says GET, its nick, the file and the first
// byte that it wants; the size of the file comes back, and at once the file. An
// owner that cannot be dialled dials the asker, hears 1, and says SEND, its nick,
// the file and its size; the asker says the first byte that it wants. Nothing says
// where a number ends but the end of what has come: as in all clients of the era
// it must come in one piece. If the file begins with digits, only who knows its
// size can tell where that ends and the file begins; the client knows it from the
// search.
//
// # One port
//
// A client greets whoever dials it, before it knows who it is, and a server waits
// to be greeted. So one program cannot be both on one port: a node is a client or
// a server. A server has a client too, its operator's, for the wishes that a test
// or a shell has of that node; it logs in like any other once it has something to
// share or to ask, and as nobody can dial it, it gives its files by dialling.
//
// By default a node takes 1024 streams, a quarter of them from one address. A server
// of more users is started with -streams.
//
// # Several servers
//
// Servers find one another through the introducer, or by Config.Server, and all
// are linked with all. Each tells the others who comes and goes, and asks all of
// them what its users ask it, if its own directory has too little. What is
// arranged between users of two servers goes from one to the other as a [Relay].
// While a server is away its users' files are.
//
// # Files
//
//	napster.go    Config, roles, the node
//	messages.go   what is said; frame.go, query.go, fields.go: in bytes
//	data.go       the language between clients
//	between.go    the language between servers
//	tree.go       the ternary search tree; directory.go: files by their words
//	server.go     users; session.go: what one of them may say
//	arrange.go    how asker and owner are brought together; mates.go: other servers
//	client.go     logging in; library.go: the shared folder
//	search.go     asking, and pings; download.go, upload.go: transfers
//
// # Deviations
//
//   - Our server tells our clients, behind the fields of a result, whether the
//     owner can be dialled and at which port, so that it can be pinged. Of the
//     owners that another server names the client knows no port before it asks
//     for the file: it takes them by their lines.
//   - The MD5 covers only the first 300,000 bytes. What is wrong behind them
//     nobody can tell. A client takes an MD5 of 299,008 bytes too, which is that of
//     the client for Windows, unless the file began with an ID3 tag. Hashes
//     that are none are believed.
//   - Who does not answer its ping within Config.Pong is not named and not asked. A
//     firewalled owner cannot be pinged, and comes behind those who answered.
//   - An owner that is full is asked again three times, half a second apart, and
//     then the download fails; there is no queue.
//   - Chat channels are refused (404), a friend's coming is told only when one
//     asks, and browsing shows users of one's own server only.
//   - A server looks at 200,000 entries for one search at most; a search by hash (215)
//     reads all of its own, and asks no other server.
//   - A redirect (821) is obeyed; a metaserver (822) is not spoken to, nor are clients
//     browsed directly (640).
//   - The library is remembered in 64 KiB; of more files the oldest are forgotten
//     in a crash. A download begins anew after a crash of its own node.
package napster
