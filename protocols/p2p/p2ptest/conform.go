package p2ptest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/harness/sim"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

const (
	crowd   = 12              // nodes of a conformance test
	joining = 2 * time.Minute // until they surely know one another
	calming = time.Minute     // after a disturbance
	song    = "song"
	size    = 300_000
)

// Conform holds a protocol against what the contract asks of all: a few nodes
// join through the introducer, publish, find, fetch, leave, crash, come back,
// and hear nonsense.
func Conform(t *testing.T, p *p2p.Protocol) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *p2p.Protocol)
	}{
		{"Kinds", kinds},
		{"PublishFindFetch", publishFindFetch},
		{"FindNothing", findNothing},
		{"Unsupported", unsupported},
		{"CrashAndRestart", crashAndRestart},
		{"CutAndHeal", cutAndHeal},
		{"Leave", leave},
		{"Inspect", inspect},
		{"Repeats", repeats},
		{"Strangers", strangers},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, p) })
	}
}

// A bed is a network that the tests make their demands on.
type bed struct {
	*sim.World
	t     *testing.T
	nodes []p2p.Addr
}

var strict = sim.Config{Seed: 1, Strict: true, Poison: true}

// lay starts the introducer and n nodes and lets them join.
func lay(t *testing.T, p *p2p.Protocol, n int, c sim.Config) *bed {
	t.Helper()
	b := &bed{World: sim.New(c), t: t}
	b.must(b.Spawn(harness.Spec{Index: 0, Name: intro, Protocol: introducer.Protocol}))
	for i, role := range p.Roles(n) {
		b.join(p, i+1, role)
	}
	b.Run(joining)
	return b
}

func (b *bed) join(p *p2p.Protocol, index int, role p2p.Role) {
	b.t.Helper()
	a := sim.Addr(index)
	if role.Port != nil {
		a = p2p.MakeAddr(a.IP(), role.Port(a.IP()))
	}
	b.must(b.Spawn(harness.Spec{
		Index: index, Name: fmt.Sprintf("%s-%d", role.Name, index), Protocol: p,
		Config: introduced(role.Config), Addr: a, Hosts: map[string]p2p.Addr{intro: sim.Addr(0)},
	}))
	b.nodes = append(b.nodes, a)
	b.Run(100 * time.Millisecond)
}

// introduced returns cfg with the introducer's name, if it wants one.
func introduced(cfg any) any {
	if with, err := p2p.With(cfg, "introducer="+intro+":7000"); err == nil {
		return with
	}
	return cfg
}

func (b *bed) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// do asks a node and waits for the outcome, which must come, and once.
func (b *bed) do(a p2p.Addr, op p2p.Op) harness.Outcome {
	b.t.Helper()
	var all []harness.Outcome
	b.World.Do(a, op, func(o harness.Outcome) { all = append(all, o) })
	if !b.RunUntil(func() bool { return len(all) > 0 }, longest) {
		b.t.Fatalf("%T%+v at %v: done was never called", op, op, a)
	}
	if errors.Is(all[0].Err, p2p.ErrTimeout) && all[0].Took >= p2p.MaxOp {
		b.t.Fatalf("%T%+v at %v: the Node did not call done within %v", op, op, a, p2p.MaxOp)
	}
	return all[0]
}

func (b *bed) succeed(a p2p.Addr, op p2p.Op) harness.Outcome {
	b.t.Helper()
	o := b.do(a, op)
	if o.Err != nil {
		b.t.Fatalf("%T%+v at %v: %v", op, op, a, o.Err)
	}
	return o
}

// publish lets the second node publish the song, and gives the others time to
// hear of it.
func (b *bed) publish() (at p2p.Addr) {
	b.t.Helper()
	at = b.nodes[1]
	b.succeed(at, p2p.Publish{Name: song, Size: size, Seed: 42})
	b.Run(calming)
	return at
}

// "Kind answers on a nil pointer too"; and every kind has a class.
func kinds(t *testing.T, p *p2p.Protocol) {
	p.Index() // panics if two share a kind
	for _, k := range p.Kinds {
		null := reflect.Zero(reflect.TypeOf(k.Blank)).Interface().(p2p.Msg)
		if null.Kind() != k.Blank.Kind() {
			t.Errorf("%s: Kind of nil is %d, of Blank %d", k.Name, null.Kind(), k.Blank.Kind())
		}
		if k.Class != p2p.Lookup && k.Class != p2p.Membership && k.Class != p2p.Transfer {
			t.Errorf("%s: class %q", k.Name, k.Class)
		}
	}
}

func publishFindFetch(t *testing.T, p *p2p.Protocol) {
	b := lay(t, p, crowd, strict)
	owner := b.publish()
	asker := b.nodes[crowd-1]
	found := b.succeed(asker, p2p.Find{Name: song})
	if len(found.Found) == 0 {
		t.Errorf("Find: no error, but nobody is named; %v has it", owner)
	}
	got := b.succeed(asker, p2p.Fetch{Name: song})
	if want := (p2p.Blob{Name: song, Len: size}); got.Blob != want {
		t.Errorf("Fetch: Blob is %+v, want %+v", got.Blob, want)
	}
	if !b.Holds(asker, song, size, 42) {
		t.Errorf("Fetch: no error, but what lies on the disk of %v is not what %v published", asker, owner)
	}
}

func findNothing(t *testing.T, p *p2p.Protocol) {
	b := lay(t, p, crowd, strict)
	for _, op := range []p2p.Op{p2p.Find{Name: "nosuch"}, p2p.Fetch{Name: "nosuch"}} {
		if o := b.do(b.nodes[3], op); o.Err == nil {
			t.Errorf("%T of what nobody has: %+v, and no error", op, o.Result)
		}
	}
}

// An unheardOf is an Op that no protocol knows.
type unheardOf struct{ p2p.Op }

func unsupported(t *testing.T, p *p2p.Protocol) {
	b := lay(t, p, 2, strict)
	if o := b.do(b.nodes[0], unheardOf{}); !errors.Is(o.Err, p2p.ErrUnsupported) {
		t.Errorf("an Op that the protocol cannot know: error %v, want %v", o.Err, p2p.ErrUnsupported)
	}
}

func crashAndRestart(t *testing.T, p *p2p.Protocol) {
	b := lay(t, p, crowd, strict)
	b.publish()
	victim := b.nodes[crowd/2]
	b.must(b.Crash(victim))
	b.Run(calming)
	b.succeed(b.nodes[crowd-1], p2p.Find{Name: song})
	b.must(b.Restart(victim))
	b.Run(calming)
	b.succeed(victim, p2p.Find{Name: song})
}

func cutAndHeal(t *testing.T, p *p2p.Protocol) {
	b := lay(t, p, crowd, strict)
	b.publish()
	b.must(b.Apply(fault.Net{Cuts: fault.Split(b.nodes[:crowd/2], b.nodes[crowd/2:])}))
	b.Run(p2p.Silence / 2) // short enough for streams to survive
	b.must(b.Apply(fault.Net{}))
	b.Run(joining)
	b.succeed(b.nodes[0], p2p.Find{Name: song})
}

func leave(t *testing.T, p *p2p.Protocol) {
	b := lay(t, p, crowd, strict)
	b.publish()
	gone := b.nodes[crowd/2]
	o := b.do(gone, p2p.Leave{})
	if errors.Is(o.Err, p2p.ErrUnsupported) {
		t.Skip("it does not know how to leave")
	}
	if o.Err != nil {
		t.Fatalf("Leave: %v", o.Err)
	}
	b.Run(calming)
	for _, s := range b.States() {
		if s.ID != intro && slices.Contains(s.Neighbours, gone) {
			t.Errorf("%v still has %v for a neighbour, %v after it left", s.Self, gone, calming)
		}
	}
	b.succeed(b.nodes[crowd-1], p2p.Find{Name: song})
}

// "Inspect changes nothing", and what it tells "shares no memory with the
// Node".
func inspect(t *testing.T, p *p2p.Protocol) {
	b := lay(t, p, crowd, strict)
	before := texts(b.States())
	for i, s := range b.States() {
		if again := fmt.Sprintf("%+v", s); again != before[i] {
			t.Errorf("two looks at once see %s and %s", before[i], again)
		}
		if s.Self == 0 {
			t.Errorf("State.Self is not set: %+v", s)
		}
		for k := range s.Neighbours {
			s.Neighbours[k] = 0
		}
		for k := range s.Stored {
			s.Stored[k] = ""
		}
	}
	for i, after := range texts(b.States()) {
		if after != before[i] {
			t.Errorf("writing to what Inspect returned changes the Node: %s, then %s", before[i], after)
		}
	}
}

func texts(states []p2p.State) []string {
	all := make([]string, len(states))
	for i, s := range states {
		all[i] = fmt.Sprintf("%+v", s)
	}
	return all
}

// The same seed gives the same events, however the world treats old messages;
// another seed gives others.
func repeats(t *testing.T, p *p2p.Protocol) {
	want := life(t, p, strict)
	for _, c := range []sim.Config{strict, {Seed: 1}, {Seed: 1, Poison: true}, {Seed: 1, NoRecycle: true}} {
		if got := life(t, p, c); got != want {
			t.Errorf("%+v: hash %x, want %x", c, got, want)
		}
	}
	if life(t, p, sim.Config{Seed: 2}) == want {
		t.Error("another seed gives the same hash")
	}
}

// life is a bit of everything; it returns the hash of all events.
func life(t *testing.T, p *p2p.Protocol, c sim.Config) uint64 {
	b := lay(t, p, crowd, c)
	b.publish()
	b.must(b.Crash(b.nodes[4]))
	b.must(b.Vanish(b.nodes[7]))
	b.World.Do(b.nodes[5], p2p.Fetch{Name: song}, nil)
	b.Run(calming)
	b.must(b.Restart(b.nodes[4]))
	b.World.Do(b.nodes[6], p2p.Find{Name: song}, nil)
	b.Run(calming)
	return b.Hash()
}
