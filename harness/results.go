package harness

import (
	"math"
	"slices"
	"time"

	"peerbed/harness/plan"
	"peerbed/protocols/p2p"
)

// Results is what happened in one Run. Times are since its beginning.
type Results struct {
	Summary // of all lookups: finds and fetches

	Number     int // of the run in its cluster, from 1
	Length     time.Duration
	Plans      []string // as Go values
	Events     []plan.Event
	Faults     []Fault // all that lasted at some time of the run
	Operations []Operation
	Samples    []Sample
	Traffic    Totals        // from the beginning to the last outcome
	Turnover   Turnover      // asked and got
	Machine    *Machine      // how it fared; nil where time is virtual
	Late       time.Duration // the worst lateness of an event: the machine's fault, not the protocol's

	cluster *Cluster
}

// An Operation is one wish and what came of it.
type Operation struct {
	N     int // in order of their beginning
	Op    plan.Verb
	Name  string
	Asker int // its number in the cluster; -1: nobody was up
	Start time.Duration
	Took  time.Duration // as the asker's world measured it
	Hops  int
	Path  []p2p.Hop  `json:",omitempty"`
	Found []p2p.Addr `json:",omitempty"`
	ID    string     `json:",omitempty"`
	Error string     `json:",omitempty"`
	// During names the faults that were active while it lasted.
	During []string `json:",omitempty"`
	Err    error    `json:"-"`
}

// end takes down the outcome.
func (o *Operation) end(out Outcome) {
	o.Took, o.Hops, o.Path, o.Found, o.ID, o.Err = out.Took, out.Hops, out.Path, out.Found, out.ID, out.Err
	if o.Err != nil {
		o.Error = o.Err.Error()
	}
}

// meet notes the faults that the operation met.
func (o *Operation) meet(faults []Fault) {
	for _, f := range faults {
		if f.Since <= o.Start+o.Took && (f.Until == 0 || o.Start < f.Until) {
			o.During = append(o.During, f.Text)
		}
	}
}

// A Sample is the cluster at one moment of a run.
type Sample struct {
	At      time.Duration
	Live    int
	Traffic Totals // since the run began
}

// A Summary sums up operations.
type Summary struct {
	N     int     // how many
	OK    int     // how many without an error
	Found float64 // OK of N; 1 if there was none
	// Hops is the mean number of hops, and P50 and P95 are the times that half
	// of the operations and nineteen of twenty took, of those that were OK; 0
	// if none was.
	Hops     float64
	P50, P95 time.Duration
	// Messages and Bytes are what was sent for one operation, on average: all
	// traffic of class lookup, divided by N.
	Messages, Bytes float64
}

// Of sums up the operations of one kind: plan.Find, plan.Fetch, plan.Publish.
// Messages and Bytes cannot be told apart by kind and are 0.
func (r *Results) Of(op plan.Verb) Summary {
	return Summarise(r.Operations, func(o *Operation) bool { return o.Op == op })
}

// Between sums up the lookups that began from one time of the run up to
// another. Messages and Bytes are 0.
func (r *Results) Between(from, to time.Duration) Summary {
	return Summarise(r.Operations, func(o *Operation) bool {
		return o.Op != plan.Publish && from <= o.Start && o.Start < to
	})
}

func (r *Results) summarise() {
	r.Summary = Summarise(r.Operations, func(o *Operation) bool { return o.Op != plan.Publish })
	if r.N > 0 {
		t := r.Traffic.Class(p2p.Lookup)
		r.Messages = float64(t.Sent) / float64(r.N)
		r.Bytes = float64(t.SentBytes) / float64(r.N)
	}
}

// Summarise sums up those operations that which picks.
func Summarise(ops []Operation, which func(*Operation) bool) Summary {
	s := Summary{Found: 1}
	var took []time.Duration
	hops := 0
	for i := range ops {
		o := &ops[i]
		if !which(o) {
			continue
		}
		s.N++
		if o.Err == nil {
			took = append(took, o.Took)
			hops += o.Hops
		}
	}
	s.OK = len(took)
	if s.N > 0 {
		s.Found = float64(s.OK) / float64(s.N)
	}
	if s.OK > 0 {
		s.Hops = float64(hops) / float64(s.OK)
		slices.Sort(took)
		s.P50, s.P95 = rank(took, 0.5), rank(took, 0.95)
	}
	return s
}

// rank returns the smallest value that a share q of the sorted values does not
// exceed.
func rank(sorted []time.Duration, q float64) time.Duration {
	return sorted[int(math.Ceil(q*float64(len(sorted))))-1]
}
