package journal

import (
	"time"

	"peerbed/harness/plan"
	"peerbed/protocols/p2p"
)

// File is the journal's name in a run's folder. A test that is repeated with
// several seeds has one in each folder seed-S below.
const File = "run.jsonl"

// Version is what this package writes.
const Version = 1

// A Line is one line of a journal: the field that is not nil says what it is.
type Line struct {
	Run       *Run       `json:"run,omitempty"`
	Cluster   *Cluster   `json:"cluster,omitempty"`
	Nodes     *Nodes     `json:"nodes,omitempty"`
	Phase     *Phase     `json:"phase,omitempty"`
	Event     *Event     `json:"event,omitempty"`
	Member    *Member    `json:"member,omitempty"`
	Fault     *Fault     `json:"fault,omitempty"`
	Operation *Operation `json:"operation,omitempty"`
	Series    *Series    `json:"series,omitempty"`
	Sample    *Sample    `json:"sample,omitempty"`
	Overlay   *Overlay   `json:"overlay,omitempty"`
	Machine   *Machine   `json:"machine,omitempty"`
	Summary   *Summary   `json:"summary,omitempty"`
	Verdict   *Verdict   `json:"verdict,omitempty"`
	Figure    *Figure    `json:"figure,omitempty"`
	End       *End       `json:"end,omitempty"`
}

// A Run is the first line of a journal.
type Run struct {
	Version    int
	Name       string // of the folder: test, start and seed
	Test       string // as go test -run takes it
	Seed       uint64
	Started    time.Time
	Repeat     string // the command that repeats it
	Go         string // version
	System     string // "linux/amd64"
	Processors int
}

// A Clock is what a cluster's times are times of.
type Clock string

const (
	Virtual Clock = "virtual"
	Wall    Clock = "wall"
)

// A Cluster is the beginning of one network of nodes.
type Cluster struct {
	Cluster  string // what the other lines call it; also the label of its series
	Test     string // the (sub)test that started it
	Protocol string
	World    string // "sim", "proc", "docker"
	Detail   string // "Docker Engine 20.10.24, bridge 10.90.3.0/24"
	Cuts     string // who enforces cuts
	Clock    Clock
	Started  time.Time // when its time 0 was, on this machine's clock
	Nodes    int       // that it starts with; Nodes lines tell of them
	Seed     uint64
	Config   []string `json:",omitempty"` // changes of the protocol's configuration: "name=value"
	Links    string   `json:",omitempty"` // what they are like; "": perfect
	Repeat   string   // the command that repeats the test
	Simulate string   `json:",omitempty"` // the one that plays it in the simulator, of a run in a real world
}

// Nodes tells who the nodes are, by their number from First on.
type Nodes struct {
	Cluster string
	First   int
	Names   []string
	Addrs   []p2p.Addr
	Roles   []string
}

// A Phase is a stretch of time that an experiment measures as one: a call of
// harness.Cluster.Run. Its Summary comes when it is over.
type Phase struct {
	Cluster string
	Phase   int // from 1
	At      time.Duration
	Length  time.Duration
	Title   string   `json:",omitempty"`
	Plans   []string // as Go values
}

// An Event is what a plan did to the network. Wishes are Operations.
type Event struct {
	Cluster string
	plan.Event
}

// A Member is nodes that joined or went, whoever caused it.
type Member struct {
	Cluster string
	At      time.Duration
	Up      bool
	Nodes   []int
}

// A Fault is one disturbance. It has a line when it begins and another when it
// ends, or when a probe has looked at it; the last one holds.
type Fault struct {
	Cluster string
	N       int    // in the order of their beginning, from 1
	Name    string // "crash", "vanish", "leave", a kind that heals, or the plan's own
	Kind    string `json:",omitempty"` // of one that heals: "cut", "drop", "links" ...
	Text    string // "crash of chord-3, chord-5"
	Handle  string `json:",omitempty"` // "cut 2": one that heals
	Since   time.Duration
	Until   time.Duration `json:",omitempty"` // 0: it still lasts
	Nodes   []int         `json:",omitempty"` // those that it took down, or paused
	Proofs  []string      `json:",omitempty"` // what probes found, in words
}

// An Operation is one wish and what came of it, written when it is over.
type Operation struct {
	Cluster string
	Phase   int // 0: outside of any
	N       int // in its phase, in order of their beginning, from 0
	Op      plan.Verb
	Name    string
	Asker   int // its number in the cluster; -1: nobody was up
	At      time.Duration
	Took    time.Duration // as the asker's world measured it
	Hops    int           `json:",omitempty"`
	Path    []p2p.Hop     `json:",omitempty"`
	Found   []p2p.Addr    `json:",omitempty"`
	ID      string        `json:",omitempty"`
	Result  string        // as in the label: "ok", "not_found", "failed"
	Error   string        `json:",omitempty"` // the whole of it
}

// A Series gives a number, its own within its cluster, to a series.
type Series struct {
	Cluster string
	Series  int // from 1
	Name    string
	Labels  map[string]string `json:",omitempty"` // without vocabulary.Common
}

// A Sample is what was measured at a moment: numbers of series and their values.
type Sample struct {
	Cluster string
	At      time.Duration
	Values  [][2]float64
}

// An Overlay is the state of one live node at a moment. Those of all live nodes
// with the same At and Title belong together.
type Overlay struct {
	Cluster string
	At      time.Duration
	Title   string `json:",omitempty"`
	Node    int
	Angle   *float64 `json:",omitempty"` // where on the circle of ids it lies, 0 to 1; nil: there is none
	State   p2p.State
}

// A Machine is how the machine fared that carried a phase in a real world. Its
// fields are those of harness.Machine.
type Machine struct {
	Cluster    string
	Phase      int
	Nodes      int
	Processors int
	Busy       float64
	Full       float64
	Ours       float64
	Lag        time.Duration
	LagWorst   time.Duration
	LagOf      string
	Throttled  float64
	Asked, Got time.Duration
	Late       time.Duration // the worst lateness of an operation
	Verdict    string        `json:",omitempty"` // why times do not count; "": they do
}

// A Summary closes a phase. Its fields are those of harness.Summary, of all
// lookups, and of harness.Turnover.
type Summary struct {
	Cluster         string
	Phase           int
	N, OK           int
	Found           float64
	Hops            float64
	P50, P95        time.Duration
	Messages, Bytes float64 // of class lookup, for one lookup

	ChurnAsked, ChurnGot float64 // in per cent an hour
	Joins, Leaves        int
	Hours                float64 // node-hours

	Traffic         []p2p.Traffic
	SeenIn, SeenOut uint64 `json:",omitempty"`
}

// A Verdict is what a test wanted of a value and what it got. It names no
// cluster: a value may be worked out of several.
type Verdict struct {
	Test string
	What string
	Want string // "0.99 or more"
	Got  float64
	OK   bool
	// Low and High are the 95 % confidence interval over Seeds seeds, if there
	// were several.
	Seeds     int     `json:",omitempty"`
	Low, High float64 `json:",omitempty"`
}

// A Figure is a diagram that a test gives: what it worked out, and what theory
// expects of it, on the same axes. It names no cluster, as a Verdict does not.
type Figure struct {
	Test   string
	Title  string
	X, Y   string // what the axes are, units included
	Curves []Curve
}

// A Curve is one measure of a Figure, or what theory expects of it.
type Curve struct {
	Name   string
	Theory string `json:",omitempty"` // where it comes from: "log2 N / 2 (Stoica 2001)"; "": it was measured
	Marks  []Mark
}

// A Mark is a value with, if they differ from each other, the ends of its 95 %
// confidence interval.
type Mark struct {
	X, Y      float64
	Low, High float64 `json:",omitempty"`
}

// An End closes a cluster. Where it lacks, the run was killed, or still goes on.
type End struct {
	Cluster string
	At      time.Duration
	Failed  bool `json:",omitempty"` // the test did
}
