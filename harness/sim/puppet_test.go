package sim_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// A puppet is a Node that does what a test tells it, and keeps a record of all
// that it hears.
type puppet struct {
	env    p2p.Env
	heard  []string
	at     []time.Duration // when
	last   p2p.Peer        // from whom
	inward p2p.Peer        // the last inbound stream
	on     func(from p2p.Peer, m p2p.Msg)
}

// A word is a message with a slice; bulk carries Content; a nod is empty.
type (
	word struct {
		p2p.Tag
		N     uint32
		Bytes []byte
	}
	bulk struct{ Data p2p.Content }
	nod  struct{}
)

const (
	kindWord p2p.Kind = p2p.First + iota
	kindBulk
	kindNod
)

func (*word) Kind() p2p.Kind { return kindWord }
func (*bulk) Kind() p2p.Kind { return kindBulk }
func (*nod) Kind() p2p.Kind  { return kindNod }
func (w *word) Size() int    { return 11 + len(w.Bytes) }
func (b *bulk) Size() int    { return 5 + b.Data.Len }
func (*nod) Size() int       { return 1 }

// puppets are the protocol; made hears of each Node.
func puppets(made func(*puppet)) *p2p.Protocol {
	return &p2p.Protocol{
		Name:   "puppet",
		Config: struct{}{},
		New: func(any, *p2p.State) p2p.Node {
			p := &puppet{}
			made(p)
			return p
		},
		Kinds: []p2p.KindInfo{
			{Name: "word", Class: p2p.Lookup, Blank: &word{}},
			{Name: "bulk", Class: p2p.Transfer, Blank: &bulk{}},
			{Name: "nod", Class: p2p.Membership, Blank: &nod{}},
		},
		Ticks:     []string{"tick", "tock"},
		Datagrams: func() p2p.Codec { return tongue{} },
		Accept:    accept,
	}
}

// accept knows the language by its first byte.
func accept(first []byte) (p2p.Codec, error) {
	switch {
	case len(first) == 0:
		return nil, nil
	case strings.IndexByte("wbn", first[0]) < 0:
		return nil, fmt.Errorf("%w: first byte %d", p2p.ErrMalformed, first[0])
	}
	return tongue{}, nil
}

// tongue is the language: a letter for the type, then the fields.
type tongue struct{}

func (tongue) Append(b []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	switch m := m.(type) {
	case *word:
		b = binary.BigEndian.AppendUint32(append(b, 'w'), m.ID)
		b = binary.BigEndian.AppendUint32(b, m.N)
		b = binary.BigEndian.AppendUint16(b, uint16(len(m.Bytes)))
		return append(b, m.Bytes...), p2p.Content{}, nil
	case *bulk:
		return binary.BigEndian.AppendUint32(append(b, 'b'), uint32(m.Data.Len)), m.Data, nil
	}
	return append(b, 'n'), p2p.Content{}, nil
}

func (tongue) Next(src []byte, _ bool) (p2p.Msg, int, error) {
	r := wire.NewReader(src)
	var m p2p.Msg
	switch r.Uint8() {
	case 'w':
		w := &word{Tag: p2p.Tag{ID: r.Uint32(binary.BigEndian)}, N: r.Uint32(binary.BigEndian)}
		w.Bytes = r.Take(int(r.Uint16(binary.BigEndian)))
		m = w
	case 'b':
		m = &bulk{p2p.View(r.Take(int(r.Uint32(binary.BigEndian))))}
	case 'n':
		m = &nod{}
	}
	if r.Err() != nil {
		return nil, 0, nil // more bytes
	}
	return m, len(src) - r.Len(), nil
}

func (p *puppet) Start(env p2p.Env) { p.env = env }

// An act is a wish to run f within the Node.
type act struct {
	p2p.Op
	f func(p *puppet)
}

func (p *puppet) Do(op p2p.Op, done func(p2p.Result)) {
	switch op := op.(type) {
	case act:
		op.f(p)
		done(p2p.Result{})
	case p2p.Find: // never answered
	default:
		done(p2p.Result{})
	}
}

func (p *puppet) Inspect() p2p.State { return p2p.State{Self: p.env.Self()} }

func (p *puppet) Handle(from p2p.Peer, m p2p.Msg) {
	p.last = from
	p.at = append(p.at, p.env.Now())
	p.heard = append(p.heard, describe(m))
	if up, ok := m.(*p2p.Up); ok && up.Inbound {
		p.inward = from
	}
	if p.on != nil {
		p.on(from, m)
	}
}

func describe(m p2p.Msg) string {
	switch m := m.(type) {
	case *word:
		return fmt.Sprintf("word %d", m.N)
	case *bulk:
		return fmt.Sprintf("bulk %d", m.Data.Len)
	case *nod:
		return "nod"
	case p2p.Tick:
		return fmt.Sprintf("tick %d", m)
	case *p2p.Up:
		return fmt.Sprintf("up %v", m.Inbound)
	case *p2p.Down:
		return fmt.Sprintf("down %v", m.Err)
	case *p2p.Room:
		return "room"
	case *p2p.Resolved:
		return fmt.Sprintf("resolved %v %v", m.Addrs, m.Err)
	case *p2p.Written:
		return fmt.Sprintf("written %d %v", m.Len, m.Err)
	case *p2p.Summed:
		return fmt.Sprintf("summed %x %v", m.Sum, m.Err)
	}
	return fmt.Sprintf("%T", m)
}

// A theatre is a World of puppets.
type theatre struct {
	*sim.World
	t        *testing.T
	protocol *p2p.Protocol
	puppets  []*puppet // of the latest life
	born     *puppet
}

// steady are links of 10 ms.
var steady = linkmodel.Model{Default: linkmodel.Link{Delay: 10 * time.Millisecond}}

func open(t *testing.T, n int, c sim.Config) *theatre {
	t.Helper()
	if c.Model.Perfect() {
		c.Model = steady
	}
	s := &theatre{World: sim.New(c), t: t}
	s.protocol = puppets(func(p *puppet) { s.born = p })
	for range n {
		s.join()
	}
	return s
}

func strict(t *testing.T, n int) *theatre {
	return open(t, n, sim.Config{Seed: 1, Strict: true, Poison: true})
}

func (s *theatre) join() {
	s.t.Helper()
	i := len(s.puppets)
	hosts := map[string]p2p.Addr{"first": sim.Addr(0)}
	if err := s.Spawn(harness.Spec{Index: i, Protocol: s.protocol, Hosts: hosts}); err != nil {
		s.t.Fatal(err)
	}
	s.puppets = append(s.puppets, s.born)
}

// let runs f within node i, now.
func (s *theatre) let(i int, f func(p *puppet)) {
	s.t.Helper()
	over := false
	s.Do(sim.Addr(i), act{f: f}, func(o harness.Outcome) { over = o.Err == nil })
	if !s.RunUntil(func() bool { return over }, 0) {
		s.t.Fatalf("node %d does not run", i)
	}
}

// dial opens a stream from one node to another and waits until it stands.
func (s *theatre) dial(from, to int) (there, back p2p.Peer) {
	s.t.Helper()
	s.let(from, func(p *puppet) {
		there = p.env.Dial(sim.Addr(to), tongue{}, p)
		p2p.Send(p.env, there, nod{})
	})
	s.Run(100 * time.Millisecond)
	s.expect(from, "up false")
	s.expect(to, "up true", "nod")
	return there, s.puppets[to].inward
}

// expect holds what node i has heard since it was last asked.
func (s *theatre) expect(i int, want ...string) {
	s.t.Helper()
	p := s.puppets[i]
	if !slices.Equal(p.heard, want) {
		s.t.Fatalf("at %v node %d has heard %q, want %q", s.Now(), i, p.heard, want)
	}
	p.heard, p.at = nil, nil
}

func (s *theatre) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// panics returns what f panics with.
func panics(t *testing.T, f func()) (text string) {
	t.Helper()
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	t.Fatal("no panic")
	return ""
}
