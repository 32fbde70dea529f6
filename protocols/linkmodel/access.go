package linkmodel

import (
	"fmt"
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// An Access is the line by which one node is connected: all its conversations
// share it, as households do theirs. What it sends goes over Up and then over
// the Link to the receiver, and over the receiver's Down.
type Access struct {
	Node     p2p.Addr // its IP address counts, the port does not
	Up, Down int64    // bytes per second; 0: any
}

// AccessOf returns the access line of a node; any rate if the model has none.
func (m *Model) AccessOf(node p2p.Addr) Access {
	for i := len(m.Access) - 1; i >= 0; i-- {
		if m.Access[i].Node.IP() == node.IP() {
			return m.Access[i]
		}
	}
	return Access{Node: node}
}

// Part returns what a node that makes its own links must know of the model:
// the pairs, drops and ways between regions that it sends or gets on, and its
// own access line.
func (m Model) Part(node p2p.Addr) Model {
	fits := func(a p2p.Addr) bool { return a == 0 || a.IP() == node.IP() }
	m.Pairs = slices.DeleteFunc(slices.Clone(m.Pairs), func(p Pair) bool { return !fits(p.From) && !fits(p.To) })
	m.Access = slices.DeleteFunc(slices.Clone(m.Access), func(a Access) bool { return !fits(a.Node) })
	m.Drops = slices.DeleteFunc(slices.Clone(m.Drops), func(d Drop) bool { return !among(d.From, node) && !among(d.To, node) })
	if m.Regions != nil {
		m.Regions = m.Regions.part(node)
	}
	return m
}

// A Pipe is one direction of an access line, which remembers until when it is
// busy. It differs from a Line, which one conversation has for itself: bulk data
// that waits for its turn must neither drop the datagrams of others nor delay
// them without end. So streams put one message after another on it, each
// waiting for the one before (which shares the pipe fairly among them), and a
// datagram waits for no more than a queue of DefaultQueue bytes. The zero Pipe
// is idle.
type Pipe struct {
	free  time.Duration // when all that it has taken on will have left
	small time.Duration // and the datagrams alone
}

// Stream says when the last of size bytes of a stream leaves the pipe.
func (p *Pipe) Stream(rate int64, now time.Duration, size int) time.Duration {
	if rate == 0 {
		return now
	}
	p.free = max(p.free, now) + time.Duration(perByte(rate, size))
	return p.free
}

// Datagram says when a datagram leaves the pipe, or that datagrams alone fill
// its queue and this one is lost. One that overtakes bulk data takes its time
// from what comes later.
func (p *Pipe) Datagram(rate int64, now time.Duration, size int) (leaves time.Duration, ok bool) {
	if rate == 0 {
		return now, true
	}
	queue, own := time.Duration(perByte(rate, DefaultQueue)), time.Duration(perByte(rate, size))
	if p.small-now > queue {
		return 0, false
	}
	p.small = max(p.small, now) + own
	p.free = max(p.free, now) + own
	return max(p.small, min(p.free, now+queue+own)), true
}

// A Drop loses a share of all packets from any of From to any of To, those of
// streams too, which TCP then sends again. An empty list stands for all nodes.
// Where the kernel does it (nftables' numgen), only IP addresses count.
type Drop struct {
	From, To []p2p.Addr
	Share    float64 // 0 to 1
}

func (d *Drop) hits(from, to p2p.Addr) bool { return among(d.From, from) && among(d.To, to) }

func among(set []p2p.Addr, a p2p.Addr) bool {
	return len(set) == 0 || slices.ContainsFunc(set, func(b p2p.Addr) bool { return a.IP() == b.IP() })
}

// Check reports a share that makes no sense.
func (d *Drop) Check() error {
	if !(d.Share >= 0 && d.Share <= 1) { // also NaN
		return fmt.Errorf("drop of a share of %v: want 0 to 1", d.Share)
	}
	return nil
}

// Lossy returns the link with a further cause of loss, which does not depend on
// those that it has. (The conversions keep a compiler from fusing the
// operations, which would round differently on some machines.)
func (l Link) Lossy(share float64) Link {
	kept := float64(float64(1-l.Loss) * float64(1-share))
	l.Loss = 1 - kept
	return l
}
