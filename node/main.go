// Command node is one participant of a peer-to-peer network, of any of the
// protocols in protocols/all. node -h tells how to use it.
package main

import (
	"peerbed/node/run"
	"peerbed/protocols/all"
)

func main() { run.Main(all.All...) }
