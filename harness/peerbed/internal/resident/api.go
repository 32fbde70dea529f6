package resident

import (
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/harness/plan"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// An About says what a cluster is.
type About struct {
	Name     string    `json:"name"`
	Protocol string    `json:"protocol"`
	World    string    `json:"world"`
	Detail   string    `json:"detail"`
	Seed     uint64    `json:"seed"`
	Nodes    int       `json:"nodes"`
	Up       int       `json:"up"` // of them, paused ones included
	Began    time.Time `json:"began"`
	Lease    time.Time `json:"lease"` // when it ends if nobody asks anything
	PID      int       `json:"pid"`
	Doing    string    `json:"doing,omitempty"` // the step under way
}

// A Status is all of a cluster at one moment.
type Status struct {
	About
	States []State  `json:"states"`
	Faults []string `json:"faults"` // those that last, with what they heal by
}

// A State is one node.
type State struct {
	Number     int      `json:"number"`
	Name       string   `json:"name"`
	Address    p2p.Addr `json:"address"`
	Role       string   `json:"role"`
	Condition  string   `json:"condition"` // "up", "paused", or what took it down
	ID         string   `json:"id,omitempty"`
	Neighbours []string `json:"neighbours,omitempty"` // by name
	Stored     []string `json:"stored,omitempty"`
	Error      string   `json:"error,omitempty"` // why it could not be asked
}

// A Wish asks one node for something.
type Wish struct {
	Do      plan.Verb `json:"do"` // publish, find, fetch, or Remove
	Name    string    `json:"name,omitempty"`
	Node    string    `json:"node,omitempty"` // "": one that is up
	Size    int64     `json:"size,omitempty"` // publish: of the bytes to make; 0: they lie there
	Explain bool      `json:"explain,omitempty"`
}

// An Answer is how a wish ended. A wish that failed is an answer too.
type Answer struct {
	Node    string   `json:"node"` // who was asked
	Name    string   `json:"name,omitempty"`
	Error   string   `json:"error,omitempty"`
	Found   []string `json:"found,omitempty"` // nodes, the best first
	Bytes   int64    `json:"bytes,omitempty"` // fetch: its length
	Hops    int      `json:"hops"`
	Path    []Hop    `json:"path,omitempty"` // the asker first
	Seconds float64  `json:"seconds"`
}

// A Progress says how far a node's fetch is. All is 0 where nobody can tell, as
// of most protocols.
type Progress struct {
	Here int64 `json:"here"` // bytes
	All  int64 `json:"all"`
}

// A Hop is one node of a path.
type Hop struct {
	Node    string   `json:"node"`
	Address p2p.Addr `json:"address"`
	ID      string   `json:"id,omitempty"`
	By      string   `json:"by,omitempty"` // the entry of the one before that chose it
	// Inspect says, with Explain, whether that entry names this node in the
	// table that the one before shows now; if not, what it shows instead.
	Agrees  bool   `json:"agrees,omitempty"`
	Inspect string `json:"inspect,omitempty"`
}

// Nodes chooses some: by names, addresses, numbers and ranges "3-7", or as a
// share of those that can be meant.
type Nodes struct {
	Names []string `json:"names,omitempty"`
	Share float64  `json:"share,omitempty"`
}

// A Disturbance is one event of a plan, with nodes as people name them.
type Disturbance struct {
	Do     plan.Verb `json:"do"`
	Nodes  Nodes     `json:"nodes,omitzero"`
	Groups string    `json:"groups,omitempty"` // "16,16" or "0-3/4-9"
	OneWay bool      `json:"one_way,omitempty"`
	// Shape: what links are like; between the two groups, if there are any.
	Link  linkmodel.Link `json:"link,omitzero"`
	Table string         `json:"table,omitempty"` // in place of Link; see links.Absolute
	Up    int64          `json:"up,omitempty"`    // throttle: bytes per second
	Down  int64          `json:"down,omitempty"`
	Heal  string         `json:"heal,omitempty"` // what; "": all
}

// Done says what was done.
type Done struct {
	Text   string `json:"text"`
	Handle string `json:"handle,omitempty"` // by which it heals
	Proof  string `json:"proof,omitempty"`  // what probes found
}

// A Churn has nodes come and go for a while.
type Churn struct {
	Session  string        `json:"session,omitempty"`  // a law; see fault.ParseLaw
	Downtime string        `json:"downtime,omitempty"` // a law; "": whoever goes is replaced
	Turnover float64       `json:"turnover,omitempty"` // in place of both: per cent an hour
	For      time.Duration `json:"for"`
}

// A Membership says what came of a churn.
type Membership struct {
	harness.Turnover
	Away    int     `json:"away"` // nodes that are away at its end
	Seconds float64 `json:"seconds"`
}

// A Wait has time pass.
type Wait struct {
	For time.Duration `json:"for"`
}

// Traffic is what all nodes have sent and received since the cluster began.
type Traffic struct {
	Protocol string        `json:"protocol"`
	Kinds    []p2p.Traffic `json:"kinds"`
	SeenIn   uint64        `json:"seen_in,omitempty"` // bytes on the wire, where the world sees them
	SeenOut  uint64        `json:"seen_out,omitempty"`
}

// plan returns the plan that the churn is.
func (q Churn) plan() (c fault.Churn, err error) {
	if q.Turnover > 0 {
		return fault.Turnover(q.Turnover), nil
	}
	if c.Session, err = fault.ParseLaw(q.Session); err != nil {
		return c, err
	}
	if q.Downtime != "" {
		c.Downtime, err = fault.ParseLaw(q.Downtime)
	}
	return c, err
}
