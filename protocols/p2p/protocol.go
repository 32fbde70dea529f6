package p2p

// A Class says what a message is for, so that the cost of lookups can be told
// from the cost of keeping the network together.
type Class string

const (
	Lookup     Class = "lookup"     // finding: queries, answers, routing for a user
	Membership Class = "membership" // joining, pings, stabilisation, repair
	Transfer   Class = "transfer"   // moving and replicating what is stored
)

// A KindInfo describes one type of message.
type KindInfo struct {
	Name  string // in counters and traces: lower case, words joined by "_"
	Class Class
	Blank Msg // a zero message of the type; its Kind() is the kind described
}

// A Protocol is one peer-to-peer system as a value: what the node binary, the
// simulator, the harness and the tests need to know of it.
type Protocol struct {
	Name string // as in the flag -protocol: lower case
	Doc  string // one line, for -h

	// Config is the default configuration: a struct value (not a pointer)
	// whose field tags describe it; see Settings.
	Config any
	// New makes a Node. cfg has Config's type. state is nil to join the
	// network on Start, or a State (of Ideal, or of Inspect) to take up.
	New func(cfg any, state *State) Node

	Kinds []KindInfo // of all messages that its nodes send, those of shared languages too
	Ticks []string   // the names of its Ticks, in their order

	// Datagrams makes the codec of one node's datagrams; nil: it sends none.
	Datagrams func() Codec
	// Accept looks at the first bytes of a stream that another node dialled
	// and returns the codec of its language. nil, nil asks for more bytes; at
	// 8 it must know. An error refuses the stream. It is called with no bytes
	// first: a language in which the acceptor speaks first answers then, and
	// so takes the whole port. nil: no streams.
	Accept func(first []byte) (Codec, error)

	// Cast says who plays which role among n nodes. nil: n times the same.
	Cast func(n int) Cast
	// Ideal returns the states of a perfect overlay of nodes at these
	// addresses, all with the configuration cfg. nil: there is none.
	Ideal func(cfg any, addrs []Addr) []State
	// Detail is a zero value of the type of State.Detail, so that a State can
	// be read back from JSON. nil: State.Detail is nil too.
	Detail any
	// Angle says where on the circle of its ids a node lies, 0 to 1, for
	// pictures. nil: the overlay is a graph without a circle.
	Angle func(s State) float64
	// Whole says what the overlay of all live nodes, given by their states,
	// still lacks; nil: nothing. A nil func: it is whole once all are linked.
	Whole func(states []State) error
	// Trail works out the way of a lookup that only those on it know, from
	// the Result and all nodes' States. nil: Result.Path says it all.
	Trail func(r Result, states []State) []Hop
}

// A Cast says who plays which role: one Role a node.
type Cast []Role

// A Role is what one node of a Cast is.
type Role struct {
	Name   string // "peer", "server", "supernode", "seed"; for tables and traces
	Config any    // nil: the Protocol's
	// Port chooses the port for a node that has been given the address ip,
	// where an id is a hash of both; nil: any.
	Port func(ip uint32) uint16
}

// Same is the Cast of n nodes in one role.
func Same(n int, r Role) Cast {
	c := make(Cast, n)
	for i := range c {
		c[i] = r
	}
	return c
}

// Roles returns p's cast of n nodes, every Config filled in.
func (p *Protocol) Roles(n int) Cast {
	c := Same(n, Role{Name: "peer"})
	if p.Cast != nil {
		c = p.Cast(n)
	}
	for i := range c {
		if c[i].Config == nil {
			c[i].Config = p.Config
		}
	}
	return c
}

// An Index is Kinds as a table: what the world knows of each Kind.
type Index [256]KindInfo

// Index returns the table of p's kinds. Two descriptions of one kind, or one
// below Shared, are a broken invariant of the protocol.
func (p *Protocol) Index() *Index {
	x := &Index{
		KindTick: {Name: "tick"}, KindAlarm: {Name: "alarm"}, KindUp: {Name: "up"}, KindDown: {Name: "down"},
		KindRoom: {Name: "room"}, KindResolved: {Name: "resolved"}, KindWritten: {Name: "written"},
		KindSummed: {Name: "summed"}, KindDeadline: {Name: "deadline"},
	}
	for _, k := range p.Kinds {
		i := k.Blank.Kind()
		if x[i].Name != "" || i < Shared {
			panic("p2p: " + p.Name + " describes kind twice or a world's own: " + k.Name)
		}
		x[i] = k
	}
	return x
}
