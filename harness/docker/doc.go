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
// A run that does not fit (memory, process ids, addresses, files of the daemon,
// the machine's neighbour table where it may not be raised) is refused before it
// starts, with the numbers and what would help.
//
// A Linux bridge has 1023 ports. The nodes of a run of more than 1000 are spread
// over several, their shards: the daemon plugs them into the run's bridge, which
// it thinks they never leave, and the agent moves each node's port on as it comes
// up. Trunks, pairs of virtual interfaces, join the shards to the run's bridge, so
// that all is one Ethernet segment and one subnet; several networks of the
// daemon's would be joined by routes, where rules of the bridge family see no
// packet. Rules judge a packet where it first comes in. Shards are networks for
// the daemon as well, with nobody on them: so it lets their packets through its
// own rules, and they go with the run's label. PEERBED_SOAK=1 PEERBED_NODES=1100 go
// test ./harness/docker -run TestManyShards -v -timeout 25m is a run of two shards: on
// 2 cores with hardly anything else to do it took 9 minutes and 8 GiB, and 4400 pairs
// of nodes were cut and healed exactly as asked; but Engine 20.10 kept the network
// (errStuck), which the test holds against it. It needs the whole machine: beside
// other work nodes answered later than a minute, and when a thousand ended at once
// the daemon stood still, each end waiting for the count of all others.
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
// Nodes may be programs of others (harness.Image; Pack makes an image of one that
// is installed). Each is then two containers in one network namespace: a witness,
// which is a node of ours and keeps the address, and the program, without a
// control socket. What our nodes do about links themselves the agent does there:
// every packet that crosses the bridge waits in a queue of the kernel
// (nfnetlink_queue, reached from the bridge by br_netfilter) until the same model
// of links lets it go. A kernel without them is refused delay, loss by links and
// rate in words; cuts, drops, pause and crash need neither. netem is not used: it
// knows no pairs of nodes, and no kernel that has it was at hand. With other
// work on all processors the queue itself took 0.3 ms there and back, and ways of
// 20 ms each 42 ms there and back (medians of 300 probes; 90 % within 44 to 51 ms).
//
// The daemon is the one that the docker command would ask: DOCKER_HOST, with
// DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, comes first, then DOCKER_CONTEXT, then
// the current context, then this machine's. What is not reached by a unix socket
// counts as another machine: an agent's job there tells what fits.
//
// Where the daemon shares no folder with this process (Docker Desktop, a daemon
// on another machine, or SocketsVariable set to "off"), nodes dial sockets in a
// volume of the agent's, and the harness reaches the agent through one exec of
// its container: HTTP/2, in which every node's connection is a stream. The agent
// there is given the daemon's usual socket, or the one that
// agent.RemoteSocketVariable names; one of another daemon is found out. All
// worlds' promises are tested so with a daemon of this machine, and with a second
// one of this machine that is reached by TCP alone; daemons on other machines
// and Docker Desktop were not at hand.
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
