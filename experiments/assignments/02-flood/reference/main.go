// Command flood is the reference of the assignment: queries that flood a network,
// with the course's twists given by flags.
package main

import (
	"flag"

	"peerbed/harness/classroom/step"
	"peerbed/protocols/p2p"
)

// A course is what one course asks for; the handout says it in words.
type course struct {
	ttl               int
	own, order, field string
}

var asked course

func main() {
	flag.IntVar(&asked.ttl, "ttl", 3, "hops that a query goes")
	flag.StringVar(&asked.own, "own", "included", "included or excluded")
	flag.StringVar(&asked.order, "order", "near", "near or far")
	flag.StringVar(&asked.field, "field", "count", "count, nearest or farthest")
	flag.Parse()
	step.Main(&p2p.Protocol{
		Name:      "flood",
		Config:    config{},
		New:       func(cfg any, _ *p2p.State) p2p.Node { return newNode(cfg.(config)) },
		Kinds:     kinds,
		Datagrams: step.JSON(kinds),
	})
}
