package linkmodel_test

import (
	"testing"
	"time"

	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// "A datagram waits for no more than a queue of DefaultQueue bytes", whatever
// streams have put on the pipe; what it takes, they get later.
func TestPipe(t *testing.T) {
	const rate = linkmodel.DefaultQueue // so the queue is a second long
	var p linkmodel.Pipe
	if at := p.Stream(rate, 0, 10*rate); at != 10*time.Second {
		t.Errorf("ten seconds of bulk leave at %v", at)
	}
	if at, ok := p.Datagram(rate, 0, rate/8); !ok || at != 1125*time.Millisecond {
		t.Errorf("a datagram behind bulk leaves at %v, %v; want after a second and its own time", at, ok)
	}
	if at := p.Stream(rate, time.Second, rate); at != 11125*time.Millisecond {
		t.Errorf("the next bulk leaves at %v: want all that the pipe has carried in its time", at)
	}
	if at, ok := p.Datagram(rate, time.Minute, rate/8); !ok || at != time.Minute+125*time.Millisecond {
		t.Errorf("on the idle pipe a datagram leaves at %v, %v", at, ok)
	}
	lost := 0
	for range 20 {
		if _, ok := p.Datagram(rate, time.Minute, rate/8); !ok {
			lost++
		}
	}
	if lost != 12 {
		t.Errorf("%d of 20 datagrams of an eighth of the queue were lost, after one: want 12", lost)
	}
	if at, ok := p.Datagram(0, time.Hour, 1); !ok || at != time.Hour || p.Stream(0, time.Hour, 1) != time.Hour {
		t.Error("a pipe without a rate takes time")
	}
}

func TestAccess(t *testing.T) {
	a, b := p2p.MakeAddr(1, 1), p2p.MakeAddr(2, 1)
	m := linkmodel.Model{Access: []linkmodel.Access{{Node: a, Up: 5, Down: 7}}}
	if got := m.AccessOf(p2p.MakeAddr(1, 9)); got.Up != 5 || got.Down != 7 {
		t.Errorf("access of a: %+v", got)
	}
	if got := m.AccessOf(b); got.Up != 0 || got.Down != 0 {
		t.Errorf("access of b: %+v", got)
	}
	if m.Perfect() || !m.Bare() || m.Link(a, b) != (linkmodel.Link{}) {
		t.Errorf("perfect %v, bare %v, link %+v", m.Perfect(), m.Bare(), m.Link(a, b))
	}
}

func TestDrops(t *testing.T) {
	a, b := p2p.MakeAddr(1, 1), p2p.MakeAddr(2, 1)
	m := linkmodel.Model{
		Default: linkmodel.Link{Loss: 0.5, Delay: time.Second},
		Drops:   []linkmodel.Drop{{From: []p2p.Addr{a}, Share: 0.5}, {To: []p2p.Addr{b}, Share: 0.5}},
	}
	for _, test := range []struct {
		from, to p2p.Addr
		want     float64
	}{{a, b, 0.875}, {b, a, 0.5}, {b, b, 0.75}, {a, a, 0.75}} {
		if got := m.Link(test.from, test.to); got.Loss != test.want || got.Delay != time.Second {
			t.Errorf("from %v to %v: %+v, want a loss of %v and the same delay", test.from, test.to, got, test.want)
		}
	}
}

func TestPart(t *testing.T) {
	a, b := p2p.MakeAddr(1, 1), p2p.MakeAddr(2, 1)
	m := linkmodel.Model{
		Pairs:  []linkmodel.Pair{{From: a, To: b}, {From: b, To: b}, {To: a}},
		Access: []linkmodel.Access{{Node: b}, {Node: a}},
		Drops:  []linkmodel.Drop{{From: []p2p.Addr{b}, To: []p2p.Addr{b}}, {To: []p2p.Addr{b}}},
	}
	part := m.Part(a)
	if len(part.Pairs) != 2 || len(part.Access) != 1 || part.Access[0].Node != a || len(part.Drops) != 1 || len(m.Pairs) != 3 {
		t.Errorf("the part of a is %+v", part)
	}
}

func TestCheckOfAccessAndDrops(t *testing.T) {
	for _, m := range []linkmodel.Model{
		{Access: []linkmodel.Access{{Up: -1}}},
		{Access: []linkmodel.Access{{Down: -1}}},
		{Drops: []linkmodel.Drop{{Share: 1.5}}},
	} {
		if m.Check() == nil {
			t.Errorf("%+v passed", m)
		}
	}
}
