// Package agent is the one trusted helper of a run on containers. It lives in
// a container of its own on the daemon's machine, in that machine's network
// namespace, and holds what the nodes must not: the capability to set packet
// rules and the daemon's socket. For the harness it
//
//   - guards the run's network: nodes reach one another and nothing else;
//   - spreads the nodes of large runs over several bridges;
//   - holds cuts and silenced nodes in one nftables table of the bridge
//     family, replaced in one transaction, so that no packet sees half a cut;
//   - makes the links of nodes that are programs of others (harness.Image): their
//     packets wait in a queue of the kernel until the model of links lets them go,
//     and what is sent and passes between any two is counted;
//   - counts the bytes at every node's interface in one netlink dump;
//   - raises the machine's neighbour table for large runs, and restores it;
//   - keeps the lease: it dials a unix socket of the harness and serves its
//     API on that one connection (where no folder is shared the harness comes
//     to it, by an exec, and the nodes' control connections go the same way:
//     see doors). When the connection breaks, however the
//     harness ended, it removes the run's containers, network, packet rules
//     and folder, and at last itself.
//
// The API is HTTP/2 without TLS on the one connection, so that a slow call
// does not hold up others. Client is the harness's end and builds on any
// system; Run is the agent's end and needs Linux.
//
// The agent speaks the few calls of the Docker API that it needs by itself:
// the Docker client would make its binary, which every run compiles and ships,
// three times as large.
package agent
