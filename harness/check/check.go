// Package check holds what must be true of the states of nodes whatever
// protocol they speak. What is special to one protocol lies beside it
// (chord.Closed). A check returns nil, or what is wrong with addresses; it can
// be given to harness.Cluster.Settle.
package check

import (
	"fmt"
	"slices"

	"peerbed/protocols/p2p"
)

// A Check is a condition on the states of all live nodes.
type Check = func(states []p2p.State) error

// All holds if every one of the checks does; it reports the first that does
// not.
func All(checks ...Check) Check {
	return func(states []p2p.State) error {
		for _, c := range checks {
			if err := c(states); err != nil {
				return err
			}
		}
		return nil
	}
}

// Whole is the check that holds when an overlay is as its protocol wants it.
func Whole(p *p2p.Protocol) Check {
	if p.Whole != nil {
		return p.Whole
	}
	return All(Joined, Together)
}

// Sane holds if the states could be true at all: every node has an address of
// its own, and no node names itself, nobody or the same node twice as a
// neighbour.
func Sane(states []p2p.State) error {
	seen := map[p2p.Addr]bool{}
	for _, s := range states {
		if s.Self == 0 || seen[s.Self] {
			return fmt.Errorf("two nodes, or none, are at %v", s.Self)
		}
		seen[s.Self] = true
		for i, n := range s.Neighbours {
			if n == 0 || n == s.Self || slices.Contains(s.Neighbours[:i], n) {
				return fmt.Errorf("%v has %v among its neighbours %v", s.Self, n, s.Neighbours)
			}
		}
	}
	return nil
}

// Joined holds if every node has at least one neighbour, unless it is alone.
func Joined(states []p2p.State) error {
	for _, s := range states {
		if len(s.Neighbours) == 0 && len(states) > 1 {
			return fmt.Errorf("%v has no neighbour yet", s.Self)
		}
	}
	return nil
}

// Together holds if a message that every node passes on to all its neighbours
// reaches all, whoever sends it first and taking links in both directions: the
// overlay has not fallen apart.
func Together(states []p2p.State) error {
	if len(states) == 0 {
		return nil
	}
	reached := flood(states)
	for _, s := range states {
		if !reached[s.Self] {
			return fmt.Errorf("the overlay is in pieces: %v does not reach %v; %d of %d nodes hang together",
				states[0].Self, s.Self, len(reached), len(states))
		}
	}
	return nil
}

// Forgotten holds if no node has a neighbour that is not among the states: the
// dead have been noticed.
func Forgotten(states []p2p.State) error {
	live := map[p2p.Addr]bool{}
	for _, s := range states {
		live[s.Self] = true
	}
	for _, s := range states {
		for _, n := range s.Neighbours {
			if !live[n] {
				return fmt.Errorf("%v still has %v as a neighbour, which is not there", s.Self, n)
			}
		}
	}
	return nil
}

// flood returns the live nodes that hang together with the first.
func flood(states []p2p.State) map[p2p.Addr]bool {
	links := map[p2p.Addr][]p2p.Addr{}
	live := map[p2p.Addr]bool{}
	for _, s := range states {
		live[s.Self] = true
		for _, n := range s.Neighbours {
			links[s.Self] = append(links[s.Self], n)
			links[n] = append(links[n], s.Self)
		}
	}
	reached := map[p2p.Addr]bool{states[0].Self: true}
	for todo := []p2p.Addr{states[0].Self}; len(todo) > 0; todo = todo[1:] {
		for _, n := range links[todo[0]] {
			if live[n] && !reached[n] {
				reached[n] = true
				todo = append(todo, n)
			}
		}
	}
	return reached
}
