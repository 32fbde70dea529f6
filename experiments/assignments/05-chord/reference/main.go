// Command chord is the reference of the assignment: the ring as the handout wants
// it, with the course's twists given by flags. A mutant is this program with a few
// characters changed.
package main

import (
	"flag"

	"peerbed/harness/classroom/step"
	"peerbed/protocols/p2p"
)

// A course is what one course asks for; the handout says it in words.
type course struct{ direction, owner, field, operation string }

var asked course

func main() {
	flag.StringVar(&asked.direction, "direction", "clockwise", "clockwise or counterclockwise")
	flag.StringVar(&asked.owner, "owner", "after", "after or before")
	flag.StringVar(&asked.field, "field", "owner", "owner, predecessor, successor or distance")
	flag.StringVar(&asked.operation, "operation", "next", "next, arc or opposite")
	flag.Parse()
	step.Main(&p2p.Protocol{
		Name:      "chord",
		Config:    config{},
		New:       func(cfg any, _ *p2p.State) p2p.Node { return newNode(cfg.(config)) },
		Kinds:     kinds,
		Datagrams: step.JSON(kinds),
	})
}
