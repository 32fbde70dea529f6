package sim

import (
	"math/bits"
	"math/rand/v2"
	"slices"

	"peerbed/harness/fault"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// A network is what lies between the hosts.
type network struct {
	pcg    rand.PCG
	rand   *rand.Rand      // of all links
	probes *rand.Rand      // in its place while probing; nil: never yet
	base   linkmodel.Model // where nothing is asked for
	model  linkmodel.Model
	plain  bool // the model is the same between any two
	lines  map[way]*linkmodel.Line
	made   linkmodel.Link // the last that link had to make
	still  linkmodel.Line // of links without a Rate: they remember nothing
	cuts   []fault.Cut
	walls  []p2p.Addr
	drops  []linkmodel.Drop // of the model too
	table  *table
}

// A way is one direction between two IP addresses.
type way struct{ from, to uint32 }

// links puts a model in place of the last. What it does not say of the links
// themselves is the base's.
func (n *network) links(m linkmodel.Model) {
	b := &n.base
	if m.Bare() {
		m.Default, m.Plane, m.Regions, m.Pairs = b.Default, b.Plane, b.Regions, b.Pairs
	}
	m.Access = slices.Concat(b.Access, m.Access)
	n.drops, m.Drops = slices.Concat(b.Drops, m.Drops), nil
	n.model = m
	n.plain = m.Uniform()
}

// link returns the direction between two addresses, to be read before the next.
func (n *network) link(from, to p2p.Addr) *linkmodel.Link {
	if n.plain && len(n.drops) == 0 {
		return &n.model.Default
	}
	n.made = n.model.Link(from, to)
	if len(n.drops) > 0 {
		n.made = n.lossy(n.made, from, to)
	}
	return &n.made
}

// line returns what the direction remembers: nothing, if it has no Rate.
func (n *network) line(l *linkmodel.Link, from, to p2p.Addr) *linkmodel.Line {
	if l.Rate == 0 {
		return &n.still
	}
	key := way{from.IP(), to.IP()}
	line := n.lines[key]
	if line == nil {
		line = &linkmodel.Line{}
		n.lines[key] = line
	}
	return line
}

// part works out who stands on which sides of which cuts and drops, who is
// behind a wall and who has a line of his own.
func (w *World) part(n fault.Net) {
	net := &w.net
	net.cuts, net.walls = n.Cuts, n.Walls
	for h := range w.hosts() {
		h.stand(len(net.cuts), len(net.drops))
		h.walled = false
		h.connect(linkmodel.Access{})
	}
	for i, c := range net.cuts {
		w.side(c.From, func(h *host) { h.own().cuts.from.set(i) })
		w.side(c.To, func(h *host) { h.own().cuts.to.set(i) })
	}
	for i, d := range net.drops {
		w.side(orAll(w, d.From), func(h *host) { h.own().drops.from.set(i) })
		w.side(orAll(w, d.To), func(h *host) { h.own().drops.to.set(i) })
	}
	w.side(net.walls, func(h *host) { h.walled = true })
	for _, a := range net.model.Access {
		w.side([]p2p.Addr{a.Node}, func(h *host) { h.connect(a) })
	}
}

// side calls f for those of the addresses that are hosts.
func (w *World) side(list []p2p.Addr, f func(h *host)) {
	for _, a := range list {
		if h := w.table.find(a.IP()); h != nil {
			f(h)
		}
	}
}

// orAll returns the list, or all there are if it is empty.
func orAll(w *World, list []p2p.Addr) []p2p.Addr {
	if len(list) > 0 {
		return list
	}
	for h := range w.hosts() {
		list = append(list, h.addr)
	}
	return list
}

// stand makes room for the sides of so many cuts and drops that h stands on.
func (h *host) stand(cuts, drops int) {
	if cuts > 0 || drops > 0 || h.belongings != nil {
		h.own().cuts, h.own().drops = makeSides(cuts), makeSides(drops)
	}
}

// place does for a host that comes later what part does for all.
func (n *network) place(h *host) {
	h.stand(len(n.cuts), len(n.drops))
	for i, c := range n.cuts {
		h.own().cuts.place(i, holds(c.From, h), holds(c.To, h))
	}
	for i, d := range n.drops {
		h.own().drops.place(i, len(d.From) == 0 || holds(d.From, h), len(d.To) == 0 || holds(d.To, h))
	}
	h.walled = holds(n.walls, h)
	h.connect(n.model.AccessOf(h.addr))
}

func holds(side []p2p.Addr, h *host) bool {
	return slices.ContainsFunc(side, func(a p2p.Addr) bool { return a.IP() == h.addr.IP() })
}

// A set holds small numbers, one bit for each.
type set []uint64

func (s set) set(i int) { s[i/64] |= 1 << (i % 64) }

// Sides say which cuts, or drops, a host stands on the near side of, and on
// the far side. So asking whether two hosts are parted is one AND.
type sides struct{ from, to set }

// makeSides returns room for n of them; the zero sides for none.
func makeSides(n int) sides {
	words := (n + 63) / 64
	if words == 0 {
		return sides{}
	}
	both := make(set, 2*words)
	return sides{both[:words], both[words:]}
}

func (s sides) place(i int, from, to bool) {
	if from {
		s.from.set(i)
	}
	if to {
		s.to.set(i)
	}
}

// cutFrom reports whether what h sends to t is cut off.
func (h *host) cutFrom(t *host) bool {
	if len(h.w.net.cuts) == 0 {
		return false
	}
	for i, w := range h.own().cuts.from {
		if w&t.own().cuts.to[i] != 0 {
			return true
		}
	}
	return false
}

// lossy adds to a link the drops between two hosts.
func (n *network) lossy(l linkmodel.Link, from, to p2p.Addr) linkmodel.Link {
	f, t := n.table.find(from.IP()), n.table.find(to.IP())
	if f == nil || t == nil {
		return l
	}
	for i, w := range f.own().drops.from {
		for both := w & t.own().drops.to[i]; both != 0; both &= both - 1 {
			l = l.Lossy(n.drops[64*i+bits.TrailingZeros64(both)].Share)
		}
	}
	return l
}
