package classroom

import (
	"math/rand/v2"

	"peerbed/protocols/linkmodel"
)

// An oracle knows what a kind of network ought to do: an assignment names one.
type oracle struct {
	twists []Twist
	most   int             // nodes that a scenario may have
	links  linkmodel.Model // the zero Model: sim.Usual
	// config is what node i is given when it starts.
	config func(r *run, i int) map[string]string
	// wish draws the name that somebody looks for.
	wish func(r *run, kind string, draw *rand.Rand) string
	// mends reports whether those of up who outlive the dead can mend the network.
	// nil: they always can.
	mends func(l *layout, up, dead []int) bool
	// near lists the neighbours of a node among those up. nil: it has none.
	near func(l *layout, up []int, i int) []int
	// checks are asked at the end of a run; states names those that look at states
	// alone, so that a story can tell since when they have not held.
	checks map[string]func(*run) error
	states map[string]bool
}

var oracles = map[string]*oracle{"ring": ring, "flood": flood}
