// Package backendtest says, as tests, what every world owes to package
// harness: that nodes start ready, carry out wishes and tell their state; what a
// crash, a restart, a vanishing, a pause, a cut, a firewall, loss and a slow
// line mean to the nodes and to others; that counters count and that nothing
// works after Close. A world passes all of it:
//
//	func TestWorld(t *testing.T) { backendtest.Run(t, sim.Open) }
//
// It speaks to the Backend directly. What the network does is seen in what real
// protocols get through it: datagrams in Chord's counters, streams in
// Gnutella's links and floods.
package backendtest
