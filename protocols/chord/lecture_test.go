package chord_test

import (
	"errors"
	"slices"
	"testing"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// lecture is the lecture's ring with complete tables.
func lecture(t *testing.T, changes ...string) *world {
	t.Helper()
	w := &world{World: sim.New(sim.Config{Seed: 1, Strict: true, Poison: true}), t: t}
	cast := chord.Lecture()
	for i, r := range cast {
		w.nodes = append(w.nodes, p2p.MakeAddr(sim.IP(i), r.Port(sim.IP(i))))
	}
	cfg, err := p2p.With(cast[0].Config, changes...)
	w.must(err)
	for i, s := range chord.Protocol.Ideal(cfg, w.nodes) {
		w.must(w.Spawn(harness.Spec{Index: i, Addr: w.nodes[i], Protocol: chord.Protocol, Config: cfg, State: &s}))
	}
	return w
}

// ids writes addresses as points of the lecture's ring.
func ids(addrs []p2p.Addr) []ring.ID {
	var list []ring.ID
	for _, a := range addrs {
		list = append(list, ring.Bits(7).Addr(a))
	}
	return list
}

func way(r p2p.Result) []ring.ID {
	var addrs []p2p.Addr
	for _, h := range r.Path {
		addrs = append(addrs, h.Addr)
	}
	return ids(addrs)
}

func (w *world) at(id ring.ID) p2p.Addr {
	i := slices.Index(ids(w.nodes), id)
	if i < 0 {
		w.t.Fatalf("no node %d", id)
	}
	return w.nodes[i]
}

// k42 is a file whose key is 42.
var k42 = ring.Bits(7).Name("file", 42)

func TestLectureFingers(t *testing.T) {
	w := lecture(t)
	s, err := w.Inspect(w.at(80))
	w.must(err)
	want := []ring.ID{96, 96, 96, 96, 96, 112, 16}
	if got := ids(s.Detail.(chord.Detail).Table(s.Self)); !slices.Equal(got, want) {
		t.Errorf("ft[80] = %v, want %v", got, want)
	}
}

func TestLectureRoute(t *testing.T) {
	for _, style := range []string{"iterative", "recursive", "unacknowledged"} {
		w := lecture(t, "lookup="+style)
		w.must(w.do(w.at(112), p2p.Publish{Name: k42, Size: 1000, Seed: 1}).Err)
		r := w.do(w.at(80), p2p.Find{Name: k42})
		if want := []ring.ID{80, 16, 32, 45}; r.Err != nil || !slices.Equal(way(r), want) || r.Hops != 3 {
			t.Errorf("%s: K42 from N80 goes %v in %d hops (%v), want %v", style, way(r), r.Hops, r.Err, want)
		}
		var by []string
		for _, h := range r.Path {
			by = append(by, h.By)
		}
		if want := []string{"", "finger 6", "finger 4", "successor"}; !slices.Equal(by, want) {
			t.Errorf("%s: the hops were chosen by %q, want %q", style, by, want)
		}
	}
}

func TestLectureCrash(t *testing.T) {
	for _, c := range []struct {
		successors, copies string
		crash              ring.ID
		want               error
		way                []ring.ID
	}{
		{"1", "1", 32, p2p.ErrTimeout, nil},
		{"2", "1", 32, nil, []ring.ID{80, 16, 45}},
		{"2", "1", 45, p2p.ErrNotFound, nil},
		{"2", "2", 45, nil, []ring.ID{80, 16, 32, 80}},
	} {
		for _, style := range []string{"iterative", "recursive"} {
			w := lecture(t, "lookup="+style, "successors="+c.successors, "copies="+c.copies)
			w.must(w.do(w.at(112), p2p.Publish{Name: k42, Size: 1000, Seed: 1}).Err)
			w.must(w.Crash(w.at(c.crash)))
			r := w.do(w.at(80), p2p.Find{Name: k42})
			if !errors.Is(r.Err, c.want) || r.Err == nil && !slices.Equal(way(r), c.way) {
				t.Errorf("%s, r=%s, %s copies, N%d dead: K42 from N80 goes %v, %v; want %v, %v",
					style, c.successors, c.copies, c.crash, way(r), r.Err, c.way, c.want)
			}
		}
	}
}
