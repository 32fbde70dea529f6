// Package p2ptest tests protocols, any of them, without a network: golden
// plays, a conformance suite, checks of codecs ([Packets]), and a [Desk] at which
// one node talks to strangers that are bytes in a test. It is for the external
// tests of a protocol's package (chord_test), and for those of anybody's own
// protocol.
//
//	func TestPlays(t *testing.T) {
//		p2ptest.Plays(t, p2ptest.Stage{Protocol: chord.Protocol})
//	}
//	func TestConform(t *testing.T) { p2ptest.Conform(t, chord.Protocol) }
//	func TestRoundTrip(t *testing.T) { p2ptest.RoundTrip(t, newCodec, &ping{Nonce: 7}) }
//	func FuzzCodec(f *testing.F) { p2ptest.FuzzCodec(f, newCodec, golden...) }
//
// Plays and Conform run in harness/sim, in strict and poison mode: a message that
// does not survive its encoding, that shares memory with its sender, or that
// its receiver keeps, fails whatever test it occurs in.
//
// # Plays
//
// A play is a text file: acts with a blank line between them. Each has
// commands, a line of four dashes, and all that came of them:
//
//	# The route of the lecture.
//	ideal 16 32 45 80 96 112
//	trace find_successor
//	do 80 find song
//	----
//	  0.010s  80 > 16  find_successor {Key:42}
//	  80 find song: found 45; 3 hops in 60ms: 80, 16 by finger 6, 32 by finger 5, 45 by successor
//
// go test -update writes what came out in place of what stood there; read the
// difference before you commit it. Nodes go by their names in the script, in
// messages too. The commands are
//
//	spawn NAME ...          start nodes, which join on their own
//	ideal NAME ...          start nodes in the state of a perfect overlay
//	introducer              start the introducer, for the nodes spawned later
//	set NAME=VALUE ...      change settings of the nodes spawned later
//	run 5s                  let time pass
//	settle 1m               let time pass until the Stage says that all is well
//	do NAME find WORD       a wish, and time until it is done; also
//	                        publish WORD [BYTES], fetch WORD, remove WORD, leave
//	begin NAME find WORD    the same, but no time passes
//	inspect NAME ...        print states
//	crash, vanish, restart NAME ...
//	cut A B | C D           cut the network into groups, both ways
//	cut A B > C D           or one way
//	heal                    undo all cuts
//	trace on                print messages heard and dropped, streams up and down (at first)
//	trace all               print every event
//	trace off               print none
//	trace KIND ...          print messages of these types only
package p2ptest
