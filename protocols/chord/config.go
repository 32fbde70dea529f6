package chord

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"peerbed/protocols/ring"
)

// Config is what can be chosen about a node. All nodes of a ring need the same
// M, Copies and Place; the rest each may choose for itself.
type Config struct {
	Introducer string        `flag:"introducer" doc:"name:port of the introducer; empty: start a ring of one's own"`
	M          ring.Bits     `flag:"m" default:"64" range:"2:64" doc:"bits of an id: the ring has 2^m points"`
	Successors int           `flag:"successors" default:"8" range:"0:32" doc:"length r of the successor list; 2 log2 N outlives the death of every second node; 0: that many, N being estimated"`
	Copies     int           `flag:"copies" default:"2" range:"1:8" doc:"nodes that store each object: the owner and its next successors (and see place)"`
	Place      Place         `flag:"place" default:"successors" doc:"where copies lie: successors (of the owner) or both (on its predecessor too)"`
	Store      Store         `flag:"store" default:"objects" doc:"what lies at the owner of a key: objects or pointers (to the node that published, which keeps the object)"`
	Points     int           `flag:"points" default:"1" range:"1:64" doc:"points of the ring that the node stands at (virtual nodes): more even shares of keys, and as many tables"`
	Lookup     Style         `flag:"lookup" default:"iterative" doc:"who drives a user's lookup: iterative (the asker), recursive (each hop, acknowledged) or unacknowledged (each hop, and a lost message costs the attempt)"`
	Proximity  int           `flag:"proximity" default:"1" range:"1:16" doc:"nodes, from where a row of the finger table begins, of which the nearest by round trip becomes the finger; 1: the first, as published"`
	Timeouts   Timeouts      `flag:"timeouts" default:"fixed" doc:"how long to wait for an answer: fixed (patience) or adaptive (by round trips measured, patience at most)"`
	Operations Operations    `flag:"operations" default:"corrected" doc:"how the ring is kept: corrected (nobody is adopted unasked) or published (as in 2001, which can break the ring for good)"`
	Stabilizer Stabilizer    `flag:"stabilizer" default:"weak" doc:"what a round of stabilisation asks: weak (the successor) or strong (all round the ring, which mends loopy rings)"`
	Merge      time.Duration `flag:"merge" default:"0s" range:"0s:10m" doc:"mean time between two questions to nodes that were lost, so that rings that were cut apart become one; 0: never, as published"`
	Patience   time.Duration `flag:"patience" default:"500ms" range:"20ms:10s" doc:"how long a node waits for an answer before it takes the other for dead"`
	Stabilize  time.Duration `flag:"stabilize" default:"500ms" range:"50ms:10m" doc:"mean time between two rounds of stabilisation"`
	FixFingers time.Duration `flag:"fix-fingers" default:"500ms" range:"50ms:10m" doc:"mean time between two repairs of a finger"`
	CheckPred  time.Duration `flag:"check-predecessor" default:"1s" range:"50ms:10m" doc:"mean time between two pings of the predecessor"`
	Repair     time.Duration `flag:"repair" default:"1s" range:"50ms:10m" doc:"mean time between two checks whether objects lie where they belong"`
	Largest    int64         `flag:"largest" default:"1073741824" range:"0:1099511627776" doc:"bytes of the largest object that a node stores for others"`
}

// pick reads the name of one of the variants of a mechanism: each is a small
// type that numbers its names, and the tables of what the variants do.
func pick[V ~uint8](text []byte, names []string) (V, error) {
	i := slices.Index(names, string(text))
	if i < 0 {
		return 0, fmt.Errorf("one of %s", strings.Join(names, ", "))
	}
	return V(i), nil
}
