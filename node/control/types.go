package control

import (
	"encoding/json"
	"time"

	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// A DoRequest is the body of POST /do: one wish.
type DoRequest struct {
	Op   string // "publish", "find", "fetch", "remove", "leave"
	Name string
	Size int64  `json:",omitempty"` // publish: make the blob first
	Seed uint64 `json:",omitempty"`
}

// A DoReply answers it.
type DoReply struct {
	Error    string `json:",omitempty"`
	Sentinel string `json:",omitempty"` // text of the p2p error that Error wraps
	Found    []p2p.Addr
	Blob     p2p.Blob
	Hops     int
	Path     []p2p.Hop
	ID       string
	Took     time.Duration // from Do to done, in the node
}

// A StateReply answers GET /inspect: a p2p.State whose Detail is still JSON.
type StateReply struct {
	Self       p2p.Addr
	ID         string
	Neighbours []p2p.Addr
	Stored     []string
	Detail     json.RawMessage
}

// A CountersReply answers GET /counters.
type CountersReply struct {
	Traffic []p2p.Traffic
	Lag     time.Duration // the worst lateness of a timer since the last read
	Lags    Lags          // of all timers since the process began
	CPU     time.Duration // what the process has used; 0: unknown
	// Throttled is how long the node's control group, a container's or the one
	// it shares with others, was kept from the processors; 0 also if unknown.
	Throttled time.Duration
}

// A Net is the body of PUT /net: what this node's own gate and links are to be
// like, in place of what was there. It is the node's share of the network's
// wanted state.
type Net struct {
	NotTo   []p2p.Addr      `json:",omitempty"` // send them nothing (IP addresses count)
	NotFrom []p2p.Addr      `json:",omitempty"` // hear nothing from them
	NotCall []p2p.Addr      `json:",omitempty"` // dial them in vain: they are behind a firewall
	Walled  bool            `json:",omitempty"` // refuse the streams that others dial
	Links   linkmodel.Model `json:",omitzero"`  // of what this node sends
}

// A Health is the answer to GET /health.
type Health struct {
	Protocol string
	Self     p2p.Addr
	Started  bool // POST /start, or no -wait
}

// A ProbeRequest is the body of POST /probe: ask another node's loop for signs
// of life, through the network under test.
type ProbeRequest struct {
	To      p2p.Addr
	Timeout time.Duration `json:",omitempty"` // of each probe; 0: one second
	Stream  bool          `json:",omitempty"` // on a stream of its own instead of by datagram
	Count   int           `json:",omitempty"` // how many datagrams; 0: one. A stream carries one
	Gap     time.Duration `json:",omitempty"` // between two of them; 0: 2 ms
}

// A ProbeReply answers it, once every probe was answered or its time was over.
type ProbeReply struct {
	Sent   int             // probes
	RTTs   []time.Duration // of those that were answered
	Outs   []time.Duration // how much of each of RTTs was the way there, by the clock of a machine that both are on
	Series uint64          // names them to the other node: see Client.Heard
}

// A HeardReply answers GET /probes/{series}: how many probes of a series this
// node has heard, whether or not its answers came back. It remembers the last
// thousand series.
type HeardReply struct{ Heard int }
