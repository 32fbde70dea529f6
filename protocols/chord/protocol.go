package chord

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// Protocol is Chord for the worlds.
var Protocol = &p2p.Protocol{
	Name:      "chord",
	Doc:       "a ring of ids with finger tables: finds the owner of a key in about log2 N hops",
	Config:    p2p.Default[Config](),
	New:       func(cfg any, state *p2p.State) p2p.Node { return New(cfg.(Config), state) },
	Kinds:     slices.Concat(kinds, introducer.Kinds),
	Ticks:     []string{"stabilize", "fix_fingers", "check_predecessor", "repair", "join", "merge"},
	Datagrams: format.Datagrams,
	Accept:    format.Accept,
	Ideal:     func(cfg any, addrs []p2p.Addr) []p2p.State { return ideal(cfg.(Config), addrs) },
	Detail:    Detail{},
	Angle:     angle,
	Whole:     Closed,
}

// A Detail is the State.Detail of a node: its table.
type Detail struct {
	ID          ring.ID
	M           ring.Bits
	Predecessor p2p.Addr   // 0: not known
	Successors  []p2p.Addr // nearest first; the node itself if it is alone; empty: not in a ring
	Fingers     []Finger   // distinct ones, nearest first
	Points      []Detail   `json:",omitempty"` // of the node's further points; addresses say which (p2p.Addr.Place)
}

// point returns the table of a point; nil: there is none.
func (d Detail) point(i int) *Detail {
	switch {
	case i == 0:
		return &d
	case i <= len(d.Points):
		return &d.Points[i-1]
	}
	return nil
}

// A Finger is a node of the finger table and the last row that it fills: it
// lies 2^Row or more, and less than twice that, from the table's owner. It
// fills the rows before as well, down to where a nearer finger does.
type Finger struct {
	Row  int
	Node p2p.Addr
}

// Table writes the finger table of the node at self out in all its M rows, as
// the paper draws it: row i is the first node at ID + 2^i or after.
func (d Detail) Table(self p2p.Addr) []p2p.Addr {
	rows := make([]p2p.Addr, d.M)
	at := 0
	for i := range rows {
		for at < len(d.Fingers) && d.Fingers[at].Row < i {
			at++
		}
		rows[i] = self
		if at < len(d.Fingers) {
			rows[i] = d.Fingers[at].Node
		}
	}
	return rows
}

// Entry returns whom an entry of the table names, called as in Hop.By: "finger
// 5", "successor", "successor 2", "predecessor". They are several while a finger
// is replaced, and where a node has several points and so tables.
func (d Detail) Entry(by string) (named []p2p.Addr) {
	for i := range 1 + len(d.Points) {
		for _, a := range d.point(i).entry(by) {
			named = append(named, a.Node())
		}
	}
	return named
}

func (d *Detail) entry(by string) []p2p.Addr {
	switch {
	case by == predecessor.String() && d.Predecessor != 0:
		return []p2p.Addr{d.Predecessor}
	case by == successor.String():
		by += " 1"
	}
	kind, number, _ := strings.Cut(by, " ")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil || n < 0:
	case kind == "finger":
		var row []p2p.Addr
		for _, f := range d.Fingers {
			if f.Row == n {
				row = append(row, f.Node)
			}
		}
		return row
	case n > 0 && n <= len(d.Successors):
		return d.Successors[n-1 : n]
	}
	return nil
}

// angle places a node on the circle.
func angle(s p2p.State) float64 {
	d, _ := s.Detail.(Detail)
	return math.Ldexp(float64(d.ID), -int(d.M))
}

// ideal returns the states of a closed ring with complete tables, in the order
// of addrs.
func ideal(cfg Config, addrs []p2p.Addr) []p2p.State {
	var refs []Ref
	for _, a := range addrs {
		for i := range max(cfg.Points, 1) {
			refs = append(refs, Ref{a.At(i), cfg.M.Addr(a.At(i))})
		}
	}
	order := slices.Clone(refs)
	slices.SortFunc(order, func(a, b Ref) int { return cmp.Compare(a.ID, b.ID) })
	states := make([]p2p.State, len(addrs))
	for n := range addrs {
		h := host{Chord: *perfect(cfg, order, refs[0])}
		for _, r := range refs[1:max(cfg.Points, 1)] {
			h.others = append(h.others, perfect(cfg, order, r))
		}
		refs = refs[max(cfg.Points, 1):]
		states[n] = h.Inspect()
	}
	return states
}

// perfect makes the node r of a ring as it ought to be.
func perfect(cfg Config, order []Ref, r Ref) *Chord {
	n := len(order)
	at, _ := slices.BinarySearchFunc(order, r.ID, func(o Ref, id ring.ID) int { return cmp.Compare(o.ID, id) })
	c := &Chord{cfg: &cfg, me: r}
	if n == 1 {
		c.succs = []Ref{r}
		return c
	}
	c.pred = order[(at+n-1)%n]
	length := cfg.Successors
	if length == 0 {
		length = twice(bits.Len(uint(n - 1)))
	}
	for i := range min(length, n-1) {
		c.succs = append(c.succs, order[(at+1+i)%n])
	}
	for k := 0; k < int(cfg.M); k++ {
		start := cfg.M.Power(r.ID, k)
		i, _ := slices.BinarySearchFunc(order, start, func(o Ref, id ring.ID) int { return cmp.Compare(o.ID, id) })
		f := order[i%n]
		row := cfg.M.Row(r.ID, f.ID)
		if row < k { // nobody is as far away
			break
		}
		c.fingers = append(c.fingers, f)
		k = row
	}
	c.fingers = slices.Clone(c.fingers) // no larger than need be
	return c
}

// lectureIDs are the nodes of the ring that the lecture draws.
var lectureIDs = [...]ring.ID{16, 32, 45, 80, 96, 112}

// Lecture is the cast of the lecture's ring: 2^7 points and six nodes, at 16,
// 32, 45, 80, 96 and 112. Their ids are hashes like all others: each node
// takes the port that gives it its id. Successor lists are short (r = 2), or
// six nodes would know one another and need no fingers.
func Lecture() p2p.Cast {
	cfg := p2p.Default[Config]()
	cfg.M, cfg.Successors = 7, 2
	cast := make(p2p.Cast, len(lectureIDs))
	for i, id := range lectureIDs {
		cast[i] = p2p.Role{Name: "n" + cfg.M.Text(id), Config: cfg, Port: func(ip uint32) uint16 {
			port, _ := cfg.M.Port(ip, id)
			return port
		}}
	}
	return cast
}
