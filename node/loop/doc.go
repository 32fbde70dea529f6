// Package loop is the real world of one node: the p2p.Env that runs on sockets,
// files and the machine's clock.
//
// One goroutine, the loop, calls the Node, all Codecs and all Handlers; it is
// the only one that touches the fields of a Loop. Everything else (readers,
// writers, dials, the disk's worker, control) puts functions into its mailbox
// and never waits for it to take them. So a protocol needs no lock, and nobody
// can wait for anybody in a circle. What bounds the mailbox is that each sender
// has only so much outstanding: a stream one read, a socket so many datagrams.
//
// # Streams
//
// A stream that is closed well ends with nil at the other side, one whose
// process dies with ErrReset, one of a silent peer with ErrSilent. An inbound
// stream shows its language in its first bytes within acceptPatience, or is
// refused; there may be Config.Streams of them, a quarter from one address.
// A message that its codec cannot read ends the stream with ErrMalformed; a
// datagram like that is counted and dropped.
//
// # Bulk data
//
// A stream reads into a buffer that begins with 4 KiB and grows while it fills.
// Content is lent from it to the disk's worker; buffers with loans come back
// when the loans do, and a stream with too many of them stops reading. So a
// slow disk slows the sender down, through TCP, with a bounded amount of
// memory.
//
// # The gate and the link model
//
// A node can be told whom not to hear and whom not to send to, and what its
// links are like (SetNet). Blocked datagrams are dropped, blocked streams stall
// in both directions (without acknowledgements neither can flow) and are Down
// with ErrSilent after p2p.Silence; a dial waits for the gate like a lost
// handshake. Delay, jitter, loss and bandwidth are applied by the sender, in
// the order of the sends. A handshake is given the delay of both directions
// before it begins. With an open gate and a perfect model none of this costs
// more than a comparison.
//
// # Firewalls and access lines
//
// Behind a firewall a node resets the streams that others dial; who is told of it
// does not even try, and hears ErrSilent. An access line is shared by all
// conversations of the node: what it sends waits for it before it departs, and
// what comes is read no faster than it carries, so that TCP slows down the other
// side.
//
// # Probes
//
// A datagram that begins with probeMagic, or a stream that does, is answered by
// the loop and never shown to the protocol, nor counted. It passes gate and
// model like any other, so a harness can prove through the data plane that a
// fault holds; and since the loop that is asked remembers what it heard, one
// direction can be told from the other; so can their delays, where both nodes are
// on one machine and have its clock. The magic begins no message of any
// protocol here. (Where a language lets the acceptor speak first, the protocol
// does see a stream that a probe opened: it says nothing that it can read.)
package loop
