// Package link is the network under a real node: one port for UDP and TCP, the
// queue of what waits to be sent on a stream, and the goroutines that read and
// write it.
//
// A link knows nothing of protocols: bytes and Content go in, bytes come out.
// Codecs, handlers, the gate and the link model are the loop's, so that no
// codec ever needs a lock.
//
//   - A stream has two goroutines. The reader reads when the loop asks it to,
//     into memory that the loop gives: one read at a time, so nothing is
//     shared, and a loop that does not ask pushes back through TCP.
//   - The writer gathers small pieces into one write, and sends bulk data of 64
//     KiB and more straight from the file (sendfile, with an offset of its own,
//     because a file's shared offset would mix up two streams on one blob).
//   - A socket that ends without a good-bye ends with a reset (SO_LINGER 0):
//     so a killed process is told from one that closed, on any system.
//   - A peer that has gone silent is noticed by the kernel: keep-alive probes
//     and, on Linux, TCP_USER_TIMEOUT. Elsewhere unacknowledged data may take
//     longer.
package link
