package hunt

import (
	"cmp"
	"errors"
	"fmt"
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

	// Ideal starts the nodes that are there at first from Protocol.Ideal;
	// otherwise they join. Either way they have Lead before the plan begins.
	Ideal bool
	Lead  time.Duration
	Least int // nodes there at first that shrinking leaves at least

	Draw plan.Plan     // what happens; see Mix. Nodes that are Away at first come with their first Restart
	For  time.Duration // how long that goes on; then the network heals
	Rest time.Duration // how long nothing happens after that, before Finally is asked

	// May says whether an event may happen, because the protocol promises
	// nothing otherwise. What may not is passed over. nil: all may.
	May func(e plan.Event, now Now) bool
	// Memory is for how long Now.Recent goes back.
	Memory time.Duration

	Always  []Invariant // must hold after every event
	Finally []Invariant // must hold after Rest

	// Raw leaves what was found as it is, for controls that need only know that
	// there is something.
	Raw bool
	// Strict plays every so-many-th seed strict and poisoned, and does not
	// believe Marks there; 0: every 50th.
	Strict uint64
	// Show writes a state in the story of a violation; nil: as fmt does.
	Show func(s p2p.State) string
}

// Now is what May has to go by.
type Now struct {
	Live []p2p.State // of all nodes that live
	Rest []p2p.State // of those that would after the event
	// Recent are the states that nodes have had within Memory and have no more,
	// and that of whom the event ends: if Memory is the longest delay, all that
	// messages on their way were made from is among Rest and Recent.
	Recent []p2p.State
}

// check reports what a sweep lacks.
func (s *Sweep) check() error {
	switch {
	case s.Protocol == nil || s.Draw == nil || s.Nodes < 1:
		return errors.New("hunt: a Sweep wants a Protocol, Nodes, and a plan to Draw")
	case s.Ideal && s.Protocol.Ideal == nil:
		return fmt.Errorf("hunt: %s knows no ideal overlay to start from; give the nodes a Lead to join in", s.Protocol.Name)
	}
	return nil
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
