// Package sequence shows who sent what to whom, out of a trace that the
// simulator has written (go test ... -args -backend sim -trace DIR).
//
//   - Read takes the part of a trace that a Choice picks: one operation, a
//     stretch of time, some nodes, the last messages before a moment.
//   - Trace.SpaceTime is a diagram of it, Trace.WriteShiViz a log with vector
//     clocks for the ShiViz visualizer.
//   - Capture writes all that went over the wire as pcapng, for Wireshark.
//
// # What a capture is
//
// Each message is what its codec makes of it, in IPv4 and UDP, or in TCP with
// the handshake, sequence numbers, FIN and RST of a connection that loses
// nothing. It is seen where and when it is sent: a message that is dropped on
// its way is in the capture, marked by a comment, and one that waits for a
// stream to open is seen when that is open. Acknowledgements ride on data, so
// there are no packets that carry nothing else, and no retransmissions; a link's
// rate is not visible. Bytes of files are zeros, which keeps traces short.
// Virtual time begins on 1 January 1970.
//
// Packets and the file format are github.com/gopacket/gopacket's, the
// maintained fork of Google's library: checksums and block options are no
// business of ours.
package sequence
