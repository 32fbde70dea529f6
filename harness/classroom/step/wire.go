package step

import (
	"encoding/json"

	"peerbed/protocols/p2p"
)

// The bounds of an answer.
const (
	MaxLine    = 1 << 20
	MaxActions = 4096
)

// An Event is one line that the grader writes.
type Event struct {
	Node   int               `json:"node"`
	Now    int64             `json:"now"` // nanoseconds
	Event  string            `json:"event"`
	Self   string            `json:"self,omitempty"`
	Seed   uint64            `json:"seed,omitempty"`
	Config map[string]string `json:"config,omitempty"`
	From   string            `json:"from,omitempty"`
	Body   json.RawMessage   `json:"body,omitempty"`
	Timer  int64             `json:"timer,omitempty"`
	Op     int64             `json:"op,omitempty"`
	Do     string            `json:"do,omitempty"`
	Name   string            `json:"name,omitempty"`
}

// An Action is one thing that a node does. Exactly one of Send, After, Result
// and State is there.
type Action struct {
	Send   *string         `json:"send,omitempty"`
	Body   json.RawMessage `json:"body,omitempty"`
	After  *int64          `json:"after,omitempty"` // nanoseconds
	Timer  int64           `json:"timer,omitempty"`
	Result *int64          `json:"result,omitempty"` // which wish
	Found  []p2p.Addr      `json:"found,omitempty"`
	ID     string          `json:"id,omitempty"`
	Hops   int             `json:"hops,omitempty"`
	Error  string          `json:"error,omitempty"`
	State  *State          `json:"state,omitempty"`
}

// A State is p2p.State as a program tells it; Detail is for the assignment to
// read.
type State struct {
	ID         string          `json:"id"`
	Neighbours []p2p.Addr      `json:"neighbours"`
	Stored     []string        `json:"stored,omitempty"`
	Detail     json.RawMessage `json:"detail,omitempty"`
}
