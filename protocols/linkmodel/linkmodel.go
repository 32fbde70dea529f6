// Package linkmodel says how long a message takes from one node to another,
// and whether it arrives: delay, jitter, loss and bandwidth of each direction
// of each pair. The same model runs inside the simulator and inside a real
// node (which holds its own messages back before it sends them), so that a
// plan means the same in every world and needs no special kernel.
//
// Draws are made in integers from the caller's seeded stream: the same seed
// gives the same delays on any machine.
package linkmodel

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"time"

	"peerbed/protocols/p2p"
)

// A Law is the distribution of a link's delay.
type Law string

const (
	Constant    Law = ""            // always Delay
	Uniform     Law = "uniform"     // between 0 and twice Delay
	Exponential Law = "exponential" // with mean Delay, as in the Chord paper's simulator
)

// A Link is one direction between two nodes. The zero Link is perfect: no
// delay, no loss, any bandwidth.
type Link struct {
	Delay  time.Duration `json:",omitempty"` // one way: the mean of Law
	Law    Law           `json:",omitempty"`
	Jitter time.Duration `json:",omitempty"` // added to each message: uniform between 0 and Jitter
	Loss   float64       `json:",omitempty"` // share of datagrams that vanish, 0 to 1; a stream is delayed instead
	Rate   int64         `json:",omitempty"` // bytes per second that the line carries; 0: any
	Queue  int           `json:",omitempty"` // bytes that wait for the line before datagrams are dropped; 0: DefaultQueue
}

// DefaultQueue is the room, in bytes, before a line with a Rate.
const DefaultQueue = 64 << 10

// Retransmit is what one lost segment costs a stream, at least: the smallest
// retransmission time-out of common TCPs.
const Retransmit = 200 * time.Millisecond

// A Plane places nodes at random points of a square and makes delay grow with
// distance, the usual synthetic model for proximity experiments.
type Plane struct {
	Side time.Duration // delay along one side of the square
	Seed uint64        // chooses the points
}

// A Pair overrides the default for some links. A zero address stands for any.
type Pair struct {
	From, To p2p.Addr // IP addresses count, ports do not
	Link     Link
}

// A Model is the links of a whole network. The zero Model is a perfect one.
type Model struct {
	Default Link     `json:",omitzero"`
	Plane   *Plane   `json:",omitempty"` // adds its delay to the default's
	Regions *Regions `json:",omitempty"` // add what they say, too
	Pairs   []Pair   `json:",omitempty"` // the last that fits holds
	// Drops and Access come on top of whatever the links are.
	Drops  []Drop   `json:",omitempty"`
	Access []Access `json:",omitempty"` // one for each node at most
}

// Perfect reports whether the model changes nothing, so that a world can leave
// it out.
func (m *Model) Perfect() bool {
	return m.Bare() && len(m.Drops) == 0 && len(m.Access) == 0
}

// Bare reports whether the model leaves the links themselves as they are.
func (m *Model) Bare() bool {
	return m.Default == Link{} && m.Uniform()
}

// Uniform reports whether the links between any two nodes are the Default.
func (m *Model) Uniform() bool {
	return m.Plane == nil && m.Regions == nil && len(m.Pairs) == 0
}

// A Source makes a Model for the nodes that there are. A Model is one itself,
// for the nodes that it names; a table of measurements is another.
type Source interface {
	// Between returns the links between the nodes at these addresses, which
	// are in the order of their numbers.
	Between(nodes []p2p.Addr) Model
	// Check reports the first value that makes no sense.
	Check() error
}

// Between returns m: it does not depend on who the nodes are.
func (m Model) Between([]p2p.Addr) Model { return m }

// Link returns the direction from one node to another.
func (m *Model) Link(from, to p2p.Addr) Link {
	l := m.link(from, to)
	for i := range m.Drops {
		if d := &m.Drops[i]; d.hits(from, to) {
			l = l.Lossy(d.Share)
		}
	}
	return l
}

func (m *Model) link(from, to p2p.Addr) Link {
	for i := len(m.Pairs) - 1; i >= 0; i-- {
		p := &m.Pairs[i]
		if (p.From == 0 || p.From.IP() == from.IP()) && (p.To == 0 || p.To.IP() == to.IP()) {
			return p.Link
		}
	}
	l := m.Default
	if m.Plane != nil {
		l.Delay += m.Plane.delay(from, to)
	}
	if m.Regions != nil {
		l = m.Regions.over(l, from, to)
	}
	return l
}

// Check reports the first value of the model that makes no sense.
func (m Model) Check() error {
	if err := m.Default.check(); err != nil {
		return err
	}
	for _, p := range m.Pairs {
		if err := p.Link.check(); err != nil {
			return fmt.Errorf("link %v to %v: %w", p.From, p.To, err)
		}
	}
	if m.Plane != nil && m.Plane.Side < 0 {
		return fmt.Errorf("plane: side %v is negative", m.Plane.Side)
	}
	if m.Regions != nil {
		if err := m.Regions.check(); err != nil {
			return err
		}
	}
	for i := range m.Drops {
		if err := m.Drops[i].Check(); err != nil {
			return err
		}
	}
	for _, a := range m.Access {
		if a.Up < 0 || a.Down < 0 {
			return fmt.Errorf("access of %v: up %d, down %d: want 0 or more", a.Node, a.Up, a.Down)
		}
	}
	return nil
}

func (l Link) check() error {
	switch {
	case l.Delay < 0 || l.Jitter < 0:
		return fmt.Errorf("delay %v, jitter %v: want 0 or more", l.Delay, l.Jitter)
	case !(l.Loss >= 0 && l.Loss <= 1): // also NaN
		return fmt.Errorf("loss %v: want 0 to 1", l.Loss)
	case l.Rate < 0 || l.Queue < 0:
		return fmt.Errorf("rate %d, queue %d: want 0 or more", l.Rate, l.Queue)
	case l.Law != Constant && l.Law != Uniform && l.Law != Exponential:
		return fmt.Errorf("law %q: want %q, %q or none (constant)", l.Law, Uniform, Exponential)
	}
	return nil
}

// delay is the distance of two points of the plane, in whole nanoseconds.
func (p *Plane) delay(a, b p2p.Addr) time.Duration {
	ax, ay := p.point(a)
	bx, by := p.point(b)
	dx, dy := ax-bx, ay-by
	return time.Duration(root(uint64(dx*dx) + uint64(dy*dy)))
}

// point places an address: a hash of it and the seed, in microseconds scaled
// so that squares fit 64 bits.
func (p *Plane) point(a p2p.Addr) (x, y int64) {
	h := mix(uint64(a.IP()) ^ p.Seed*0x9E3779B97F4A7C15)
	side := uint64(p.Side)
	hx, _ := bits.Mul64(h, side)
	hy, _ := bits.Mul64(mix(h+1), side)
	return int64(hx), int64(hy)
}

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014): every bit
// of the input changes half the bits of the output.
func mix(z uint64) uint64 {
	z += 0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// root is the integer square root, by Newton's method.
func root(n uint64) uint64 {
	if n == 0 {
		return 0
	}
	x := uint64(1) << ((bits.Len64(n) + 1) / 2)
	for {
		y := (x + n/x) / 2
		if y >= x {
			return x
		}
		x = y
	}
}

// A Line is what one direction remembers between messages: until when it is
// busy. The zero Line is idle.
type Line struct{ free time.Duration }

// Datagram says when a datagram of size bytes that is sent now arrives, or
// that it is lost: to Loss, or because the line's queue is full.
func (n *Line) Datagram(l Link, now time.Duration, size int, r *rand.Rand) (arrive time.Duration, ok bool) {
	if l.lost(r) {
		return 0, false
	}
	if l.Rate > 0 {
		queue := l.Queue
		if queue == 0 {
			queue = DefaultQueue
		}
		if n.free > now && int64(n.free-now) > perByte(l.Rate, queue) {
			return 0, false
		}
	}
	return n.through(l, now, size) + l.delay(r), true
}

// Stream says when bytes of a stream that are sent now arrive. They always do:
// loss costs a retransmission. The caller keeps them in order (nothing of a
// stream arrives before what was sent earlier).
func (n *Line) Stream(l Link, now time.Duration, size int, r *rand.Rand) (arrive time.Duration) {
	arrive = n.through(l, now, size) + l.delay(r)
	for again := max(Retransmit, 2*l.Delay); l.lost(r) && again < p2p.Silence; again *= 2 {
		arrive += again
	}
	return arrive
}

// through returns when the last byte has left on the line.
func (n *Line) through(l Link, now time.Duration, size int) time.Duration {
	if l.Rate == 0 {
		return now
	}
	n.free = max(n.free, now) + time.Duration(perByte(l.Rate, size))
	return n.free
}

// perByte returns how many nanoseconds size bytes take at rate.
func perByte(rate int64, size int) int64 {
	hi, lo := bits.Mul64(uint64(size), uint64(time.Second))
	q, _ := bits.Div64(hi%uint64(rate), lo, uint64(rate))
	return int64(q)
}

func (l *Link) lost(r *rand.Rand) bool {
	return l.Loss > 0 && r.Uint64()>>11 < uint64(l.Loss*(1<<53))
}

func (l *Link) delay(r *rand.Rand) time.Duration {
	d := l.Delay
	if d > 0 {
		switch l.Law {
		case Uniform:
			d = time.Duration(r.Int64N(2*int64(d) + 1))
		case Exponential:
			d = Exp(d, r)
		}
	}
	if l.Jitter > 0 {
		d += time.Duration(r.Int64N(int64(l.Jitter) + 1))
	}
	return d
}

// Exp draws from the exponential distribution with the given mean, by
// von Neumann's method (1951), which only compares uniform integers: a run of
// falling numbers of odd length accepts its first as the fraction; every run
// of even length adds one to the whole part.
func Exp(mean time.Duration, r *rand.Rand) time.Duration {
	for whole := uint64(0); ; whole++ {
		first := r.Uint32()
		last, odd := first, true
		for next := r.Uint32(); next < last; next = r.Uint32() {
			last, odd = next, !odd
		}
		if odd {
			hi, lo := bits.Mul64(uint64(mean), whole<<32|uint64(first))
			return time.Duration(hi<<32 | lo>>32)
		}
	}
}
