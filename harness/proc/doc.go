// Package proc is the world of processes: every node is an operating-system
// process of this machine, with a loopback address and a folder of its own. It
// needs no Docker and no rights.
//
// A run takes one 127.X.0.0/16 that no other run uses (it holds a socket there
// while it lasts) and a folder in the system's temporary one. The node binary
// is built by the Go tool, which does nothing if it is up to date, from the
// package that harness.NodeProgram finds; PEERBED_NODE names one that is there already. A node dials the
// harness' unix socket and serves its control API there, so that what the
// harness asks does not touch the network under test.
//
// Cuts are made by each node's own gate, at the sending and at the receiving
// side, and so is the shape of links. A crash is SIGKILL: the kernel breaks the
// streams of the others. To let a node vanish, the gates of all others are
// closed to it first, both ways, and then it is killed: what its kernel still
// sends (the end of its streams) is not listened to. The gates open again when
// it is restarted; what stalled until then breaks.
//
// A pause is SIGSTOP. Who is paused takes up later what changed in the network
// meanwhile; until then the gates of the others hold. A firewall is told to all:
// nobody dials the nodes behind it, which reset strangers. Loss and access lines
// are the link model's.
//
// Nothing stays behind: the nodes are in a process group that a watcher kills,
// and their folder is one that it removes, when the harness closes the run or
// dies, by SIGKILL too. On Linux the kernel kills the nodes even if the watcher
// was killed before.
//
// It works on Linux, and on macOS after "ifconfig lo0 alias" for each address.
package proc
