package pastry

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"time"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// Protocol is Pastry for the worlds.
var Protocol = &p2p.Protocol{
	Name:      "pastry",
	Doc:       "routing by prefix with tables of near nodes: finds the root of a key in about log_2^b N hops, most of them short",
	Config:    p2p.Default[Config](),
	New:       func(cfg any, state *p2p.State) p2p.Node { return New(cfg.(Config), state) },
	Kinds:     slices.Concat(kinds, introducer.Kinds),
	Ticks:     []string{"keep_alive", "maintain", "repair", "join", "merge"},
	Datagrams: format.Datagrams,
	Accept:    format.Accept,
	Ideal:     func(cfg any, addrs []p2p.Addr) []p2p.State { return Perfect(cfg.(Config), addrs, nil) },
	Detail:    Detail{},
	Angle:     angle,
	Whole:     Exact,
}

// A Detail is the State.Detail of a node: its tables.
type Detail struct {
	ID              ring.ID
	M               ring.Bits
	B               uint8
	Half            int        // the leaves that there are on each side, at most
	Ready           bool       // it answers for the keys around its id
	Smaller, Larger []p2p.Addr // the leaf set, nearest first
	Table           []Slot     // by row and digit
	Near            []Near     // the neighbourhood set, nearest first
}

// A Slot is an entry of the routing table: of the nodes that share Row digits with
// the table's owner and have Digit next, the one that is kept.
type Slot struct {
	Row, Digit uint8
	Node       p2p.Addr
	RTT        time.Duration // 0: not measured
}

// A Near is an entry of the neighbourhood set.
type Near struct {
	Node p2p.Addr
	RTT  time.Duration
}

// Entry returns whom an entry of the tables names, called as in Hop.By: "row 2
// digit 7", "leaf -1", "near 4".
func (d Detail) Entry(by string) []p2p.Addr {
	for _, s := range d.Table {
		if entryOf(int(s.Row), int(s.Digit)).String() == by {
			return []p2p.Addr{s.Node}
		}
	}
	for side, list := range [...][]p2p.Addr{d.Smaller, d.Larger} {
		for i, a := range list {
			if leaf(side, i).String() == by {
				return []p2p.Addr{a}
			}
		}
	}
	for i, n := range d.Near {
		if nearOf(i).String() == by {
			return []p2p.Addr{n.Node}
		}
	}
	return nil
}

// angle places a node on the circle.
func angle(s p2p.State) float64 {
	d, _ := s.Detail.(Detail)
	return math.Ldexp(float64(d.ID), -int(d.M))
}

// A Distance is how long a message takes between two nodes, there and back.
type Distance func(a, b p2p.Addr) time.Duration

// Perfect returns the states of a network with exact leaf sets and full tables, in
// the order of addrs. With a Distance the tables hold the nearest node for each
// slot, and neighbourhood sets are exact; this takes time in proportion to the
// square of their number. Without one, as in Protocol.Ideal, which knows no
// links, each slot holds any of those that fit (the same one each time), and
// neighbourhood sets are empty: all routes are as many hops, but long ones.
func Perfect(cfg Config, addrs []p2p.Addr, far Distance) []p2p.State {
	order := make([]Ref, len(addrs))
	for i, a := range addrs {
		order[i] = Ref{a, cfg.M.Addr(a)}
	}
	refs := slices.Clone(order)
	slices.SortFunc(order, func(a, b Ref) int { return cmp.Compare(a.ID, b.ID) })
	states := make([]p2p.State, len(addrs))
	for i, r := range refs {
		states[i] = perfect(cfg, order, r, far).Inspect()
	}
	return states
}

// perfect makes the node r of a network as it ought to be.
func perfect(cfg Config, order []Ref, r Ref, far Distance) *Pastry {
	p := New(cfg, nil)
	p.standAt(r.Addr)
	p.ready = true
	n := len(order)
	at := p.first(order, r.ID)
	for i := 1; i <= min(p.leaves.half, n-1); i++ {
		p.leaves.sides[larger] = append(p.leaves.sides[larger], order[(at+i)%n])
		p.leaves.sides[smaller] = append(p.leaves.sides[smaller], order[(at+n-i)%n])
	}
	if far != nil {
		for _, o := range order {
			if o != r {
				c := contact{o, max(far(r.Addr, o.Addr), 1)}
				p.offer(c)
				if n := len(p.near); n < cfg.Near || n > 0 && c.rtt < p.near[n-1].rtt {
					p.approach(c)
				}
			}
		}
		return p
	}
	for row := range p.rows() {
		if !p.fillRow(order, row) {
			break
		}
	}
	return p
}

// first returns where in the order the ids at or after id begin.
func (s space) first(order []Ref, id ring.ID) int {
	i, _ := slices.BinarySearchFunc(order, id, func(o Ref, id ring.ID) int { return cmp.Compare(o.ID, id) })
	return i
}

// fillRow fills a row with any nodes that fit, and reports whether others share
// one more digit.
func (p *Pastry) fillRow(order []Ref, row int) (more bool) {
	own := p.digit(p.me.ID, row)
	width := max(int(p.Bits)-(row+1)*int(p.b), 0) // bits that follow digit row
	base := p.me.ID >> width &^ (1<<p.b - 1)
	if int(p.Bits)-row*int(p.b) < int(p.b) { // the last digit is a short one
		base = p.me.ID &^ (1<<(int(p.Bits)-row*int(p.b)) - 1)
	}
	for digit := range 1 << p.b {
		low := (base | ring.ID(digit)) << width
		from := p.first(order, low)
		to := from + p.first(order[from:], low+(1<<width))
		if low+(1<<width) == 0 || low+(1<<width) > p.Max() { // up to the end of the circle
			to = len(order)
		}
		switch fit := order[from:to]; {
		case digit == own:
			more = len(fit) > 1
		case len(fit) > 0:
			c := fit[pickOne(p.me.ID, row, digit)%uint64(len(fit))]
			p.table = append(p.table, slot{uint8(row), uint8(digit), contact{Ref: c}})
		}
	}
	return more
}

// pickOne is a number that stands for chance: the same for the same ids, wherever
// nodes run.
func pickOne(id ring.ID, row, digit int) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, id, row, digit)
	return h.Sum64()
}

// lectureIDs are the peers of the lecture's example, of 11 bits: the first looks
// for the last, and sends first to the second, which has the same first six.
var lectureIDs = [...]string{"01110100101", "01110110010", "01110111101", "01110111001",
	"10010110100", "00101101001", "01000111010", "01101001011", "01111010010", "01110001101", "01110101100", "01110100011"}

// Lecture is the cast of the lecture's example: ids of 11 bits, digits of one. Leaf
// sets are small, or they would spare the prefixes all work.
func Lecture() p2p.Cast {
	cfg := p2p.Default[Config]()
	cfg.M, cfg.B, cfg.Leaves = 11, 1, 2
	cast := make(p2p.Cast, len(lectureIDs))
	for i, text := range lectureIDs {
		id := LectureID(text)
		cast[i] = p2p.Role{Name: "n" + strings.TrimLeft(text, "0"), Config: cfg, Port: func(ip uint32) uint16 {
			port, _ := cfg.M.Port(ip, id)
			return port
		}}
	}
	return cast
}

// LectureID reads an id written in bits.
func LectureID(text string) (id ring.ID) {
	for _, bit := range text {
		id = id<<1 | ring.ID(bit-'0')
	}
	return id
}
