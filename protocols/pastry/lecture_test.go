package pastry_test

import (
	"testing"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/p2p"
	"peerbed/protocols/pastry"
	"peerbed/protocols/ring"
)

// lecture is the lecture's peers with full tables.
func lecture(t *testing.T, changes ...string) *world {
	t.Helper()
	w := &world{World: sim.New(sim.Config{Seed: 1, Strict: true, Poison: true}), t: t}
	cast := pastry.Lecture()
	for i, r := range cast {
		w.nodes = append(w.nodes, p2p.MakeAddr(sim.IP(i), r.Port(sim.IP(i))))
	}
	cfg, err := p2p.With(cast[0].Config, changes...)
	w.must(err)
	for i, s := range pastry.Protocol.Ideal(cfg, w.nodes) {
		w.must(w.Spawn(harness.Spec{Index: i, Addr: w.nodes[i], Protocol: pastry.Protocol, Config: cfg, State: &s}))
	}
	return w
}

// lectureBits is the m of the lecture's ids.
const lectureBits ring.Bits = 11

// The lecture: the peer 01110100101 knows a peer for each of the prefixes *, 0*,
// 01*, 011* and so on, where * stands for the other bit and anything behind it. To
// reach 01110111001 it first goes to the one for 011101*, the longest that matches.
func TestLecturePeer(t *testing.T) {
	w := lecture(t)
	s, err := w.Inspect(w.nodes[0])
	w.must(err)
	id := pastry.LectureID("01110100101")
	d := s.Detail.(pastry.Detail)
	if d.ID != id || len(d.Table) != 9 {
		t.Fatalf("the peer is %b, with %d slots; want %b with 9", d.ID, len(d.Table), id)
	}
	for _, s := range d.Table {
		other := lectureBits.Addr(s.Node)
		for bit := range int(s.Row) + 1 {
			if same := (other^id)>>(10-bit)&1 == 0; same != (bit < int(s.Row)) {
				t.Errorf("row %d holds %011b, which differs from %011b otherwise than in bit %d first", s.Row, other, id, s.Row)
			}
		}
	}
	target := lectureBits.Name("song", pastry.LectureID("01110111001"))
	r := w.do(w.nodes[0], p2p.Find{Name: target})
	if len(r.Path) < 2 {
		t.Fatalf("the way to 01110111001 is %v", r.Path)
	}
	first, last := lectureBits.Addr(r.Path[1].Addr), lectureBits.Addr(r.Path[len(r.Path)-1].Addr)
	if first>>4 != 0b0111011 || r.Path[1].By != "row 6 digit 1" || last != pastry.LectureID("01110111001") {
		t.Errorf("the way goes first to %011b by %s, and ends at %011b", first, r.Path[1].By, last)
	}
}
