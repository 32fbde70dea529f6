// Package resident is a cluster that outlives the command which brought it up.
// "peerbed up" starts a resident, a process of its own without a terminal; the
// commands that follow are its clients.
//
// The resident holds one harness.Cluster and serves it as HTTP with JSON bodies
// on a unix socket, in a folder that only its user can enter:
//
//	GET  /about       About: what it is; never waits
//	GET  /status      Status: all nodes, as they say themselves
//	POST /wish        Wish -> Answer: publish, find, fetch, remove
//	PUT  /blob        ?node=NODE&name=NAME: the body comes to a node's disk
//	GET  /blob        ?node=NODE&name=NAME: the bytes of a blob
//	POST /disturb     Disturbance -> Done: leave, crash, cut, shape, heal, ...
//	POST /churn       Churn -> Membership, when it is over
//	POST /wait        Wait -> Done: time passes
//	GET  /traffic     Traffic, by type of message
//	GET  /log         ?node=NODE: what it has printed; without one, the resident
//	POST /down        ends the cluster, and answers when nothing is left
//
// An error is a status code and one sentence. What changes the cluster is done
// one after the other, in steps; status, about, log and (where time is real)
// wishes are answered meanwhile.
//
// # Why a process beside the agent
//
// DESIGN calls the agent the resident of such a cluster. The agent is the one
// part that is trusted with the daemon's socket and with NET_ADMIN; it is small
// so that it can be, it knows neither protocols nor plans, and it runs in one
// world of three. Holding the Cluster here leaves it so, and the worlds alike.
// Nothing is lost: the agent's lease hangs on its connection to whoever began
// the run, which is this process, as it is a test's elsewhere. When the
// resident ends, even by SIGKILL, the agent of a docker run and the watcher of
// a proc run take away all that there was.
//
// # The lease
//
// A resident that nobody has asked anything for two hours (-lease) closes its
// cluster. Every command but a mere list renews that time, and what is under
// way holds it. A resident that cannot be reached any more, because its folder
// was removed, ends within seconds.
//
// # The state folder
//
// One folder for each name, in this user's folder for runs: not below
// XDG_RUNTIME_DIR, which goes away when the user logs out, while the cluster is
// to stay. It has the socket and the resident's log. The resident holds a lock
// on the folder itself, which the kernel gives back however the process ends:
// a folder without it is dead, and whoever comes next may take it.
package resident
