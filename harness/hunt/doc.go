// Package hunt looks for the runs in which a protocol breaks its promises. It
// draws random plans (nodes that join, leave, crash, vanish and come back, cuts,
// loss, delay) from seeds, plays each in the simulator, holds the states of all
// nodes against invariants after every event, and makes the plan of the first
// run that violates one as small as it can. What is left is a file that the
// failure names together with the one command that plays it again and tells what
// happened around the violation.
//
//	hunt.Run(t, hunt.Sweep{
//		Protocol: chord.Protocol, Nodes: 16, Seeds: 500, Ideal: true,
//		Draw:    hunt.Mix{Every: 2 * time.Second, Crash: 1, Leave: 1, Restart: 2},
//		For:     time.Minute,
//		Always:  []hunt.Invariant{{Name: "OrderedRing", Holds: chord.OrderedRing}},
//		Finally: []hunt.Invariant{{Name: "Closed", Holds: chord.Closed}},
//	})
//
// # What a seed is
//
// A seed draws the plan, the random streams of all nodes and links, and the
// port that all nodes listen on, so that where ids are hashes of addresses each
// seed lays out another network. Seeds 1 to K are played on all cores; the
// lowest that violates an invariant is the one that is reported, so that a sweep
// says the same however many cores it has.
//
// # What an event costs
//
// After every event the simulator says which nodes it has touched. Of those
// only the states are read again, and invariants are asked only if one has
// changed. A Node that is Marked need not even be inspected to know that; every
// so-many-th seed (see Sweep.Strict) inspects all the same, and a Mark that has
// missed a change is a failure. The same seeds play strict and poisoned.
//
// # How a plan shrinks
//
// By delta debugging (Zeller and Hildebrandt, IEEE TSE 28(2), 2002): events are
// left out, in halves, then in ever smaller parts; then nodes, then what the
// links draw, then digits of the times; until nothing more can go. A change is
// kept if the same invariant is still violated, whenever and by whomever. Since
// leaving out anything changes all later draws, each change is tried with a few
// streams of draws before it is given up.
package hunt
