package hunt

import (
	"cmp"
	"time"

	"peerbed/harness/check"
	"peerbed/harness/plan"
	"peerbed/harness/sim"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// A Sweep is one question put to many random runs: can this be violated?
type Sweep struct {
	Protocol *p2p.Protocol
	Config   []string        // changes of its configuration, "name=value"
	Nodes    int             // that there can be at once; the introducer is not among them
	Seeds    int             // runs, unless -seeds says otherwise
	Links    linkmodel.Model // the zero Model: sim.Usual

	// Ideal starts the nodes that are there at first from Protocol.Ideal.
	// Otherwise they join, and have Lead before the plan begins.
	Ideal bool
	Lead  time.Duration

	Draw plan.Plan     // what happens; see Mix. Nodes that are Away at first come with their first Restart
	For  time.Duration // how long that goes on
	Rest time.Duration // how long nothing happens then, before Finally is asked

	// May says whether an event may happen to the nodes that live, whose states
	// are given, for the violation would not be the protocol's fault otherwise.
	// What may not is passed over. nil: all may.
	May func(e plan.Event, live []p2p.State) bool

	Always  []Invariant // must hold after every event
	Finally []Invariant // must hold after Rest

	// Strict plays every so-many-th seed strict and poisoned, and does not
	// believe Marks there; 0: every 50th.
	Strict uint64
	// Show writes a state in the story of a violation; nil: as fmt does.
	Show func(s p2p.State) string
}

// strict is the number of seeds of which one is played strict.
func (s *Sweep) strict() uint64 { return cmp.Or(s.Strict, 50) }

// An Invariant must hold of the states of all live nodes, or of the events of a
// run. Which live nodes count as members is for Holds to tell.
type Invariant struct {
	Name  string
	Holds check.Check // may neither keep nor change the states; nil: nothing is asked of them
	// Watch makes what hears all events of one run and says what is wrong; nil:
	// nothing is asked of them. It costs more than Holds.
	Watch func() func(e *sim.Event) error
}

// Marked is what a Node can be to be cheap to hunt: Mark is one number for all
// that Inspect tells, so that as long as it is the same the state is.
type Marked interface{ Mark() uint64 }
