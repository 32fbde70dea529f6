package introducer_test

import (
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/check"
	"peerbed/harness/sim"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// A mate greets somebody once a second.
type mate struct{ introducer.Member }

func (m *mate) Start(env p2p.Env) {
	m.Enter(env, "intro:7000")
	m.After(time.Second, p2p.Tick(0))
}

func (m *mate) Handle(from p2p.Peer, msg p2p.Msg) {
	m.Member.Handle(from, msg)
	if tick, ok := msg.(p2p.Tick); ok {
		p2p.Send(m.Env, m.Any().Peer(), greeting{})
		m.After(time.Second, tick)
	}
}

func (m *mate) Do(_ p2p.Op, done func(p2p.Result)) { done(p2p.Result{Err: p2p.ErrUnsupported}) }

type greeting struct{}

func (*greeting) Kind() p2p.Kind { return p2p.First }
func (*greeting) Size() int      { return 1 }

type greetings struct{}

func (greetings) Append(dst []byte, _ p2p.Msg) ([]byte, p2p.Content, error) {
	return append(dst, '.'), p2p.Content{}, nil
}
func (greetings) Next(src []byte, _ bool) (p2p.Msg, int, error) { return &greeting{}, len(src), nil }

var mates = &p2p.Protocol{
	Name: "mate", Config: struct{}{}, Ticks: []string{"greet"},
	New:       func(any, *p2p.State) p2p.Node { return &mate{} },
	Kinds:     append([]p2p.KindInfo{{Name: "greeting", Class: p2p.Membership, Blank: (*greeting)(nil)}}, introducer.Kinds...),
	Datagrams: func() p2p.Codec { return greetings{} },
}

// Members come to know one another: those whom the introducer names and, as the
// first was told of nobody, those from whom datagrams come. So who knows somebody is
// known to him, and all hang together.
func TestMembersMeet(t *testing.T) {
	const n = 12
	w := world(t, 1)
	for i := 1; i <= n; i++ {
		s := harness.Spec{Index: i, Protocol: mates, Hosts: map[string]p2p.Addr{"intro": sim.Addr(0)}}
		if err := w.Spawn(s); err != nil {
			t.Fatal(err)
		}
	}
	w.Run(3 * time.Minute)
	states := make([]p2p.State, n)
	for i := range states {
		var err error
		if states[i], err = w.Inspect(sim.Addr(i + 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := check.All(check.Sane, check.Joined, check.Together)(states); err != nil {
		t.Error(err)
	}
	for _, a := range states {
		for _, b := range states {
			if slices.Contains(a.Neighbours, b.Self) != slices.Contains(b.Neighbours, a.Self) {
				t.Errorf("%v knows %v, and %v knows %v", a.Self, a.Neighbours, b.Self, b.Neighbours)
			}
		}
	}
}

// alone is all that a Member which is not in a network needs.
type alone struct{ p2p.Env }

func (alone) Self() p2p.Addr { return 1 }

func TestMembersKeepOnlySoMany(t *testing.T) {
	m := introducer.Member{Env: alone{}}
	if m.Any() != 1 {
		t.Errorf("who knows nobody draws %v, want itself", m.Any())
	}
	for _, p := range []p2p.Peer{{}, {Addr: 1}, {Addr: 2, Link: 3}} { // a timer, itself, a stream
		if m.Handle(p, &greeting{}); len(m.Peers) > 0 {
			t.Fatalf("it keeps %v", m.Peers)
		}
	}
	for a := range p2p.Addr(2 * introducer.MostPeers) {
		m.Handle(a.Peer(), &greeting{})
	}
	if len(m.Peers) != introducer.MostPeers || len(slices.Compact(slices.Clone(m.Peers))) != introducer.MostPeers {
		t.Errorf("it keeps %d, want %d", len(m.Peers), introducer.MostPeers)
	}
}
