// Package plan holds the timeline of a run as plain data. A Plan (a fault, a
// workload) becomes Events before the run begins, from the seed and a few facts
// that are the same in every world, so that the simulator and real containers
// play the same schedule, and a failed run can be played again. It is a package
// of its own because faults and workloads make Events and the harness, which
// knows both, plays them.
package plan

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"peerbed/protocols/linkmodel"
)

// A Verb is what an Event does.
type Verb string

const (
	Crash   Verb = "crash"   // Nodes die; streams of the others break
	Vanish  Verb = "vanish"  // Nodes fall silent
	Leave   Verb = "leave"   // Nodes say good-bye and go
	Away    Verb = "away"    // Nodes are not there when the run begins: they leave before its clock starts
	Restart Verb = "restart" // Nodes that are down come back
	Pause   Verb = "pause"   // Nodes stand still
	Resume  Verb = "resume"  // Nodes that are paused go on
	Cut     Verb = "cut"     // Groups are parted from one another
	Wall    Verb = "wall"    // no stream that others dial comes in at Nodes
	Drop    Verb = "drop"    // a Share of all packets from the first of Groups to the second is lost; nil: all nodes
	// Throttle gives each of Nodes an access line of Up and Down.
	Throttle Verb = "throttle"
	Shape    Verb = "shape"   // the links become Links, until Heal if it has a Label
	Heal     Verb = "heal"    // all of the same Label that heals ends; without a Label, all
	Publish  Verb = "publish" // the first of Nodes publishes Name
	Find     Verb = "find"    // the first of Nodes looks Name up
	Fetch    Verb = "fetch"   // the first of Nodes brings Name to its disk
)

// An Event is one line of a timeline.
type Event struct {
	At     time.Duration    // since the beginning of the run
	Do     Verb             //
	Nodes  []int            `json:",omitempty"` // by their number in the cluster
	Groups [][]int          `json:",omitempty"` // Cut, Drop
	OneWay bool             `json:",omitempty"` // Cut: only from the first group to the second
	Name   string           `json:",omitempty"` // of what is published or looked for
	Size   int64            `json:",omitempty"` // Publish: in bytes
	Links  *linkmodel.Model `json:",omitempty"` // Shape, or
	File   string           `json:",omitempty"` // Shape: the links that a file tells, see links.Read
	Share  float64          `json:",omitempty"` // Drop: 0 to 1
	Up     int64            `json:",omitempty"` // Throttle: bytes per second; 0: any
	Down   int64            `json:",omitempty"`
	Label  string           `json:",omitempty"` // names a fault in reports
}

// Facts are what a plan may know of the run to come. They do not depend on the
// world.
type Facts struct {
	Seed  uint64        // of this plan alone
	Nodes int           // numbered from 0; the introducer is not among them
	For   time.Duration // how long the run lasts
	Files []string      // what has been published, the most popular first
}

// Rand returns the plan's stream of random numbers, from its beginning.
func (f Facts) Rand() *rand.Rand { return rand.New(rand.NewPCG(f.Seed, 0)) }

// A Plan is a value that describes a disturbance or a workload in a few
// numbers. Print it with Text.
type Plan interface {
	// Events draws the schedule. Equal Facts give equal Events. The error says
	// what makes no sense in the value, or for such a cluster.
	Events(f Facts) ([]Event, error)
}

// Text writes a plan as the Go value that it is.
func Text(p Plan) string { return fmt.Sprintf("%T%+v", p, p) }

// Timeline merges the events of all plans in order of time; at the same time
// those of the plan that was given first come first. What lies beyond the end
// of the run is left out. Each plan draws from a stream of its own, so that
// adding one does not change the others.
func Timeline(f Facts, plans ...Plan) ([]Event, error) {
	var all []Event
	for i, p := range plans {
		own := f
		own.Seed = rand.New(rand.NewPCG(f.Seed, uint64(i)+1)).Uint64()
		events, err := p.Events(own)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", Text(p), err)
		}
		if all == nil {
			all = events // an event is large
			continue
		}
		all = append(all[:len(all):len(all)], events...)
	}
	return ordered(all, f.For), nil
}

// ordered returns the events until end in the order of time, and of the list
// within one time. It sorts their places: an event is large.
func ordered(list []Event, end time.Duration) []Event {
	type place struct {
		at time.Duration
		i  int
	}
	places := make([]place, 0, len(list))
	for i := range list {
		if at := list[i].At; at <= end {
			places = append(places, place{at, i})
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.i, b.i)) })
	sorted := make([]Event, len(places))
	for k, p := range places {
		sorted[k] = list[p.i]
	}
	return sorted
}
