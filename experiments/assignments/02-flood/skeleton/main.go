// Command submission is your flood.
package main

import (
	"peerbed/harness/classroom/step"
	"peerbed/protocols/p2p"
)

func main() {
	step.Main(&p2p.Protocol{
		Name:      "flood",
		Config:    config{},
		New:       func(cfg any, _ *p2p.State) p2p.Node { return newNode(cfg.(config)) },
		Kinds:     kinds,
		Datagrams: step.JSON(kinds),
	})
}
