// Package docker is the world of real containers: one container per node, on
// the Docker daemon of this machine.
//
// Everything is made to be closed and to leave no trace:
//
//   - The image is made FROM scratch out of static binaries that "go build"
//     compiles when a run begins; no registry is asked. It is named after its
//     content, so an unchanged program costs nothing.
//   - A run has one bridge network of its own, without a route to anywhere and
//     without an address of the host on it (internal, inhibit_ipv4), and the
//     agent's guard drops what would pass between it and the host regardless.
//     Node i has the address IP(i) from before it starts to the end of the run.
//   - Nodes run as an ordinary user without any capability, on a read-only
//     root, within limits of memory, processes and processor, and may not open
//     sockets that lead past the network, to the hypervisor.
//   - Control never touches the network under test: the harness listens on one
//     unix socket per node, in a folder that this node alone is given,
//     read-only; the node dials it and serves its control API there. So a cut
//     or a silenced node stays under control, and the socket says who calls.
//   - Cuts are packet rules, held by the run's agent (package harness/agent).
//     Delay, loss and bandwidth are held by the nodes themselves.
//   - The agent removes the run when the connection to the harness breaks, even
//     by SIGKILL. An agent that is killed is started again, by the daemon or by
//     the harness, reads what it must know from labels, and the run goes on;
//     cuts stand meanwhile. A watch, a small process beside the harness, sees to
//     what there is before an agent lives, and to what there is when both are
//     gone, for a minute, in which a daemon may come back. What outlives all of
//     them is swept when the next run begins.
//
// A run that does not fit (memory, process ids, ports of the bridge, files of
// the daemon, the machine's neighbour table where it may not be raised) is
// refused before it starts, with the numbers and what would help. One run has
// one bridge, and so at most 1000 nodes: packets between several bridges would
// be routed, where the rules of the bridge family do not see them.
//
// Only things that carry the run's label are ever touched. Nothing is sent to
// a node's address from the host: there is no route, and the guard refuses.
//
// Containers are made through testcontainers-go; networks, images and
// everything in the life of a container go through the Docker client, since
// testcontainers has no option for a bridge's name, for SIGKILL or for events.
// Its own reaper stays off: it is an image from a registry, and the agent does
// its work.
//
// Where the daemon shares no folder with this process (Docker Desktop, a daemon
// on another machine, or SocketsVariable set to "off"), nodes dial sockets in a
// volume of the agent's, and the harness reaches the agent through one exec of
// its container: HTTP/2, in which every node's connection is a stream. All
// worlds' promises are tested so with a daemon of this machine; real remote
// daemons and Docker Desktop were not at hand.
//
// First contact of nodes is not warmed up: of 100 nodes that each sent their
// first datagrams to another one, none was lost.
//
// Engine 20.10 now and then keeps the network of a large run ("has active
// endpoints") until it is restarted: it miscounts when many containers leave at
// once (moby/moby#43286); see the agent's clean-up.
//
// Test processes that use the daemon take turns; see TurnsVariable.
package docker
