package pastry

import (
	"slices"

	"peerbed/protocols/p2p"
)

// Keeping the tables (section 2.4): leaves exchange their leaf sets now and then,
// which shows who has died and who has come; entries of the routing table are
// looked at in turn. Who is silent twice is dead.

// keepAlive asks the next node on either side, and one other leaf in turn, for
// their leaf sets.
func (p *Pastry) keepAlive() {
	all := p.leaves.all(p.scratch[:0])
	p.scratch = all
	if len(all) == 0 {
		return
	}
	p.turn++
	asked := [...]p2p.Addr{p.leaves.next(smaller, 0).Addr, p.leaves.next(larger, 0).Addr, all[p.turn%len(all)]}
	for i, a := range asked {
		if a != 0 && !slices.Contains(asked[:i], a) {
			p.exchange(a)
		}
	}
}

// An exchange is one node being asked for its leaf set.
type exchange struct {
	p  *Pastry
	to p2p.Addr
}

func (p *Pastry) exchange(a p2p.Addr) {
	p2p.Ask(&p.calls, a.Peer(), getLeaves{}, &exchange{p, a}, (*exchange).answered)
}

func (e *exchange) answered(m *neighbours) {
	if m == nil {
		e.p.suspect(e.to)
		return
	}
	e.p.hear(m.sides)
}

// sides shows the leaf set.
func (p *Pastry) sides() (s sides) {
	for _, r := range p.leaves.sides[smaller] {
		s.Smaller = append(s.Smaller, r.Addr)
	}
	for _, r := range p.leaves.sides[larger] {
		s.Larger = append(s.Larger, r.Addr)
	}
	return s
}

func (p *Pastry) answerLeaves(from p2p.Peer, tag p2p.Tag) {
	p2p.Reply(p.env, from, tag, neighbours{Version: p.leaves.version, sides: p.sides()})
	p.met(from.Addr)
}

// met hears from a node that takes this one for its neighbour.
func (p *Pastry) met(a p2p.Addr) {
	p.rise(a)
	p.consider(a, false)
}

// maintain looks at the next entry of the table, or of the neighbourhood set: does
// it live, and does it know a nearer node for its row, or one for a slot that is
// empty here?
func (p *Pastry) maintain() {
	n := len(p.table) + len(p.near)
	if n == 0 {
		return
	}
	p.look = (p.look + 1) % n
	if p.look < len(p.table) {
		s := p.table[p.look]
		p.study(s.Ref, s.row)
		return
	}
	c := p.near[p.look-len(p.table)]
	p.study(c.Ref, uint8(p.shared(p.me.ID, c.ID)))
}

// A doubt is a node that has not answered, and is pinged.
type doubt struct {
	p  *Pastry
	of p2p.Addr
}

// suspect makes sure that a node is dead before it goes out of the tables: a lost
// datagram should not tear them.
func (p *Pastry) suspect(a p2p.Addr) {
	if slices.Contains(p.doubts, a) || !p.lists(a) {
		return
	}
	p.doubts = append(p.doubts, a)
	p2p.Ask(&p.calls, a.Peer(), ping{}, &doubt{p, a}, (*doubt).cleared)
}

func (d *doubt) cleared(m *pong) {
	p := d.p
	p.doubts = slices.DeleteFunc(p.doubts, func(a p2p.Addr) bool { return a == d.of })
	if m != nil {
		return
	}
	p.merge.lose(d.of)
	p.rest(d.of)
	next := p.leaves.next(smaller, 0).Addr == d.of || p.leaves.next(larger, 0).Addr == d.of
	p.drop(d.of)
	if next {
		p.mourn(d.of)
	}
}

// mourn tells the leaves that one has died, which they may not find out by
// themselves for a while. Only the dead one's neighbours do.
func (p *Pastry) mourn(a p2p.Addr) {
	for _, l := range p.leaves.all(nil) {
		p2p.Send(p.env, l.Peer(), fallen{a})
	}
}

// drop takes a node out of all tables, and looks for others in its place: leaves
// among those it knows, and from the leaf furthest out on the same side; an entry
// of the table from others of its row, or of the next, who would have it in the
// same slot.
func (p *Pastry) drop(a p2p.Addr) {
	p.near = slices.DeleteFunc(p.near, func(c contact) bool { return c.Addr == a })
	if i := p.table.index(a); i >= 0 {
		row := p.table[i].row
		p.table = slices.Delete(p.table, i, i+1)
		if p.cfg.Mend == Lazy {
			m := &mend{p: p, row: row, digit: p.digit(p.Addr(a), int(row))}
			m.ask()
		}
	}
	p.dropLeaf(a)
}

func (p *Pastry) dropLeaf(a p2p.Addr) {
	from := p.leaves.drop(a)
	if from == [2]bool{} {
		return
	}
	for _, list := range p.leaves.sides {
		for _, r := range slices.Clone(list) {
			p.leaves.add(r) // on the other side too
		}
	}
	for _, s := range p.table {
		p.leaves.add(s.Ref)
	}
	for _, c := range p.near {
		p.leaves.add(c.Ref)
	}
	for side, was := range from {
		if list := p.leaves.sides[side]; was && len(list) > 0 {
			p.exchange(list[len(list)-1].Addr)
		}
	}
	if p.leaves.empty() {
		p.solitude()
	}
}

// A mend is an empty slot for which others are asked, one after the other.
type mend struct {
	p     *Pastry
	row   uint8
	digit int
	tried []p2p.Addr
}

// maxMend is how many are asked.
const maxMend = 3

func (m *mend) ask() {
	if _, taken := m.p.table.at(int(m.row), m.digit); taken || len(m.tried) == maxMend {
		return
	}
	for _, row := range [...]int{int(m.row), int(m.row) + 1} {
		for _, s := range m.p.table.row(row) {
			if !slices.Contains(m.tried, s.Addr) {
				m.tried = append(m.tried, s.Addr)
				p2p.Ask(&m.p.calls, s.peer(), getState{Row: m.row}, m, (*mend).told)
				return
			}
		}
	}
}

func (m *mend) told(t *tables) {
	if t != nil {
		for _, a := range t.Slots {
			if r := m.p.ref(a); m.p.shared(m.p.me.ID, r.ID) == int(m.row) && m.p.digit(r.ID, int(m.row)) == m.digit {
				m.p.consider(a, false)
				return
			}
		}
	}
	m.ask()
}
