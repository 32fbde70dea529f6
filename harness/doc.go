// Package harness runs experiments on peer-to-peer systems: it starts the
// nodes of a protocol in a world (a simulator, processes, containers),
// disturbs them, asks them to find things, and says what happened. An
// experiment is an ordinary test that reads from top to bottom:
//
//	func TestChordUnderChurn(t *testing.T) {
//		harness.Repeat(t, 1, func(t *harness.T) {
//			c := harness.New(t, chord.Protocol, 24)
//			c.Settle(chord.Closed)
//			c.Share(50, 1000)
//			r := c.Run(5*time.Minute,
//				fault.Churn{Session: fault.Exponential(10 * time.Minute)},
//				workload.Lookups{Rate: 5, Keys: workload.Zipf(1.1)})
//			r.Want(t, "found", r.Found, harness.AtLeast(0.99))
//		})
//	}
//
// The same test runs in every world. Which one is chosen by the flags -backend,
// -nodes, -seed and -seeds (see Flags), by variables such as PEERBED_BACKEND and
// PEERBED_NODES, or by options of New; the first line that a run prints says
// which world it is, and why. A test package makes the worlds known by
// importing peerbed/harness/worlds.
//
// A Cluster is the nodes of one run; a Backend is what a world must be able to
// do for it. Faults and workloads are plain values (packages fault and
// workload) that are turned into one timeline of events before the run begins,
// from the seed alone, so that every world plays the same schedule.
//
// Churn begins as if it had gone on for ever, and what the membership really
// did stands in Results.Turnover beside what was asked. There it counts, for
// each hour of a node that is up, half of joins and departures: with exponential
// sessions of a mean of S hours, 100/S per cent an hour.
//
// # Many seeds
//
// One run is an anecdote. Repeat plays a test with as many seeds as -seeds asks
// for, and judges what it wants by the 95 % interval of the mean of all of them.
// The unit is the seed, never one lookup: lookups of one run resemble one
// another.
//
// It wraps the body of a test and hands it a T, which is a testing.T that knows
// its seed. So a test need not know whether it is repeated: New takes the seed
// from the T, Save the folder, and Want leaves the verdict to the series. (To
// play the test binary once for each seed instead would have needed no wrapping,
// but an experiment whose own question is one of statistics needs its seeds in
// one process, and so there is one way for both.) What an experiment works out
// itself it hands to T.Want:
//
//	func TestChordC5PathLength(t *testing.T) {
//		harness.Repeat(t, 10, func(t *harness.T) {
//			t.Want("hops at N=1024", hops(t, 1024), harness.Near(4.87, 0.1))
//		})
//	}
//
// # Faults prove themselves
//
// Whenever the network was changed, and again when it was healed, the cluster
// probes a sample of ways between nodes: some that the change concerns and some
// that it must leave alone, by datagram and by stream, on the network that the
// nodes use but below their protocol. What was asked and what was found stands
// with the fault (Fault.Proofs). A cut that did not take, links that stay dead,
// delay or loss that is not there end the run as Infrastructure.
//
// # The machine proves itself
//
// A run in a real world is watched (Results.Machine): how late timers are, in
// each node and in all, how full the processors were, whether a node was
// throttled, how long shaped links really take. Past the bounds that machine.go
// states with their reasons, its times do not count: what a test wants of a time
// (NoLongerThan) is not compared, and the test fails as Infrastructure that says
// how many nodes would fit, by what these used. It does not pass, for nothing
// was found out; and it is no number, for the number would be the machine's.
// What was counted, and what succeeded, is judged on any machine: it shows what
// the protocol did in the network that it had.
//
// # Everything is recorded
//
// What happens to a cluster of New is written into the run's journal while it
// happens (package journal), in every world, in the world's own time: nobody has
// to save results, and what a killed run had found is there. Counters are read
// once a second, of large clusters more rarely, and what nodes keep is read from
// their States, by the names of the fields of Detail, so that protocols need not
// measure themselves. PEERBED_RECORD=0 leaves it out; programs that Open a cluster
// ask for it by Settings.Record.
//
// # Programs of others
//
// Nodes may also be containers of any image, be it of our module, of a registry or
// of an installed program that docker.Pack made one of. Nobody needs to know
// anything of the program; then it is started, disturbed and counted, and that is
// all:
//
//	c := harness.New(t, &p2p.Protocol{Name: "thing"}, 9, harness.Image("example/thing:1", nil, harness.Ready{}, harness.Ops{}))
//	c.Run(time.Minute, fault.Churn{Session: fault.Exponential(time.Minute)})
//	ways, err := c.Crossings() // packets from each to each: sent, and passed
//
// Image says what can be told of it, TestForeignImage has a whole example.
//
// # By hand
//
// What step.go has is for programs that drive a cluster one step at a time, as
// harness/peerbed does for a shell: Play, Ask, Inspect and the like fail for
// themselves alone, and the cluster goes on.
//
// # Errors
//
// Errors of the machinery (no daemon, a node that dies by itself) end a test at
// once. Outside a test the first one is kept, later calls do nothing, and
// Cluster.Err tells, as a bufio.Scanner does. What happens to the protocol (a
// lookup that fails) is a result and no error.
package harness
